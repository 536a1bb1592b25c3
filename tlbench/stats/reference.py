"""Quantiles and tails of the normal and t distributions."""

import math
from statistics import NormalDist

_STANDARD = NormalDist()


def quantile(level: float, df: float | None = None) -> float:
    """Return the two-sided critical value for a confidence level: normal, or t with `df`."""
    upper = 1.0 - (1.0 - level) / 2.0
    if df is None:
        return _STANDARD.inv_cdf(upper)
    from scipy.special import stdtrit

    return float(stdtrit(df, upper))


def two_sided_p(statistic: float, df: float | None = None) -> float:
    """Return P(|Z| >= |statistic|) for a normal Z, or for a t with `df` degrees of freedom."""
    if df is None:
        # erfc keeps its precision in the far tail, where 1 - cdf is 0.
        return math.erfc(abs(statistic) / math.sqrt(2.0))
    from scipy.special import stdtr

    return min(1.0, 2.0 * float(stdtr(df, -abs(statistic))))
