"""The confidence interval of an AUC."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike

from tlbench.stats.clustered import AucCovariance, Spread, auc_covariance
from tlbench.stats.inputs import check_choice, check_labels, check_level, check_scores
from tlbench.stats.reference import quantile

Reference = Literal["auto", "normal", "t"]

FEW_DF = 30.0
"""With `reference="auto"`, t is the reference of clustered variances with fewer degrees of freedom.

From 30 on t limits are at most 4.2 % wider than normal ones, and simulated coverage agrees.
"""


@dataclass(frozen=True)
class AucInterval:
    """An AUC with its confidence interval.

    `method` is "logit", "wald" or "exact"; `variance_method` is "delong" or "obuchowski";
    `variance` is None where it is undefined; `df` are the degrees of freedom of the t reference,
    None for the normal one; `n_groups` counts patients (cases, where each has its own patient);
    `note` says why the method is not the one asked for.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    variance: float | None
    variance_method: str
    n_positive: int
    n_negative: int
    n_groups: int
    df: float | None = None
    note: str | None = None


def auc_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: Any | None = None,
    level: float = 0.95,
    method: Literal["logit", "wald"] = "logit",
    reference: Reference = "auto",
) -> AucInterval:
    """Return the AUC of one classifier with its confidence interval.

    `labels` (n,) of 0/1, `scores` (n,) finite, `groups` (n,) patient ids or None; the rest as in
    `interval_of`. Raises ValueError for bad input.
    """
    positive = check_labels(labels)
    covariance = auc_covariance(positive, check_scores(scores, positive.size), groups)
    return interval_of(covariance, 0, level=level, method=method, reference=reference)


def interval_of(
    covariance: AucCovariance,
    index: int,
    *,
    level: float = 0.95,
    method: Literal["logit", "wald"] = "logit",
    reference: Reference = "auto",
) -> AucInterval:
    """Return the interval of the AUC of classifier `index`.

    logit: expit(logit(A) -+ q SE / (A (1 - A))); wald: A -+ q SE, truncated to [0, 1]; q normal or
    t with Satterthwaite's df (1946, doi:10.2307/3002019), at most the number of patients less one.
    Reference "auto" is t for Obuchowski's variance with df below `FEW_DF`, else normal. Where the
    variance is 0 or undefined the method is "exact" (see `hoeffding_limits`) with a note, so that
    no interval has zero width. Raises ValueError for an unknown choice.
    Qin and Hotilovac 2008, doi:10.1177/0962280207087173.
    """
    check_level(level)
    check_choice("method", method, ("logit", "wald"))
    check_choice("reference", reference, ("auto", "normal", "t"))
    value = float(covariance.aucs[index])
    spread = covariance.spread_of(index)
    used: str = method
    df, note = None, _why_exact(value, spread.variance, covariance)
    if note is not None or spread.variance is None:
        used = "exact"
        low, high = hoeffding_limits(value, independent_pairs(covariance, value), level)
    else:
        df = spread.df if uses_t(covariance, spread, reference) else None
        half = quantile(level, df) * math.sqrt(spread.variance)
        if method == "logit":
            low, high = _logit_limits(value, half)
        else:
            low, high = max(0.0, value - half), min(1.0, value + half)
    return AucInterval(
        value,
        low,
        high,
        level,
        used,
        spread.variance,
        covariance.method,
        covariance.n_positive,
        covariance.n_negative,
        covariance.n_groups,
        df,
        note,
    )


def uses_t(covariance: AucCovariance, spread: Spread, reference: Reference) -> bool:
    """Return whether limits and tests refer to a t distribution."""
    if reference == "auto":
        return covariance.method == "obuchowski" and spread.df is not None and spread.df < FEW_DF
    return reference == "t"


def independent_pairs(covariance: AucCovariance, value: float) -> int:
    """Return the k of `hoeffding_limits`: a number of independent pairs behind an AUC.

    Pairs of a positive and a negative are independent where no two share a patient; as many as can
    be formed count. That is right where patients hold equally many cases of one class; and, with
    any patients, for an AUC of 0 or 1, which needs every such pair to agree (and a patient's number
    of cases to say nothing about their scores). Else only 1 is safe.
    """
    if value in (0.0, 1.0) or covariance.balanced:
        return covariance.n_pairs
    return 1


def hoeffding_limits(value: float, k: int, level: float) -> tuple[float, float]:
    """Return limits for an AUC that hold for every distribution of scores.

    `value` is the AUC, `k` the number of independent pairs. The AUC is a mean, over pairings, of
    means of k independent numbers in [0, 1], so that P(A >= a) <= exp(-k KL(a || theta)) for
    a > theta (Hoeffding 1963, theorem 1 and section 5, doi:10.1080/01621459.1963.10500830); the
    limits are where this equals (1 - level) / 2. With A = 1 the lower one is
    ((1 - level) / 2)^(1 / k), as Clopper and Pearson's for k of k. Conservative elsewhere.
    """
    budget = math.log(2.0 / (1.0 - level)) / k
    return _kl_root(value, 0.0, budget), _kl_root(value, 1.0, budget)


def _kl_root(value: float, end: float, budget: float) -> float:
    """Return theta between `value` and `end` (0 or 1) with KL(value || theta) = budget."""
    if value == end:
        return end
    if value in (0.0, 1.0):
        return math.exp(-budget) if value == 1.0 else -math.expm1(-budget)
    near, far = value, end
    # Bisection down to neighbouring doubles: KL grows from 0 at `value` to infinity at `end`. Of
    # the two the outer one is returned, so that rounding widens and never narrows.
    while True:
        middle = (near + far) / 2
        if middle in (near, far):
            return far
        if _kl(value, middle) <= budget:
            near = middle
        else:
            far = middle


def _kl(a: float, theta: float) -> float:
    """Return the Kullback-Leibler divergence of two Bernoulli distributions, 0 < a < 1."""
    return a * math.log(a / theta) + (1.0 - a) * math.log((1.0 - a) / (1.0 - theta))


def _logit_limits(value: float, half: float) -> tuple[float, float]:
    centre = math.log(value / (1.0 - value))
    reach = half / (value * (1.0 - value))
    return _expit(centre - reach), _expit(centre + reach)


def _expit(x: float) -> float:
    # The branch keeps exp from overflowing.
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    grown = math.exp(x)
    return grown / (1.0 + grown)


def _why_exact(value: float, variance: float | None, covariance: AucCovariance) -> str | None:
    """Return why the variance can't give an interval, or None where it can."""
    if value in (0.0, 1.0):
        return f"AUC is {value:.0f}, its variance 0: distribution-free limits (Hoeffding)"
    if variance is None:
        which = "positive" if covariance.n_groups_positive < 2 else "negative"
        unit = "case" if covariance.method == "delong" else "patient"
        return f"variance undefined with one {which} {unit}: distribution-free limits (Hoeffding)"
    if variance == 0.0:
        return "variance is 0: distribution-free limits (Hoeffding)"
    return None
