"""The top layer of `retrain.py` (TensorFlow, 2017): a 2-class softmax trained by plain SGD."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.streams import stream


@dataclass(frozen=True)
class SgdSettings:
    """What decides the training of the softmax top layer."""

    learning_rate: float = 0.01
    steps: int = 4000
    batch: int = 100
    initial_sd: float = 0.001
    record_every: int = 100


@dataclass(frozen=True)
class SoftmaxLayer:
    """Weights (d, 2) and bias (2,), float32, of the trained layer, and its loss curves.

    `loss` and `validation_loss` are class-balanced mean cross-entropies, in nats, after the
    number of steps in `at`; class-balanced because training draws the class first.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    at: list[int]
    loss: list[float]
    validation_loss: list[float]

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of label 1 for features (n, d), float64 (n,)."""
        weights, bias = self.weights.astype(np.float64), self.bias.astype(np.float64)
        margin = features @ (weights[:, 1] - weights[:, 0]) + (bias[1] - bias[0])
        return np.asarray(0.5 * (1 + np.tanh(0.5 * margin)))


def train_softmax(
    train: NDArray[np.float32],
    labels: NDArray[np.int64],
    validation: NDArray[np.float32],
    validation_labels: NDArray[np.int64],
    settings: SgdSettings,
    seed: int,
) -> SoftmaxLayer:
    """Train the top layer on features (n, d) float32 with labels (n,) and return its last step.

    W starts from a normal truncated at 2 SD, b at 0; each of the batch's rows is drawn by class
    first, then uniformly with replacement. Source: tensorflow/hub `retrain.py` (2017), as used
    by Kim and MacKinnon, Clin Radiol 2018;73(5):439-445.
    """
    rng = stream(seed, "top layer/initial")
    weights = _truncated_normal(rng, (train.shape[1], 2), settings.initial_sd)
    bias = np.zeros(2, dtype=np.float32)
    draw = _class_first(labels, settings, stream(seed, "top layer/batches"))
    targets = np.eye(2, dtype=np.float32)[labels]
    rate = np.float32(settings.learning_rate / settings.batch)
    curves = _Curves(train, labels, validation, validation_labels)
    curves.add(0, weights, bias)
    for step, rows in enumerate(draw, start=1):
        batch = train[rows]
        error = _softmax(batch @ weights + bias) - targets[rows]
        weights -= rate * (batch.T @ error)
        bias -= rate * error.sum(axis=0)
        if step % settings.record_every == 0 or step == settings.steps:
            curves.add(step, weights, bias)
    return SoftmaxLayer(weights, bias, curves.at, curves.loss, curves.validation_loss)


def remaining_fall(at: list[int], loss: list[float]) -> float | None:
    """Return which share of the whole fall of `loss` fell into the last quarter of the steps.

    A layer whose training has settled is near 0; a straight line gives a quarter. None where
    the loss did not fall at all.
    """
    whole = loss[0] - loss[-1]
    if whole <= 0:
        return None
    return (float(np.interp(0.75 * at[-1], at, loss)) - loss[-1]) / whole


def _class_first(
    labels: NDArray[np.int64], settings: SgdSettings, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Row numbers (steps, batch): a fair coin for the class, then a row of that class."""
    shape = (settings.steps, settings.batch)
    positive = rng.integers(0, 2, size=shape).astype(bool)
    place = rng.random(shape)
    members = [np.flatnonzero(labels == label) for label in (0, 1)]
    picks = [rows[(place * len(rows)).astype(np.int64)] for rows in members]
    return np.where(positive, picks[1], picks[0])


def _truncated_normal(
    rng: np.random.Generator, shape: tuple[int, int], sd: float
) -> NDArray[np.float32]:
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return (values * sd).astype(np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


class _Curves:
    """The loss on the training and the validation partition as training goes on."""

    def __init__(
        self,
        train: NDArray[np.float32],
        labels: NDArray[np.int64],
        validation: NDArray[np.float32],
        validation_labels: NDArray[np.int64],
    ) -> None:
        self._train, self._labels = train, labels
        self._validation, self._validation_labels = validation, validation_labels
        self.at: list[int] = []
        self.loss: list[float] = []
        self.validation_loss: list[float] = []

    def add(self, step: int, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        self.at.append(step)
        self.loss.append(_balanced_loss(self._train, self._labels, weights, bias))
        self.validation_loss.append(
            _balanced_loss(self._validation, self._validation_labels, weights, bias)
        )


def _balanced_loss(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> float:
    logits = (features @ weights + bias).astype(np.float64)
    margin = (logits[:, 1] - logits[:, 0]) * np.where(labels == 1, 1.0, -1.0)
    loss = np.logaddexp(0.0, -margin)
    return float(np.mean([loss[labels == label].mean() for label in (0, 1)]))
