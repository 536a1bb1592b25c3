"""Whether scores that are meant as probabilities are right as probabilities."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import (
    BoolArray,
    FloatArray,
    check_choice,
    check_labels,
    check_level,
    check_scores,
)
from tlbench.stats.logistic import fit_intercept, fit_line
from tlbench.stats.reference import quantile

Binning = Literal["width10_left_closed", "width10_right_closed", "quantile10"]
_BINNINGS = ("width10_left_closed", "width10_right_closed", "quantile10")


def check_probabilities(probabilities: ArrayLike, n: int) -> FloatArray:
    """Return probabilities as float64 (n,); raises ValueError where one is not in [0, 1]."""
    given = check_scores(probabilities, n)
    outside = (given < 0.0) | (given > 1.0)
    if outside.any():
        first = int(np.argmax(outside))
        raise ValueError(f"scores[{first}] is {given[first]}: a probability lies between 0 and 1")
    return given


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the Brier score, the mean of (p - y)^2.

    `labels` (n,) of 0/1, one class is enough; `probabilities` (n,) in [0, 1]. Raises ValueError for
    bad input. Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    positive, p = _check(labels, probabilities)
    return float(np.mean((p - positive) ** 2))


def log_loss(labels: ArrayLike, probabilities: ArrayLike, *, clip: float | None = None) -> float:
    """Return the mean of -log of the probability given to what was the case, natural logarithm.

    `labels` (n,) of 0/1, one class is enough; `probabilities` (n,) in [0, 1]. By definition +inf
    where a case got probability 0; `clip` keeps p within [clip, 1 - clip] first (2^-52 is
    scikit-learn's). Raises ValueError for bad input. Good 1952,
    doi:10.1111/j.2517-6161.1952.tb00104.x.
    """
    positive, p = _check(labels, probabilities)
    if clip is not None:
        if not 0.0 < clip < 0.5:
            raise ValueError(f"clip must lie between 0 and 0.5, not {clip!r}")
        p = np.clip(p, clip, 1.0 - clip)
    # log1p(-p) is the logarithm of 1 - p without rounding 1 - p first.
    with np.errstate(divide="ignore"):
        losses = -np.where(positive, np.log(p), np.log1p(-p))
    return float(np.mean(losses))


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability curve: its edges, cases, mean probability and observed rate."""

    low: float
    high: float
    n: int
    mean_predicted: float
    observed: float


@dataclass(frozen=True)
class Reliability:
    """A reliability curve and what it sums to.

    `ece` is the expected calibration error, sum of n_b / n |mean y - mean p|; `mce` the largest;
    `bins` those that hold cases.
    """

    ece: float
    mce: float
    binning: str
    n: int
    bins: tuple[ReliabilityBin, ...]


def reliability(
    labels: ArrayLike, probabilities: ArrayLike, *, binning: Binning = "width10_left_closed"
) -> Reliability:
    """Return the reliability curve with expected and maximum calibration error.

    `labels` (n,) of 0/1, one class is enough; `probabilities` (n,) in [0, 1]. Bins:
    "width10_left_closed" [0, .1), ..., [.9, 1]; "width10_right_closed" [0, .1], (.1, .2], ...;
    "quantile10" between deciles (type 7), an edge going to the lower bin. Empty bins are left out.
    The errors depend on the binning and fall with fewer bins. Raises ValueError for bad input.
    Naeini, Cooper and Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602.
    """
    check_choice("binning", binning, _BINNINGS)
    positive, p = _check(labels, probabilities)
    edges = np.quantile(p, np.arange(11) / 10) if binning == "quantile10" else np.arange(11) / 10
    side: Literal["left", "right"] = "right" if binning == "width10_left_closed" else "left"
    place = np.searchsorted(edges[1:-1], p, side=side)
    counts = np.bincount(place, minlength=10)
    predicted = np.bincount(place, weights=p, minlength=10)
    observed = np.bincount(place, weights=positive, minlength=10)
    bins = tuple(
        ReliabilityBin(
            float(edges[b]),
            float(edges[b + 1]),
            int(counts[b]),
            float(predicted[b] / counts[b]),
            float(observed[b] / counts[b]),
        )
        for b in np.flatnonzero(counts)
    )
    gaps = np.array([abs(one.observed - one.mean_predicted) for one in bins])
    weights = np.array([one.n for one in bins]) / p.size
    return Reliability(float(weights @ gaps), float(gaps.max()), binning, p.size, bins)


@dataclass(frozen=True)
class Coefficient:
    """A regression coefficient with standard error and Wald limits."""

    value: float
    se: float
    low: float
    high: float


@dataclass(frozen=True)
class CalibrationLine:
    """Calibration by logistic regression of the labels on logit(p); None where undefined.

    `slope` and `intercept` of logit P(y = 1) = intercept + slope logit(p), ideally 1 and 0;
    `in_the_large` the intercept with the slope held at 1, ideally 0. `note` says why one is None.
    """

    slope: Coefficient | None
    intercept: Coefficient | None
    in_the_large: Coefficient | None
    level: float
    n: int
    note: str | None = None


def calibration_line(
    labels: ArrayLike, probabilities: ArrayLike, *, level: float = 0.95
) -> CalibrationLine:
    """Return calibration slope, intercept and calibration in the large, with Wald intervals.

    `labels` (n,) of 0/1, both classes; `probabilities` (n,) in [0, 1]. Maximum likelihood. All are
    None where a probability is 0 or 1 (its logit is infinite); slope and intercept also where all
    probabilities are equal or where they separate the classes (no finite maximum). Raises
    ValueError for bad input. Cox 1958, doi:10.1093/biomet/45.3-4.562; Van Calster et al. 2019,
    doi:10.1186/s12916-019-1466-7.
    """
    check_level(level)
    positive = check_labels(labels)
    p = check_probabilities(probabilities, positive.size)
    if ((p == 0.0) | (p == 1.0)).any():
        infinite = "a probability is 0 or 1, whose logit is infinite"
        return CalibrationLine(None, None, None, level, p.size, infinite)
    x = np.log(p) - np.log1p(-p)
    large = _coefficient(fit_intercept(positive, x), level)
    note = _why_no_line(positive, x)
    if note is not None:
        return CalibrationLine(None, None, large, level, p.size, note)
    intercept, slope = fit_line(positive, x)
    return CalibrationLine(
        _coefficient(slope, level), _coefficient(intercept, level), large, level, p.size
    )


def _why_no_line(positive: BoolArray, x: FloatArray) -> str | None:
    if x.min() == x.max():
        return "all probabilities are equal: slope and intercept are undefined"
    above, below = x[positive], x[~positive]
    # One covariate: the maximum is finite if and only if the two ranges overlap properly.
    if above.min() >= below.max() or below.min() >= above.max():
        return "probabilities separate the classes: slope and intercept are infinite"
    return None


def _coefficient(estimate: tuple[float, float], level: float) -> Coefficient:
    value, se = estimate
    reach = quantile(level) * se
    return Coefficient(value, se, value - reach, value + reach)


def _check(labels: ArrayLike, probabilities: ArrayLike) -> tuple[BoolArray, FloatArray]:
    positive = check_labels(labels, both_classes=False)
    return positive, check_probabilities(probabilities, positive.size)


CLIP = math.ulp(1.0)
"""2^-52, the clip that makes `log_loss` agree with scikit-learn's."""
