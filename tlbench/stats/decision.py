"""Decision curves: what acting on a probability gains, against acting on all or on none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.calibration import check_probabilities
from tlbench.stats.inputs import FloatArray, check_labels


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit (true positives per case) over threshold probabilities, each of shape (t,)."""

    thresholds: FloatArray
    model: FloatArray
    treat_all: FloatArray
    treat_none: FloatArray
    prevalence: float
    n: int


def decision_curve(
    labels: ArrayLike, probabilities: ArrayLike, thresholds: ArrayLike | None = None
) -> DecisionCurve:
    """Return the net benefit of acting where p >= t: tp / n - fp / n * t / (1 - t).

    `labels` (n,) of 0/1, one class is enough; `probabilities` (n,) in [0, 1]; `thresholds` (t,) in
    (0, 1), by default 0.01, 0.02, ..., 0.99. Raises ValueError for bad input.
    Vickers and Elkin 2006, doi:10.1177/0272989X06295361.
    """
    positive = check_labels(labels, both_classes=False)
    p = check_probabilities(probabilities, positive.size)
    given = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, np.float64)
    if given.ndim != 1 or not ((given > 0.0) & (given < 1.0)).all():
        raise ValueError("thresholds must be a list of numbers between 0 and 1")
    n = positive.size
    tp, fp = _at_or_above(p[positive], given) / n, _at_or_above(p[~positive], given) / n
    odds = given / (1.0 - given)
    prevalence = float(np.mean(positive))
    everyone = prevalence - (1.0 - prevalence) * odds
    return DecisionCurve(given, tp - fp * odds, everyone, np.zeros_like(given), prevalence, n)


def _at_or_above(p: FloatArray, thresholds: FloatArray) -> FloatArray:
    below = np.searchsorted(np.sort(p), thresholds, side="left")
    count: FloatArray = (p.size - below).astype(np.float64)
    return count
