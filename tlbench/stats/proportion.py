"""Confidence intervals of proportions."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    check_choice,
    check_groups,
    check_level,
)
from tlbench.stats.reference import quantile

# statsmodels has Wilson's and Clopper and Pearson's intervals, but importing its `proportion`
# takes over a second, many times what a whole run's statistics take. Both are a line each here,
# and tests hold them against statsmodels.

ProportionMethod = Literal["wilson", "clopper-pearson"]


@dataclass(frozen=True)
class Proportion:
    """A proportion k / n with its interval; all None where n is 0, with a note.

    `method` is "wilson" or "clopper-pearson", with ", Rao-Scott" where patients with several cases
    were allowed for; then `effective_n` is the sample size the interval was computed with.
    """

    value: float | None
    low: float | None
    high: float | None
    k: int
    n: int
    level: float
    method: str
    effective_n: float | None = None
    note: str | None = None


def proportion(
    k: int, n: int, *, level: float = 0.95, method: ProportionMethod = "wilson"
) -> Proportion:
    """Return k / n with its interval, or None with a note where n is 0.

    Raises ValueError unless 0 <= k <= n. Wilson 1927, doi:10.1080/01621459.1927.10502953;
    Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    check_level(level)
    check_choice("method", method, ("wilson", "clopper-pearson"))
    if not 0 <= k <= n:
        raise ValueError(f"proportion needs 0 <= k <= n, not k = {k}, n = {n}")
    if n == 0:
        return Proportion(None, None, None, 0, 0, level, method, note="0 of 0: undefined")
    low, high = _limits(k, n, level, method)
    return Proportion(k / n, low, high, int(k), int(n), level, method)


def clustered_proportion(
    hits: ArrayLike,
    groups: Any,
    *,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
) -> Proportion:
    """Return the part of cases that are hits, with an interval that allows for patients.

    `hits` (n,) booleans, `groups` (n,) patient ids. The design effect d is the ratio-estimator
    variance over patients, c / (c - 1) sum (k_c - p n_c)^2 / n^2, over p (1 - p) / n, at least 1;
    the interval is that of k / d of n / d. Where p is 0 or 1 there is no d to see: n / d is then
    the number of patients, as if all cases of one agreed. Raises ValueError for bad input.
    Rao and Scott 1992, doi:10.2307/2532311.
    """
    hit = np.asarray(hits, dtype=np.bool_)
    if hit.size == 0:
        return proportion(0, 0, level=level, method=method)
    codes, count = check_groups(groups, hit.size)
    n, k = hit.size, int(np.count_nonzero(hit))
    plain = proportion(k, n, level=level, method=method)
    if count == n:
        return plain
    effective = _effective_size(hit, codes, count)
    value = k / n
    low, high = _limits(value * effective, effective, level, method)
    return Proportion(value, low, high, k, n, level, f"{method}, Rao-Scott", effective)


def effective_sizes(groups: Any, n: int) -> FloatArray:
    """Return the sizes (n + 1,) that `clustered_proportion` uses for the first k of n cases.

    `groups` (n,) patient ids, cases in the order in which they become hits, k = 0, 1, ..., n: so
    all cut-offs of a classifier cost one pass. Raises ValueError for bad input.
    """
    codes, count = check_groups(groups, n)
    sizes = np.full(n + 1, float(count))
    if count in (1, n):
        return sizes
    cases = np.bincount(codes, minlength=count)
    before = _earlier(codes, np.ones_like(codes), count)
    # Of the sum of (k_c - p n_c)^2 over patients, what one more hit adds to its three parts.
    squares, products = np.cumsum(2 * before + 1)[:-1], np.cumsum(cases[codes])[:-1]
    p = np.arange(1, n) / n
    excess = squares - 2.0 * p * products + p**2 * float(cases @ cases)
    variance = count / (count - 1) * excess / n**2
    sizes[1:-1] = n / np.maximum(1.0, variance * n / (p * (1.0 - p)))
    return sizes


def effective_sizes_of_called(hits: Any, groups: Any) -> FloatArray:
    """Return the sizes (n + 1,) that `clustered_proportion` uses for hits among the first m of n.

    `hits` (n,) booleans and `groups` (n,) patient ids, cases in the order in which they are called,
    m = 0, 1, ..., n: predictive values at all cut-offs cost one pass. Raises ValueError for bad
    input.
    """
    hit = np.asarray(hits, dtype=np.bool_).astype(np.int64)
    codes, count = check_groups(groups, hit.size)
    # Of each patient, how many cases and hits came before each of its cases.
    cases, hits_before = _earlier(codes, np.ones_like(hit), count), _earlier(codes, hit, count)
    n, k = np.arange(1, hit.size + 1), np.cumsum(hit)
    # Of the sum of (k_c - p n_c)^2 over patients, what one more case adds to its three parts.
    squares_of_hits = np.cumsum(hit * (2 * hits_before + 1))
    products = np.cumsum(hits_before + hit * (cases + 1))
    squares_of_cases = np.cumsum(2 * cases + 1)
    patients = np.cumsum(cases == 0)
    sizes = patients.astype(np.float64)
    # Without hits, or with nothing else, or of one patient, there is no design effect to see.
    seen = (k > 0) & (k < n) & (patients > 1) & (patients < n)
    n, k, patients = n[seen], k[seen], patients[seen]
    p = k / n
    cross = p * (p * squares_of_cases[seen] - 2.0 * products[seen])
    excess = squares_of_hits[seen] + cross
    variance = patients / (patients - 1) * excess / n**2
    sizes[seen] = n / np.maximum(1.0, variance * n / (p * (1.0 - p)))
    return np.concatenate(([0.0], sizes))


def _earlier(codes: IntArray, values: IntArray, count: int) -> IntArray:
    """Return for each case the sum of `values` over earlier cases of its patient."""
    order = np.argsort(codes, kind="stable")
    sums = np.cumsum(values[order]) - values[order]
    starts = np.searchsorted(codes[order], np.arange(count))
    out = np.empty_like(sums)
    out[order] = sums - sums[starts][codes[order]]
    return out


def _effective_size(hit: BoolArray, codes: IntArray, count: int) -> float:
    n, k = hit.size, int(np.count_nonzero(hit))
    if k in (0, n) or count < 2:
        return float(count)
    p = k / n
    excess = np.bincount(codes, weights=hit - p, minlength=count)
    variance = count / (count - 1) * float(excess @ excess) / n**2
    return n / max(1.0, variance * n / (p * (1.0 - p)))


def _limits(k: float, n: float, level: float, method: str) -> tuple[float, float]:
    return wilson_limits(k, n, level) if method == "wilson" else _clopper_pearson(k, n, level)


def wilson_limits(k: float, n: float, level: float) -> tuple[float, float]:
    """Return Wilson's limits of k / n, which need not be whole numbers."""
    z = quantile(level)
    p, shrink = k / n, 1.0 + z * z / n
    centre = (p + z * z / (2.0 * n)) / shrink
    half = z * math.sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n)) / shrink
    # At the ends the limits are exactly 0 and 1; rounding must not say otherwise.
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return low, high


def _clopper_pearson(k: float, n: float, level: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1.0, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1.0, n - k, 1.0 - tail))
    return low, high
