"""A pointwise band around a ROC curve: how sure sensitivity is at each specificity."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    check_groups,
    check_labels,
    check_level,
    check_scores,
)
from tlbench.stats.proportion import wilson_limits

_MOST_NUMBERS = 2_000_000  # of one matrix of redrawn cases


@dataclass(frozen=True)
class RocBand:
    """Limits of sensitivity at given specificities, each of shape (t,); `fpr` is 1 - specificity.

    `effective_n` (t,) are the sizes Wilson's limits were computed with.
    """

    fpr: FloatArray
    sensitivity: FloatArray
    low: FloatArray
    high: FloatArray
    effective_n: FloatArray
    level: float
    n_boot: int
    method: str = "wilson, bootstrap variance"


def roc_band(
    labels: ArrayLike,
    scores: ArrayLike,
    fpr: ArrayLike,
    *,
    rng: np.random.Generator,
    groups: Any | None = None,
    level: float = 0.95,
    n_boot: int = 400,
) -> RocBand:
    """Return pointwise limits of sensitivity at each specificity 1 - `fpr`.

    `labels` (n,) of 0/1, `scores` (n,) finite, `fpr` (t,) in [0, 1], `groups` (n,) patient ids or
    None. At a given specificity the cut-off is itself estimated, from the negatives, and limits
    of sensitivity at a fixed cut-off are too narrow. So the variance V of sensitivity, read off
    the curve by straight lines, comes from a bootstrap: each class is redrawn by itself, or, where
    patients have several cases, patients with all their cases are. The limits are Wilson's with
    the size p (1 - p) / V, at most the number of positives; where p or V leaves nothing to divide,
    that of the patients with positives, so that no limit has width 0. Sensitivity can't fall where
    specificity does, and so no limit does along the given `fpr`. O(n_boot n).
    Raises ValueError for bad input. The variance is that of Carpenter and Bithell 2000,
    doi:10.1002/(SICI)1097-0258(20000515)19:9<1141::AID-SIM479>3.0.CO;2-F; the effective size
    that of Rao and Scott 1992, doi:10.2307/2532311.
    """
    check_level(level)
    if n_boot < 2:
        raise ValueError(f"n_boot must be at least 2, not {n_boot}")
    positive = check_labels(labels)
    row = check_scores(scores, positive.size)
    wanted = np.asarray(fpr, dtype=np.float64)
    if wanted.ndim != 1 or not ((wanted >= 0.0) & (wanted <= 1.0)).all():
        raise ValueError("fpr must be a list of numbers from 0 to 1")
    codes, count = np.arange(positive.size), positive.size
    if groups is not None:
        codes, count = check_groups(groups, positive.size)
    order = np.argsort(-row, kind="stable")
    curve = _Ordered(positive[order], codes[order], count, _tie_ends(row[order]))
    value = curve.sensitivities(np.ones((1, row.size)), wanted)[0]
    variance = curve.redraw(wanted, rng, n_boot).var(axis=0, ddof=1)
    m = int(np.count_nonzero(positive))
    size = np.full(wanted.size, float(np.unique(codes[positive]).size))
    inside = (variance > 0.0) & (value > 0.0) & (value < 1.0)
    p = value[inside]
    size[inside] = np.minimum(m, p * (1.0 - p) / variance[inside])
    limits = [wilson_limits(p * n, n, level) for p, n in zip(value, size, strict=True)]
    low, high = np.array(limits).reshape(-1, 2).T
    # Where the curve jumps the variance is large, and limits alone would turn back.
    along = np.argsort(wanted, kind="stable")
    low[along] = np.maximum.accumulate(low[along])
    high[along[::-1]] = np.minimum.accumulate(high[along[::-1]])
    return RocBand(wanted, value, low, high, size, level, n_boot)


@dataclass(frozen=True, eq=False)
class _Ordered:
    """Cases by falling score: `ends` are where each tie ends."""

    positive: BoolArray
    codes: IntArray
    count: int
    ends: IntArray

    def redraw(self, fpr: FloatArray, rng: np.random.Generator, n_boot: int) -> FloatArray:
        """Return sensitivities (b, t) of redrawn cases; draws of one class only are left out."""
        n = self.positive.size
        step = max(1, _MOST_NUMBERS // n)
        parts = [
            self.sensitivities(self._draw(rng, min(step, n_boot - start)), fpr)
            for start in range(0, n_boot, step)
        ]
        return np.concatenate(parts)

    def _draw(self, rng: np.random.Generator, times: int) -> FloatArray:
        """Return how often each case was drawn, (times, n)."""
        n = self.positive.size
        if self.count < n:
            drawn = rng.multinomial(self.count, np.full(self.count, 1 / self.count), times)
            return drawn[:, self.codes].astype(np.float64)
        weights = np.empty((times, n))
        for own in (self.positive, ~self.positive):
            size = int(np.count_nonzero(own))
            weights[:, own] = rng.multinomial(size, np.full(size, 1 / size), times)
        return weights

    def sensitivities(self, weights: FloatArray, fpr: FloatArray) -> FloatArray:
        """Return sensitivity at each 1 - specificity, a row for each row of weights (b, n).

        Where the curve rises, it is the upper end that counts.
        """
        tp, fp = (self._counts(weights * own) for own in (self.positive, ~self.positive))
        both = (tp[:, -1] > 0) & (fp[:, -1] > 0)
        tp, fp = tp[both], fp[both]
        rows = np.arange(len(fp))[:, np.newaxis]
        goal = fp[:, -1:] * fpr
        # One search does for all rows when each is lifted above the one before.
        lift = rows * (2.0 * fp.max(initial=0.0) + 2.0)
        found = np.searchsorted((fp + lift).ravel(), (goal + lift + 1e-9).ravel(), side="right")
        place = found.reshape(goal.shape) - 1 - rows * fp.shape[1]
        after = np.minimum(place + 1, fp.shape[1] - 1)
        run = fp[rows, after] - fp[rows, place]
        part = np.divide(goal - fp[rows, place], run, out=np.zeros_like(goal), where=run > 0)
        rise = tp[rows, after] - tp[rows, place]
        share: FloatArray = (tp[rows, place] + part * rise) / tp[:, -1:]
        return np.clip(share, 0.0, 1.0)

    def _counts(self, weights: FloatArray) -> FloatArray:
        start = np.zeros((len(weights), 1))
        return np.concatenate([start, np.cumsum(weights, axis=1)[:, self.ends]], axis=1)


def _tie_ends(ordered: FloatArray) -> IntArray:
    last = np.append(ordered[1:] != ordered[:-1], True)
    return np.flatnonzero(last).astype(np.int64)
