"""Predictive values at a prevalence that is not that of the cases."""

import math
from dataclasses import dataclass

from tlbench.stats.proportion import Proportion


@dataclass(frozen=True)
class PredictiveValue:
    """A predictive value at a known prevalence with its interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None
    prevalence: float
    level: float
    method: str = "MOVER"
    note: str | None = None


def predictive_value(
    sensitivity: Proportion, specificity: Proportion, prevalence: float, *, positive: bool = True
) -> PredictiveValue:
    """Return the PPV, or the NPV where not `positive`, at a prevalence taken as known.

    By Bayes' rule the odds of a positive call being right are prevalence / (1 - prevalence) times
    sensitivity / (1 - specificity). The limits of that ratio are put together from those of the
    two proportions, which come from different cases and so are independent (MOVER): there are
    limits wherever there is a value, also where a proportion is 0 or 1. Raises ValueError unless
    0 < prevalence < 1, or where a class has no case.
    Donner and Zou 2012, doi:10.1177/0962280210383082.
    """
    if not 0.0 < prevalence < 1.0:
        raise ValueError(f"prevalence must lie between 0 and 1, not {prevalence!r}")
    right, other = (sensitivity, specificity) if positive else (specificity, sensitivity)
    a, b = _limits(right), _limits(other)
    wrong = (1.0 - b[0], 1.0 - b[2], 1.0 - b[1])
    odds = prevalence / (1.0 - prevalence) if positive else (1.0 - prevalence) / prevalence
    level = sensitivity.level
    if a[0] == 0.0 and wrong[0] == 0.0:
        note = f"nobody is called {'positive' if positive else 'negative'}"
        return PredictiveValue(None, None, None, prevalence, level, note=note)
    value = odds * a[0] / (odds * a[0] + wrong[0])
    low, high = (_share(odds * ratio) for ratio in _ratio_limits(a, wrong))
    return PredictiveValue(value, min(low, value), max(high, value), prevalence, level)


def _limits(part: Proportion) -> tuple[float, float, float]:
    if part.value is None or part.low is None or part.high is None:
        raise ValueError("sensitivity and specificity need cases of both classes")
    return part.value, part.low, part.high


def _ratio_limits(
    a: tuple[float, float, float], b: tuple[float, float, float]
) -> tuple[float, float]:
    """Return the limits of a / b, each (value, low, high); the upper one may be infinite."""
    product = a[0] * b[0]
    least, most = a[1] * (2.0 * a[0] - a[1]), a[2] * (2.0 * a[0] - a[2])
    below, above = b[1] * (2.0 * b[0] - b[1]), b[2] * (2.0 * b[0] - b[2])
    reach = product + math.sqrt(max(0.0, product**2 - least * above))
    low = least / reach if reach > 0.0 else 0.0
    far = product + math.sqrt(max(0.0, product**2 - most * below))
    return low, far / below if below > 0.0 else math.inf


def _share(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1.0 + odds)
