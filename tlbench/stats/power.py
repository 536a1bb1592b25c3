"""What a hold-out of this size can show: power of the paired test of two AUCs.

Power is that of finding the difference with its right sign, in a two-sided test at 1 - level:
Phi(difference / SE - z). `variance` is that of the difference, var_a + var_b - 2 cov, so that the
correlation observed between the two classifiers is in it; with more cases of the same kind it
shrinks as 1 / n. With `df` the critical value is that of t, as in the test with few patients.
"""

import math
from statistics import NormalDist

from tlbench.stats.inputs import check_level
from tlbench.stats.reference import quantile

_STANDARD = NormalDist()


def variance_of_difference(variance_a: float, variance_b: float, correlation: float) -> float:
    """Return var_a + var_b - 2 r sqrt(var_a var_b), the variance of a paired difference.

    Raises ValueError for a negative variance or a correlation outside [-1, 1].
    """
    if min(variance_a, variance_b) < 0.0 or not -1.0 <= correlation <= 1.0:
        raise ValueError("variances must not be negative, and a correlation lies in [-1, 1]")
    both = 2.0 * correlation * math.sqrt(variance_a * variance_b)
    return max(0.0, variance_a + variance_b - both)


def detectable_difference(
    variance: float, *, level: float = 0.95, power: float = 0.8, df: float | None = None
) -> float:
    """Return the smallest difference of two AUCs that would be found with this power.

    (z of the level + z of the power) sqrt(variance): 2.80 standard errors for 95 % and 80 %.
    Raises ValueError for bad input. Obuchowski and McClish 1997,
    doi:10.1002/(SICI)1097-0258(19970715)16:13<1529::AID-SIM565>3.0.CO;2-H.
    """
    return _reach(level, power, df) * math.sqrt(_check_variance(variance))


def power_to_detect(
    difference: float, variance: float, *, level: float = 0.95, df: float | None = None
) -> float:
    """Return the power of the paired test for a true difference of two AUCs.

    Phi(|difference| / sqrt(variance) - z). Raises ValueError for bad input, variance 0 among it.
    """
    check_level(level)
    if _check_variance(variance) == 0.0:
        raise ValueError("variance is 0: power is undefined")
    return _STANDARD.cdf(abs(difference) / math.sqrt(variance) - quantile(level, df))


def cases_to_detect(
    difference: float, variance: float, n: int, *, level: float = 0.95, power: float = 0.8
) -> int:
    """Return how many cases are needed to find a difference, given its variance with `n` cases.

    n variance ((z of the level + z of the power) / difference)^2, rounded up: cases of the same
    kind, with the same part of positives and the same number per patient. Raises ValueError for
    bad input.
    """
    if difference == 0.0:
        raise ValueError("difference is 0: no number of cases is enough")
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    return math.ceil(n * _check_variance(variance) * (_reach(level, power) / difference) ** 2)


def _reach(level: float, power: float, df: float | None = None) -> float:
    check_level(level)
    if not 0.5 <= power < 1.0:
        raise ValueError(f"power must lie between 0.5 and 1, not {power!r}")
    return quantile(level, df) + _STANDARD.inv_cdf(power)


def _check_variance(variance: float) -> float:
    if not (math.isfinite(variance) and variance >= 0.0):
        raise ValueError(f"variance must be finite and not negative, not {variance!r}")
    return variance
