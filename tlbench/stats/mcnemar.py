"""McNemar's test of two classifiers at their cut-offs, on the same cases."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import check_groups, check_labels, check_scores

# statsmodels has McNemar's test, but importing it takes over a second. Tests hold this against R
# and statsmodels.


@dataclass(frozen=True)
class McNemar:
    """Which of two classifiers is right, case by case, and McNemar's tests of it.

    Counts of cases that both, only a, only b, neither got right; `chi2` without and
    `chi2_corrected` with continuity correction, one degree of freedom; `p_exact` two-sided
    binomial. `chi2_clustered` allows for patients, None where no groups were given. Where the two
    never differ chi-square is None and `p_exact` 1 by convention, with a note.
    """

    n: int
    both: int
    only_a: int
    only_b: int
    neither: int
    chi2: float | None
    p_chi2: float | None
    chi2_corrected: float | None
    p_chi2_corrected: float | None
    p_exact: float
    chi2_clustered: float | None = None
    p_clustered: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class CutoffComparison:
    """McNemar's tests of sensitivity (positives), specificity (negatives) and accuracy (all)."""

    sensitivity: McNemar
    specificity: McNemar
    accuracy: McNemar


def mcnemar(right_a: ArrayLike, right_b: ArrayLike, groups: Any | None = None) -> McNemar:
    """Test whether two classifiers are right equally often on the same cases.

    `right_a`, `right_b` (n,) booleans, `groups` (n,) patient ids or None. With b = only_a and c =
    only_b: (b - c)^2 / (b + c); corrected (|b - c| - 1)^2 / (b + c), left uncorrected where b = c;
    exact: binomial with b + c trials; clustered: (b - c)^2 / sum over patients of (b_p - c_p)^2,
    which is the first with one case per patient. Raises ValueError where lengths differ.
    McNemar 1947, doi:10.1007/BF02295996; Durkalski et al. 2003, doi:10.1002/sim.1438.
    """
    a, b = np.asarray(right_a, dtype=np.bool_), np.asarray(right_b, dtype=np.bool_)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"right_a and right_b differ in shape: {a.shape} and {b.shape}")
    both, neither = int(np.sum(a & b)), int(np.sum(~a & ~b))
    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(~a & b))
    apart, gap = only_a + only_b, abs(only_a - only_b)
    if apart == 0:
        note = "the two never differ: p is 1 by convention"
        return McNemar(
            a.size, both, 0, 0, neither, None, None, None, None, 1.0, note=note
        )  # fmt: skip
    chi2, corrected = gap**2 / apart, max(gap - 1, 0) ** 2 / apart
    clustered = None if groups is None else _clustered_chi2(a, b, groups)
    return McNemar(
        a.size,
        both,
        only_a,
        only_b,
        neither,
        chi2,
        _p_chi2(chi2),
        corrected,
        _p_chi2(corrected),
        _p_exact(only_a, only_b),
        clustered,
        None if clustered is None else _p_chi2(clustered),
    )


def compare_at_cutoffs(
    labels: ArrayLike,
    scores_a: ArrayLike,
    cutoff_a: float,
    scores_b: ArrayLike,
    cutoff_b: float,
    *,
    groups: Any | None = None,
) -> CutoffComparison:
    """Compare two classifiers at their cut-offs by McNemar's tests.

    `labels` (n,) of 0/1, `scores_a` and `scores_b` (n,) finite, called positive at or above the
    cut-off; `groups` (n,) patient ids or None. Raises ValueError for bad input.
    """
    positive = check_labels(labels)
    right_a = (check_scores(scores_a, positive.size) >= cutoff_a) == positive
    right_b = (check_scores(scores_b, positive.size) >= cutoff_b) == positive
    codes = None if groups is None else check_groups(groups, positive.size)[0]

    def among(which: Any) -> McNemar:
        return mcnemar(right_a[which], right_b[which], None if codes is None else codes[which])

    return CutoffComparison(among(positive), among(~positive), among(slice(None)))


def _clustered_chi2(a: Any, b: Any, groups: Any) -> float | None:
    codes, count = check_groups(groups, a.size)
    per_patient = np.bincount(codes, weights=a.astype(np.float64) - b, minlength=count)
    below = float(per_patient @ per_patient)
    # 0 where every patient's gains and losses cancel: then there is nothing to divide by.
    return float(per_patient.sum()) ** 2 / below if below else None


def _p_chi2(chi2: float) -> float:
    return math.erfc(math.sqrt(chi2 / 2.0))


def _p_exact(only_a: int, only_b: int) -> float:
    from scipy.special import bdtr

    return min(1.0, 2.0 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))
