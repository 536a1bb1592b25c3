"""What a classifier does at one cut-off: counts, rates, predictive values, likelihood ratios."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import BoolArray, check_groups, check_labels, check_level, check_scores
from tlbench.stats.proportion import (
    Proportion,
    ProportionMethod,
    clustered_proportion,
    proportion,
)
from tlbench.stats.reference import quantile


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood ratio with its interval; None where undefined, with a note."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str = "log"
    note: str | None = None


@dataclass(frozen=True)
class OperatingPoint:
    """What calling positive every case with `score >= cutoff` gives.

    Counts, proportions with intervals, and the positive and negative likelihood ratio.
    """

    cutoff: float
    tp: int
    fn: int
    fp: int
    tn: int
    sensitivity: Proportion
    specificity: Proportion
    ppv: Proportion
    npv: Proportion
    accuracy: Proportion
    lr_positive: LikelihoodRatio
    lr_negative: LikelihoodRatio


def operating_point(
    labels: ArrayLike,
    scores: ArrayLike,
    cutoff: float,
    *,
    level: float = 0.95,
    interval: ProportionMethod = "wilson",
    groups: Any | None = None,
) -> OperatingPoint:
    """Return counts and rates of one classifier at a cut-off, which may be infinite.

    `labels` (n,) of 0/1, one class is enough; `scores` (n,) finite; `groups` (n,) patient ids: the
    intervals of proportions then allow for patients with several cases (`clustered_proportion`),
    those of the likelihood ratios do not. PPV and NPV hold at the prevalence of these cases.
    Raises ValueError for bad input, or a cut-off that is nan.
    """
    check_level(level)
    positive = check_labels(labels, both_classes=False)
    row = check_scores(scores, positive.size)
    if math.isnan(cutoff):
        raise ValueError("cutoff is nan: it must be a number")
    called = row >= cutoff
    tp, fp = int(np.sum(called & positive)), int(np.sum(called & ~positive))
    fn, tn = int(np.sum(positive)) - tp, int(np.sum(~positive)) - fp
    codes = None if groups is None else check_groups(groups, positive.size)[0]

    def part(hits: BoolArray, among: BoolArray) -> Proportion:
        if codes is not None:
            return clustered_proportion(hits[among], codes[among], level=level, method=interval)
        k, n = int(np.sum(hits[among])), int(np.sum(among))
        return proportion(k, n, level=level, method=interval)

    return OperatingPoint(
        float(cutoff),
        tp,
        fn,
        fp,
        tn,
        sensitivity=part(called, positive),
        specificity=part(~called, ~positive),
        ppv=part(positive, called),
        npv=part(~positive, ~called),
        accuracy=part(called == positive, np.ones_like(positive)),
        lr_positive=likelihood_ratio(tp, fn, fp, tn, positive=True, level=level),
        lr_negative=likelihood_ratio(tp, fn, fp, tn, positive=False, level=level),
    )


def likelihood_ratio(
    tp: int, fn: int, fp: int, tn: int, *, positive: bool, level: float = 0.95
) -> LikelihoodRatio:
    """Return sensitivity / (1 - specificity), or (1 - sensitivity) / specificity.

    Limits exp(log LR -+ z sqrt(1/a - 1/m + 1/b - 1/n)) with a of m positives and b of n negatives
    in numerator and denominator; None where a or b is 0. The value is None where b is 0, or a
    class is empty. Simel, Samsa and Matchar 1991, doi:10.1016/0895-4356(91)90128-V.
    """
    m, n = tp + fn, fp + tn
    a, b = (tp, fp) if positive else (fn, tn)
    if m == 0 or n == 0:
        return LikelihoodRatio(None, None, None, level, note="one class only: undefined")
    if b == 0:
        note = "0 / 0: undefined" if a == 0 else "division by 0: the ratio is infinite"
        return LikelihoodRatio(None, None, None, level, note=note)
    value = (a / m) / (b / n)
    if a == 0:
        return LikelihoodRatio(
            value, None, None, level, note="ratio 0: no limits by the log method"
        )
    reach = quantile(level) * math.sqrt(1 / a - 1 / m + 1 / b - 1 / n)
    return LikelihoodRatio(value, value * math.exp(-reach), value * math.exp(reach), level)
