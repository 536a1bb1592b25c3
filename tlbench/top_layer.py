"""The top layer of `retrain.py` (TensorFlow, 2017): a 2-class softmax trained by plain SGD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.blocks import places, weigh
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
        margin = np.empty(len(features))
        for place in places(*features.shape):
            block = features[place].astype(np.float64)
            margin[place] = weigh(block, weights[:, 1] - weights[:, 0])
        margin += bias[1] - bias[0]
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
    initial = _truncated_normal(
        stream(seed, "top layer/initial"), (train.shape[1], 2), settings.initial_sd
    )
    draw = _class_first(labels, settings, stream(seed, "top layer/batches"))
    at = [0]
    margins, offsets = _descend(train, labels, initial, settings, draw, at)
    # The two columns always move by opposite amounts, for the errors of two classes sum to 0.
    apart = np.array([-0.5, 0.5], dtype=np.float32)
    return SoftmaxLayer(
        initial + (margins[:, -1:] - margins[:, :1]) * apart,
        offsets[-1] * apart,
        at,
        _balanced_losses(train, labels, margins, offsets),
        _balanced_losses(validation, validation_labels, margins, offsets),
    )


def _descend(
    train: NDArray[np.float32],
    labels: NDArray[np.int64],
    initial: NDArray[np.float32],
    settings: SgdSettings,
    draw: NDArray[np.int64],
    at: list[int],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the difference of the two columns of W (d, k), and of b (k,), at k recorded steps.

    Of two classes only the difference counts, so that half of the sums are enough. `at` gets the
    numbers of the recorded steps; losses are made of them later, in one pass over the features.
    """
    margin = initial[:, 1] - initial[:, 0]
    offset: Any = np.float32(0)
    margins, offsets = [margin.copy()], [offset]
    targets = labels.astype(np.float32)
    rate = np.float32(2 * settings.learning_rate / settings.batch)
    batch = np.empty((settings.batch, train.shape[1]), dtype=np.float32)
    for step, rows in enumerate(draw, start=1):
        # Into memory that is there already: asking for it anew costs more than the copy.
        np.take(train, rows, axis=0, out=batch, mode="clip")
        error = _sigmoid(batch @ margin + offset) - targets[rows]
        margin -= rate * (error @ batch)
        offset -= rate * error.sum()
        if step % settings.record_every == 0 or step == settings.steps:
            at.append(step)
            margins.append(margin.copy())
            offsets.append(offset)
    return np.stack(margins, axis=1), np.array(offsets, dtype=np.float32)


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


def _sigmoid(margin: NDArray[np.float32]) -> NDArray[np.float32]:
    # By the hyperbolic tangent, which never overflows.
    return np.asarray(0.5 * (1 + np.tanh(0.5 * margin)), dtype=np.float32)


def _balanced_losses(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    margins: NDArray[np.float32],
    offsets: NDArray[np.float32],
) -> list[float]:
    """Return the class-balanced mean cross-entropy, in nats, for each column of `margins`."""
    total = np.zeros((2, margins.shape[1]))
    for place in places(*features.shape):
        toward = (features[place] @ margins + offsets).astype(np.float64)
        sign = np.where(labels[place] == 1, 1.0, -1.0)
        loss = np.logaddexp(0.0, -toward * sign[:, None])
        for label in (0, 1):
            total[label] += loss[labels[place] == label].sum(axis=0)
    return [float(v) for v in (total / np.bincount(labels, minlength=2)[:, None]).mean(axis=0)]
