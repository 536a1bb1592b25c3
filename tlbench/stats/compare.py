"""Tests of differences between AUCs.

Where the variance of a difference is 0 or undefined no z exists; the test is then "exact", with a
note: the difference is a mean, over pairings, of means of k independent numbers in [-1, 1], so that
Hoeffding's bound gives limits (`hoeffding_limits` of (1 + D) / 2) and, by the level at which they
exclude 0, p = min(1, 2 exp(-k KL((1 + D) / 2 || 1 / 2))). It holds for every distribution and is
conservative. Classifiers with equal AUCs get p = 1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.clustered import AucCovariance, Spread, auc_covariance
from tlbench.stats.inputs import check_choice, check_labels, check_level, check_scores
from tlbench.stats.interval import Reference, hoeffding_limits, uses_t
from tlbench.stats.multiple import benjamini_hochberg, holm, indistinguishable
from tlbench.stats.power import detectable_difference
from tlbench.stats.reference import quantile, two_sided_p


@dataclass(frozen=True)
class AucDifference:
    """The difference of two AUCs, a - b, with interval and two-sided test.

    `method` is "delong", "obuchowski", "unpaired" or "exact" (`z` is then None, `note` says why);
    `correlation` is that of the two AUCs, None where undefined or unpaired; `df` are the degrees of
    freedom of a t reference, None for the normal; `p_holm` and `p_bh` are adjusted over all pairs
    of one comparison; `detectable` is the smallest difference that this variance lets a test at
    1 - level find with 80 % power. Limits are not truncated to [-1, 1].
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    level: float
    method: str
    variance: float | None
    correlation: float | None
    z: float | None
    df: float | None
    p: float
    n_groups: int
    p_holm: float | None = None
    p_bh: float | None = None
    detectable: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The comparison of every pair of classifiers on the same cases.

    `names` by falling AUC; `pairs` in the order the classifiers were given; `groups` are the
    maximal sets in which no pair has a Holm-adjusted p below 1 - level; `covariance` holds the AUCs
    in the order given.
    """

    names: tuple[str, ...]
    pairs: tuple[AucDifference, ...]
    groups: tuple[tuple[str, ...], ...]
    level: float
    correction: str
    covariance: AucCovariance


def compare_aucs(
    labels: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    groups: Any | None = None,
    level: float = 0.95,
    reference: Reference = "auto",
) -> Comparison:
    """Test every pair of classifiers on the same cases, and group those not told apart.

    `labels` (n,) of 0/1, `scores` name -> (n,) finite, `groups` (n,) patient ids or None, reference
    as in `interval_of`. z = (A_a - A_b) / sqrt(var of the difference), DeLong's or Obuchowski's;
    p adjusted by Holm and by Benjamini and Hochberg over all pairs. Raises ValueError for bad
    input. DeLong et al. 1988, doi:10.2307/2531595; Obuchowski 1997, doi:10.2307/2533958.
    """
    check_level(level)
    check_choice("reference", reference, ("auto", "normal", "t"))
    positive = check_labels(labels)
    names = list(scores)
    if not names:
        raise ValueError("scores hold no classifier")
    rows = np.stack([check_scores(scores[name], positive.size) for name in names])
    covariance = auc_covariance(positive, rows, groups)
    tested = [
        _test_pair(covariance, names, places, level=level, reference=reference)
        for places in combinations(range(len(names)), 2)
    ]
    p = [pair.p for pair in tested]
    pairs = tuple(
        replace(pair, p_holm=by_holm, p_bh=by_bh)
        for pair, by_holm, by_bh in zip(tested, holm(p), benjamini_hochberg(p), strict=True)
    )
    ranked = sorted(range(len(names)), key=lambda index: -covariance.aucs[index])
    ordered = tuple(names[index] for index in ranked)
    apart = [
        (pair.a, pair.b) for pair in pairs if pair.p_holm is not None and pair.p_holm < 1.0 - level
    ]
    sets = tuple(indistinguishable(ordered, apart))
    return Comparison(ordered, pairs, sets, level, "holm", covariance)


def _test_pair(
    covariance: AucCovariance,
    names: list[str],
    places: tuple[int, int],
    *,
    level: float,
    reference: Reference,
) -> AucDifference:
    a, b = places
    pair = (names[a], names[b])
    difference = float(covariance.aucs[a] - covariance.aucs[b])
    spread = covariance.spread_between(a, b)
    if not spread.variance:
        # Interior AUCs of unequal patients: one pair is all that is surely independent.
        extreme = set(covariance.aucs[[a, b]]) <= {0.0, 1.0}
        k = covariance.n_pairs if extreme or covariance.balanced else 1
        return _exact(
            pair, difference, spread.variance, k=k, level=level, n_groups=covariance.n_groups
        )
    df = spread.df if uses_t(covariance, spread, reference) else None
    return _by_z(
        pair,
        difference,
        spread.variance,
        df=df,
        level=level,
        n_groups=covariance.n_groups,
        method=covariance.method,
        correlation=_correlation(covariance.spread_of(a), covariance.spread_of(b), spread),
    )


def _correlation(a: Spread, b: Spread, between: Spread) -> float | None:
    if not a.variance or not b.variance or between.variance is None:
        return None
    shared = (a.variance + b.variance - between.variance) / 2.0
    return max(-1.0, min(1.0, shared / math.sqrt(a.variance * b.variance)))


def _by_z(
    names: tuple[str, str],
    difference: float,
    variance: float,
    *,
    df: float | None,
    level: float,
    n_groups: int,
    method: str,
    correlation: float | None = None,
) -> AucDifference:
    error = math.sqrt(variance)
    reach = quantile(level, df) * error
    z = difference / error
    return AucDifference(
        *names,
        difference,
        difference - reach,
        difference + reach,
        level,
        method,
        variance,
        correlation,
        z,
        df,
        two_sided_p(z, df),
        n_groups,
        detectable=detectable_difference(variance, level=level, df=df),
    )


def _exact(
    names: tuple[str, str],
    difference: float,
    variance: float | None,
    *,
    k: int,
    level: float,
    n_groups: int,
) -> AucDifference:
    centre = (1.0 + difference) / 2.0
    low, high = hoeffding_limits(centre, k, level)
    # KL of (1 + D) / 2 from 1 / 2; 0 log 0 is 0.
    parts = (x * math.log(2.0 * x) for x in (centre, 1.0 - centre) if x > 0.0)
    p = min(1.0, 2.0 * math.exp(-k * sum(parts)))
    why = "undefined" if variance is None else "0"
    if variance == 0.0 and difference == 0.0:
        why += ", the difference too"
    return AucDifference(
        *names,
        difference,
        2.0 * low - 1.0,
        2.0 * high - 1.0,
        level,
        "exact",
        variance,
        None,
        None,
        None,
        p,
        n_groups,
        note=f"variance of the difference is {why}: distribution-free limits and p (Hoeffding)",
    )


def compare_unpaired(
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    *,
    names: tuple[str, str] = ("a", "b"),
    groups: tuple[Any | None, Any | None] = (None, None),
    level: float = 0.95,
    reference: Reference = "t",
) -> AucDifference:
    """Test the difference of AUCs measured on two independent sets of cases.

    `first` and `second` are (labels, scores) of one classifier each. D / sqrt(var_a + var_b),
    referred to t with (var_a + var_b)^2 / (var_a^2 / (n_a - 1) + var_b^2 / (n_b - 1)) degrees of
    freedom, n counting patients (cases where each has its own), or to the normal ("normal"; "auto"
    is t). Raises ValueError for bad input. DeLong et al. 1988, doi:10.2307/2531595;
    Satterthwaite 1946, doi:10.2307/3002019.
    """
    check_level(level)
    check_choice("reference", reference, ("auto", "normal", "t"))
    one = auc_covariance(*first, groups[0])
    two = auc_covariance(*second, groups[1])
    difference = float(one.aucs[0] - two.aucs[0])
    count = one.n_groups + two.n_groups
    var_a, var_b = one.spread_of(0).variance, two.spread_of(0).variance
    if var_a is None or var_b is None or var_a + var_b == 0.0:
        variance = None if var_a is None or var_b is None else 0.0
        extreme = {float(one.aucs[0]), float(two.aucs[0])} <= {0.0, 1.0}
        safe = extreme or (one.balanced and two.balanced)
        k = min(one.n_pairs, two.n_pairs) if safe else 1
        return _exact(names, difference, variance, k=k, level=level, n_groups=count)
    total = var_a + var_b
    df = total**2 / (var_a**2 / (one.n_groups - 1) + var_b**2 / (two.n_groups - 1))
    return _by_z(
        names,
        difference,
        total,
        df=None if reference == "normal" else df,
        level=level,
        n_groups=count,
        method="unpaired",
    )
