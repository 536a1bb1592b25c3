"""The ROC curve, the area under it, and parts of that area.

Direction is fixed everywhere: a higher score means more positive; nothing is flipped.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    check_choice,
    check_labels,
    check_score_rows,
    check_scores,
)


@dataclass(frozen=True)
class Components:
    """The DeLong components of k classifiers on the same m positives and n negatives.

    `aucs` (k,); `positive` (k, m) = V10 - A, where V10 is the part of the negatives that score
    lower than this positive (ties one half); `negative` (k, n) = V01 - A, where V01 is the part
    of the positives that score higher than this negative. Cases keep their order in their class.
    """

    aucs: FloatArray
    positive: FloatArray
    negative: FloatArray


def delong_components(labels: ArrayLike, scores: ArrayLike) -> Components:
    """Return the AUCs and the centred DeLong components of k classifiers.

    `labels` (n,) of 0/1, `scores` (k, n) or (n,) finite. O(k n log n): one argsort a classifier,
    ties by group; compare Sun and Xu 2014, doi:10.1109/LSP.2014.2337313. Raises ValueError for
    bad input. DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595.
    """
    positive = check_labels(labels)
    rows = check_score_rows(scores, positive.size)
    m, k, size = int(np.count_nonzero(positive)), rows.shape[0], positive.size
    n = size - m
    placer = _Placer(positive)
    aucs, centred = np.empty(k), np.empty((k, size))
    for index in range(k):
        placed = placer.place(rows[index])
        total = int(placed[:m].sum())
        aucs[index] = total / (2 * m * n)
        # Integers until the one division: components that are equal give zeros, not noise.
        placed[:m] *= m
        placed[m:] *= n
        placed -= total
        np.divide(placed, float(2 * m * n), out=centred[index])
    return Components(aucs, centred[:, :m], centred[:, m:])


class _Placer:
    """Places the cases of one classifier after another among those of the other class.

    With a million cases half of the time would go into fresh memory: the buffers are kept from
    one classifier to the next.
    """

    def __init__(self, positive: BoolArray) -> None:
        size = positive.size
        self.m = int(np.count_nonzero(positive))
        self.by_class = np.concatenate([np.flatnonzero(positive), np.flatnonzero(~positive)])
        self.odd = np.arange(1, 2 * size, 2)
        self.row, self.ordered = np.empty(size), np.empty(size)
        self.is_positive = np.empty(size, dtype=np.bool_)
        self.below, self.value, self.placed = np.empty((3, size), dtype=np.int64)

    def place(self, scores: FloatArray) -> IntArray:
        """Return the doubled placements, the positives' first; they last until the next call.

        For a positive: twice the negatives that score lower, plus those that score the same; for
        a negative: twice the positives that score higher, plus those that score the same.
        Doubled, a tie is the integer 1 and every sum is exact.
        """
        # "clip" lets take write to `out` at once; all places are valid.
        np.take(scores, self.by_class, out=self.row, mode="clip")
        order = np.argsort(self.row)
        np.less(order, self.m, out=self.is_positive)
        np.take(self.row, order, out=self.ordered, mode="clip")
        ranks, below = self._rank()
        # ranks - below for a positive, 2 m - below for a negative.
        np.subtract(ranks, 2 * self.m, out=self.value)
        self.value *= self.is_positive
        self.value += 2 * self.m
        self.value -= below
        self.placed[order] = self.value
        return self.placed

    def _rank(self) -> tuple[IntArray, IntArray]:
        """Return doubled midranks among all and among the positives, in order of score.

        Twice the cases that score lower plus those that score the same, oneself included.
        """
        np.cumsum(self.is_positive, out=self.below)
        if not (self.ordered[1:] == self.ordered[:-1]).any():
            self.below *= 2
            self.below -= self.is_positive
            return self.odd, self.below
        bounds = _tie_bounds(self.ordered)
        passed = np.concatenate([[0], self.below])[bounds]
        sizes = np.diff(bounds)
        ranks = np.repeat(bounds[1:] + bounds[:-1], sizes)
        return ranks, np.repeat(passed[1:] + passed[:-1], sizes)


def _tie_bounds(ordered: FloatArray) -> IntArray:
    """Return where each group of equal values begins, and the end, in a sorted array."""
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return np.concatenate([[0], changes, [ordered.size]])


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve: P(positive scores higher) + P(same) / 2.

    `labels` (n,) of 0/1, `scores` (n,) finite. The Mann-Whitney statistic over m n, exact up to
    one division; never flipped, so it may lie below 0.5. Raises ValueError for bad input.
    Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """
    positive = check_labels(labels)
    row = check_scores(scores, positive.size)
    tp, fp, _ = count_at_thresholds(positive, row)
    # Trapezoids in integers: each step of fp is worth the doubled mean height of its tp.
    doubled = int(np.sum(np.diff(fp) * (tp[1:] + tp[:-1])))
    return doubled / (2 * int(tp[-1]) * int(fp[-1]))


def delong_covariance(labels: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the k AUCs and their (k, k) covariance by DeLong, DeLong and Clarke-Pearson.

    `labels` (n,) of 0/1, `scores` (k, n) or (n,) finite. S10 / m + S01 / n with the sample
    covariances S10, S01 of the placements; nan throughout where a class has one case only.
    Raises ValueError for bad input. DeLong et al. 1988, doi:10.2307/2531595.
    """
    parts = delong_components(labels, scores)
    m, n = parts.positive.shape[1], parts.negative.shape[1]
    if min(m, n) < 2:
        return parts.aucs, np.full((parts.aucs.size, parts.aucs.size), np.nan)
    above, below = parts.positive, parts.negative
    covariance = above @ above.T / ((m - 1) * m) + below @ below.T / ((n - 1) * n)
    return parts.aucs, covariance


@dataclass(frozen=True)
class RocCurve:
    """An empirical ROC curve: what is called positive at `score >= threshold`.

    `thresholds` (t,): +inf (nobody), then every observed score, descending; `tp` and `fp` (t,)
    integer counts; `tpr` = tp / n_positive, `fpr` = fp / n_negative.
    """

    thresholds: FloatArray
    tp: IntArray
    fp: IntArray
    tpr: FloatArray
    fpr: FloatArray
    n_positive: int
    n_negative: int


def count_at_thresholds(
    positive: BoolArray, scores: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return (tp, fp, thresholds) at +inf and at every observed score, descending.

    `positive` (n,) and `scores` (n,) as the checks return them.
    """
    order = np.argsort(scores)[::-1]
    ordered = scores[order]
    ends = _tie_bounds(ordered)
    tp = np.concatenate([[0], np.cumsum(positive[order])])[ends].astype(np.int64)
    return tp, ends - tp, np.concatenate([[np.inf], ordered[ends[:-1]]])


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """Return the empirical ROC curve of one classifier, with every point.

    `labels` (n,) of 0/1, `scores` (n,) finite. Raises ValueError for bad input.
    """
    positive = check_labels(labels)
    tp, fp, thresholds = count_at_thresholds(positive, check_scores(scores, positive.size))
    m, n = int(tp[-1]), int(fp[-1])
    return RocCurve(thresholds, tp, fp, tp / m, fp / n, m, n)


@dataclass(frozen=True)
class PartialAuc:
    """The area under a part of the ROC curve; `corrected` is None where McClish's is undefined."""

    value: float
    corrected: float | None
    focus: str
    low: float
    high: float
    n_positive: int
    n_negative: int
    note: str | None = None


def partial_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    focus: Literal["specificity", "sensitivity"] = "specificity",
    low: float = 0.9,
    high: float = 1.0,
) -> PartialAuc:
    """Return the area under the ROC curve where `focus` lies in [low, high], plain and corrected.

    `labels` (n,) of 0/1, `scores` (n,) finite. With focus "specificity" sensitivity is integrated
    over specificity, with "sensitivity" the reverse; straight lines between points. McClish's
    correction (1 + (pAUC - min) / (max - min)) / 2, with min under the diagonal and max = high -
    low, is 0.5 for chance and 1 for a perfect part; below the diagonal it is None with a note.
    Raises ValueError for bad input. McClish 1989, doi:10.1177/0272989X8900900307.
    """
    check_choice("focus", focus, ("specificity", "sensitivity"))
    if not 0.0 <= low < high <= 1.0:
        raise ValueError(f"range must satisfy 0 <= low < high <= 1, not {low!r} to {high!r}")
    curve = roc_curve(labels, scores)
    # Either way the curve is read as a rising one: over the false positive rate, or, turned round,
    # specificity over the false negative rate.
    if focus == "specificity":
        x, y = curve.fpr, curve.tpr
    else:
        x, y = 1.0 - curve.tpr[::-1], 1.0 - curve.fpr[::-1]
    start, stop = 1.0 - high, 1.0 - low
    area = _area_between(x, y, start, stop)
    least, most = (stop**2 - start**2) / 2, stop - start
    corrected, note = None, None
    # A curve on the diagonal must not fall below it by rounding of the trapezoids.
    if area < least - 1e-12 * most:
        note = "the curve lies below the diagonal in this range: McClish's correction is undefined"
    else:
        corrected = (1.0 + (area - least) / (most - least)) / 2
    return PartialAuc(area, corrected, focus, low, high, curve.n_positive, curve.n_negative, note)


def _area_between(x: FloatArray, y: FloatArray, start: float, stop: float) -> float:
    """Integrate the polyline (x, y), x ascending with vertical parts, from start to stop."""
    inside = (x >= start) & (x <= stop)
    xs, ys = x[inside], y[inside]
    # Ends are interpolated only where no point lies on them: on a vertical part any height would
    # do there, and the points of that part are in `inside` already.
    if xs.size == 0 or xs[0] > start:
        xs, ys = np.append(start, xs), np.append(np.interp(start, x, y), ys)
    if xs[-1] < stop:
        xs, ys = np.append(xs, stop), np.append(ys, np.interp(stop, x, y))
    return float(np.sum(np.diff(xs) * (ys[1:] + ys[:-1])) / 2)
