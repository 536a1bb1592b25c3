"""The covariance of AUCs, with one or with several cases per patient.

A patient (cluster) contributes the sum of its positives' DeLong components and the sum of its
negatives'. With one case per patient Obuchowski's covariance is DeLong's.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import (
    FloatArray,
    IntArray,
    check_groups,
    check_labels,
)
from tlbench.stats.roc import Components, delong_components

VarianceMethod = Literal["delong", "obuchowski"]


@dataclass(frozen=True)
class Spread:
    """The variance of an AUC or of a difference of AUCs; None where it is undefined.

    `df` is the number of degrees of freedom a t reference may claim.
    """

    variance: float | None
    df: float | None


@dataclass(frozen=True)
class AucCovariance:
    """The AUCs of k classifiers on the same cases, and all that is needed for their covariance.

    `aucs` (k,); `method` "delong" or "obuchowski"; numbers of positives, of negatives, of groups
    (patients, or cases where every patient has one), of groups with a positive, with a negative;
    `n_pairs`, how many pairs of a positive and a negative can be formed so that no two share
    a patient; `balanced`, whether the groups of each class hold equally many of its cases and none
    holds both classes.
    """

    aucs: FloatArray
    method: VarianceMethod
    n_positive: int
    n_negative: int
    n_groups: int
    n_groups_positive: int
    n_groups_negative: int
    n_pairs: int
    balanced: bool
    # Per classifier (rows) and group with a positive / with a negative (columns): the sums of
    # centred components over M and over N. `both` picks the groups that have both.
    _positive: FloatArray = field(repr=False)
    _negative: FloatArray = field(repr=False)
    _both: tuple[IntArray, IntArray] = field(repr=False)

    @property
    def defined(self) -> bool:
        """Whether there are two groups of either class, without which no variance exists."""
        return min(self.n_groups_positive, self.n_groups_negative) >= 2

    @property
    def matrix(self) -> FloatArray | None:
        """The (k, k) covariance matrix, or None where it is undefined."""
        if not self.defined:
            return None
        above, below = self._positive, self._negative
        result: FloatArray = _inflate(self.n_groups_positive) * (above @ above.T)
        result += _inflate(self.n_groups_negative) * (below @ below.T)
        shared = above[:, self._both[0]] @ below[:, self._both[1]].T
        result += _inflate(self.n_groups) * (shared + shared.T)
        return result

    def spread_of(self, index: int) -> Spread:
        """Return the variance of the AUC of classifier `index`, and its degrees of freedom."""
        return self._spread(self._positive[index], self._negative[index])

    def spread_between(self, a: int, b: int) -> Spread:
        """Return the variance of the difference of two AUCs, and its degrees of freedom.

        The difference is taken of the components, not of the matrix: nothing cancels, and equal
        classifiers give exactly 0.
        """
        return self._spread(
            self._positive[a] - self._positive[b], self._negative[a] - self._negative[b]
        )

    def _spread(self, above: FloatArray, below: FloatArray) -> Spread:
        if not self.defined:
            return Spread(None, None)
        part_above = _inflate(self.n_groups_positive) * float(above @ above)
        part_below = _inflate(self.n_groups_negative) * float(below @ below)
        shared = float(above[self._both[0]] @ below[self._both[1]])
        variance = part_above + part_below + 2.0 * _inflate(self.n_groups) * shared
        return Spread(max(variance, 0.0), self._df(part_above, part_below))

    def _df(self, part_above: float, part_below: float) -> float:
        """Return Satterthwaite's degrees of freedom, at most the number of groups less one.

        The variance is the sum of a part that I10 groups estimate and one that I01 do; the cap
        matters where groups hold both classes and would be counted twice.
        """
        df_above, df_below = self.n_groups_positive - 1, self.n_groups_negative - 1
        total = part_above + part_below
        if total == 0.0:
            return float(min(df_above, df_below))
        df = total**2 / (part_above**2 / df_above + part_below**2 / df_below)
        return min(df, self.n_groups - 1.0)


def auc_covariance(
    labels: ArrayLike, scores: ArrayLike, groups: Any | None = None
) -> AucCovariance:
    """Return the AUCs of k classifiers on the same cases with their covariance.

    `labels` (n,) of 0/1, `scores` (k, n) or (n,) finite, `groups` (n,) patient ids or None.
    DeLong's where no patient has two cases, otherwise Obuchowski's: with X_c and Y_c the sums of
    V10 - A and V01 - A over the positives and negatives of patient c, and M positives in I10
    patients, N negatives in I01, I patients in all,
    I10 / (I10 - 1) sum X X' / M^2 + I01 / (I01 - 1) sum Y Y' / N^2
    + I / (I - 1) (sum X Y' + sum Y X') / (M N). Raises ValueError for bad input.
    DeLong et al. 1988, doi:10.2307/2531595; Obuchowski 1997, doi:10.2307/2533958.
    """
    positive = check_labels(labels)
    codes: IntArray | None = None
    count = positive.size
    if groups is not None:
        codes, count = check_groups(groups, positive.size)
    parts = delong_components(positive, scores)
    if codes is None or count == positive.size:
        return _by_case(parts)
    return _by_group(parts, codes[positive], codes[~positive], count)


def _by_case(parts: Components) -> AucCovariance:
    m, n = parts.positive.shape[1], parts.negative.shape[1]
    none = np.zeros(0, dtype=np.int64)
    # In place: with a million cases copies are what takes the time.
    np.divide(parts.positive, m, out=parts.positive)
    np.divide(parts.negative, n, out=parts.negative)
    return AucCovariance(
        parts.aucs,
        "delong",
        n_positive=m,
        n_negative=n,
        n_groups=m + n,
        n_groups_positive=m,
        n_groups_negative=n,
        n_pairs=min(m, n),
        balanced=True,
        _positive=parts.positive,
        _negative=parts.negative,
        _both=(none, none),
    )


def _by_group(
    parts: Components, groups_positive: IntArray, groups_negative: IntArray, count: int
) -> AucCovariance:
    m, n = groups_positive.size, groups_negative.size
    sizes_positive = np.bincount(groups_positive, minlength=count)
    sizes_negative = np.bincount(groups_negative, minlength=count)
    with_positive, with_negative = np.flatnonzero(sizes_positive), np.flatnonzero(sizes_negative)
    _, *both = np.intersect1d(with_positive, with_negative, assume_unique=True, return_indices=True)
    equal = np.ptp(sizes_positive[with_positive]) == 0 == np.ptp(sizes_negative[with_negative])
    return AucCovariance(
        parts.aucs,
        "obuchowski",
        n_positive=m,
        n_negative=n,
        n_groups=count,
        n_groups_positive=with_positive.size,
        n_groups_negative=with_negative.size,
        n_pairs=min(with_positive.size, with_negative.size, count // 2),
        balanced=bool(equal) and both[0].size == 0,
        _positive=_sum_by_group(parts.positive, groups_positive, count)[:, with_positive] / m,
        _negative=_sum_by_group(parts.negative, groups_negative, count)[:, with_negative] / n,
        _both=(both[0], both[1]),
    )


def _sum_by_group(rows: FloatArray, groups: IntArray, count: int) -> FloatArray:
    return np.stack([np.bincount(groups, weights=row, minlength=count) for row in rows])


def _inflate(count: int) -> float:
    """Return I / (I - 1)."""
    return count / (count - 1)
