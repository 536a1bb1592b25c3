from __future__ import annotations

import numpy as np
import pytest

from tlbench.streams import stream
from tlbench.top_layer import SgdSettings, remaining_fall, train_softmax

SETTINGS = SgdSettings(steps=400)


@pytest.fixture(scope="module")
def features() -> tuple[np.ndarray, np.ndarray]:
    rng = stream(0, "test/features")
    labels = np.repeat([0, 1], [120, 60])
    centres = np.where(labels[:, None] == 1, 0.4, -0.4) * (np.arange(20) < 5)
    return (rng.standard_normal((180, 20)) + centres).astype(np.float32), labels


def train(features, settings=SETTINGS, seed=0):
    X, y = features
    return train_softmax(X, y, X[::3], y[::3], settings, seed)


def test_it_learns_and_its_loss_starts_at_log_two(features) -> None:
    layer = train(features)
    assert layer.loss[0] == pytest.approx(np.log(2), abs=0.01)
    assert layer.loss[-1] < 0.8 * layer.loss[0]
    assert layer.at == [0, 100, 200, 300, 400]
    assert len(layer.validation_loss) == len(layer.at)


def test_the_same_seed_gives_the_same_layer_and_another_does_not(features) -> None:
    first, again, other = train(features), train(features), train(features, seed=1)
    assert np.array_equal(first.weights, again.weights)
    assert not np.array_equal(first.weights, other.weights)


def test_the_start_is_truncated_at_two_sd(features) -> None:
    layer = train(features, SgdSettings(steps=1, learning_rate=0.0))
    assert np.abs(layer.weights).max() <= 0.002
    # The SD of a normal truncated at 2 SD is 0.880 of the untruncated one.
    wide = train_softmax(
        np.zeros((4, 20000), np.float32),
        np.array([0, 1, 0, 1]),
        np.zeros((2, 20000), np.float32),
        np.array([0, 1]),
        SgdSettings(steps=1),
        0,
    )
    assert wide.weights.std() == pytest.approx(0.00088, rel=0.02)


def test_one_step_is_the_gradient_of_the_mean_cross_entropy(features) -> None:
    """Against central differences on the batch that the first step drew."""
    X, y = features
    batch_stream = stream(0, "top layer/batches")
    positive = batch_stream.integers(0, 2, size=(1, 100)).astype(bool)
    place = batch_stream.random((1, 100))
    members = [np.flatnonzero(y == label) for label in (0, 1)]
    picks = [rows[(place * len(rows)).astype(int)] for rows in members]
    rows = np.where(positive, picks[1], picks[0])[0]
    still = train(features, SgdSettings(steps=1, learning_rate=0.0))
    moved = train(features, SgdSettings(steps=1, learning_rate=0.5))
    step = (moved.weights - still.weights).astype(np.float64) / -0.5

    def loss(W: np.ndarray) -> float:
        logits = X[rows].astype(np.float64) @ W
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return float(-log_p[np.arange(100), y[rows]].mean())

    W = still.weights.astype(np.float64)
    for i, j in [(0, 0), (3, 1), (19, 0)]:
        nudge = np.zeros_like(W)
        nudge[i, j] = 1e-5
        slope = (loss(W + nudge) - loss(W - nudge)) / 2e-5
        assert step[i, j] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_classes_are_drawn_evenly_however_rare(features) -> None:
    """With constant features only the bias can learn, and even classes leave it at 0."""
    X = np.zeros((100, 3), np.float32)
    y = np.array([1] + [0] * 99)
    layer = train_softmax(X, y, X, y, SgdSettings(steps=2000), 0)
    assert np.abs(layer.bias).max() < 0.1
    assert layer.score(X) == pytest.approx(np.full(100, 0.5), abs=0.05)


def test_scores_are_the_softmax(features) -> None:
    X, _ = features
    layer = train(features)
    logits = X.astype(np.float64) @ layer.weights.astype(np.float64) + layer.bias
    raised = np.exp(logits)
    assert np.allclose(layer.score(X), raised[:, 1] / raised.sum(axis=1), atol=1e-12)


@pytest.mark.parametrize(
    ("loss", "share"),
    [([4.0, 3.0, 2.0, 1.0, 0.0], 0.25), ([4.0, 0.0, 0.0, 0.0, 0.0], 0.0), ([1.0, 2.0], None)],
)
def test_remaining_fall(loss: list[float], share: float | None) -> None:
    at = list(np.linspace(0, 400, len(loss)).astype(int))
    assert remaining_fall(at, loss) == share
