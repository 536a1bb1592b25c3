"""Cut-offs: choosing one by a rule, and how uncertain the choice is.

A case is called positive if its score is at or above the cut-off. A cut-off is written as the
smallest observed score called positive; +inf calls nobody positive.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import (
    FloatArray,
    IntArray,
    check_groups,
    check_labels,
    check_level,
    check_scores,
)
from tlbench.stats.roc import count_at_thresholds

_FIXED = ("sensitivity", "specificity")


@dataclass(frozen=True)
class CutoffRule:
    """A rule for choosing a cut-off: `kind`, and the `target` of a fixed rate, as given."""

    kind: str
    target: Fraction | None = None

    def __str__(self) -> str:
        return self.kind if self.target is None else f"{self.kind}={float(self.target):g}"


def parse_rule(text: str) -> CutoffRule:
    """Return the rule that `text` names: youden, closest, sensitivity=0.9 or specificity=0.9.

    The rate may be any decimal from 0 to 1; it is kept exactly, so that 0.9 of 10 is 9.
    Raises ValueError for anything else.
    """
    kind, separator, rate = text.strip().partition("=")
    kind = kind.strip().lower()
    if not separator and kind in ("youden", "closest"):
        return CutoffRule(kind)
    if separator and kind in _FIXED:
        try:
            target = Fraction(rate.strip())
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"cut-off rule {text!r} needs a number after '='") from None
        if not 0 <= target <= 1:
            raise ValueError(f"cut-off rule {text!r} needs a rate from 0 to 1")
        return CutoffRule(kind, target)
    raise ValueError(
        f"unknown cut-off rule {text!r}: use youden, closest, sensitivity=RATE or specificity=RATE"
    )


@dataclass(frozen=True)
class Cutoff:
    """A chosen cut-off and the counts it gives on the cases it was chosen on.

    `value` is the lowest of the `ties` optimal cut-offs, all listed, ascending, in `optimal`; it
    is +inf where calling nobody positive is best (`note` says so; JSON has no such number).
    `objective` is what the rule optimises: sensitivity + specificity - 1, the squared distance to
    the corner (0, 1), or the rate that is not fixed.
    """

    value: float
    rule: str
    objective: float
    ties: int
    optimal: tuple[float, ...]
    tp: int
    fn: int
    fp: int
    tn: int
    n_positive: int
    n_negative: int
    note: str | None = None


def choose_cutoff(labels: ArrayLike, scores: ArrayLike, rule: str = "youden") -> Cutoff:
    """Choose the cut-off that is best by a rule.

    `labels` (n,) of 0/1, `scores` (n,) finite. Rules: "youden" maximises sensitivity +
    specificity; "closest" minimises (1 - sensitivity)^2 + (1 - specificity)^2; "sensitivity=R"
    maximises specificity where sensitivity >= R and then sensitivity, "specificity=R" the reverse,
    which leaves no ties. Optima are compared in integers, so that ties are exact; the lowest is
    used. Raises ValueError for bad input.
    Youden 1950, doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3;
    Perkins and Schisterman 2006, doi:10.1093/aje/kwj063.
    """
    parsed = parse_rule(rule)
    positive = check_labels(labels)
    tp, fp, thresholds = count_at_thresholds(positive, check_scores(scores, positive.size))
    best = _best(tp, fp, parsed)
    # Thresholds descend: the lowest optimal cut-off is the last.
    chosen = int(best[-1])
    m, n = int(tp[-1]), int(fp[-1])
    hits, alarms = int(tp[chosen]), int(fp[chosen])
    value = float(thresholds[chosen])
    return Cutoff(
        value,
        str(parsed),
        _objective(hits, alarms, m, n, parsed.kind),
        ties=int(best.size),
        optimal=tuple(float(x) for x in thresholds[best[::-1]]),
        tp=hits,
        fn=m - hits,
        fp=alarms,
        tn=n - alarms,
        n_positive=m,
        n_negative=n,
        note=None if math.isfinite(value) else "nobody is called positive: the cut-off is infinite",
    )


def _best(tp: IntArray, fp: IntArray, rule: CutoffRule) -> IntArray:
    """Return the places of all optimal points, given counts that end with all positive."""
    m, n = int(tp[-1]), int(fp[-1])
    if rule.kind == "youden":
        gain = tp * n - fp * m
        return np.flatnonzero(gain == gain.max())
    if rule.kind == "closest":
        return _closest(tp, fp, m, n)
    target = rule.target if rule.target is not None else Fraction(1)
    if rule.kind == "sensitivity":
        # Counts only grow along the points: the first that suffices has the fewest false
        # positives; of those with as few, the last finds most.
        first = int(np.argmax(tp >= math.ceil(target * m)))
        same: IntArray = np.flatnonzero(fp == fp[first])
        return same[-1:]
    last = int(np.flatnonzero(n - fp >= math.ceil(target * n))[-1])
    found: IntArray = np.flatnonzero(tp == tp[last])
    return found[:1]


def _closest(tp: IntArray, fp: IntArray, m: int, n: int) -> IntArray:
    """Return the places nearest to the corner; ties are decided in integers of any size."""
    rough = (1.0 - tp / m) ** 2 + (fp / n) ** 2
    near = np.flatnonzero(rough <= rough.min() * (1.0 + 1e-9) + 1e-300)
    exact = [((m - int(tp[i])) * n) ** 2 + (int(fp[i]) * m) ** 2 for i in near]
    least = min(exact)
    return near[[value == least for value in exact]]


def _objective(tp: int, fp: int, m: int, n: int, kind: str) -> float:
    if kind == "youden":
        return (tp * n - fp * m) / (m * n)
    if kind == "closest":
        return ((m - tp) / m) ** 2 + (fp / n) ** 2
    return (n - fp) / n if kind == "sensitivity" else tp / m


@dataclass(frozen=True)
class CutoffInterval:
    """A bootstrap percentile interval of a chosen cut-off.

    `low` and `high` are observed scores (or +inf); `n_boot` resamples counted, `redrawn` more were
    drawn again because they held one class only; `unit` is what was resampled, `n_groups` of them.
    """

    value: float
    low: float
    high: float
    level: float
    rule: str
    method: str
    unit: str
    n_groups: int
    n_boot: int
    redrawn: int


def bootstrap_cutoff(
    labels: ArrayLike,
    scores: ArrayLike,
    rule: str = "youden",
    *,
    groups: Any | None = None,
    rng: np.random.Generator,
    n_boot: int = 2000,
    level: float = 0.95,
) -> CutoffInterval:
    """Return a percentile interval of the cut-off that a rule chooses, resampling patients.

    `labels` (n,) of 0/1, `scores` (n,) finite, `groups` (n,) patient ids or None (each case its
    own). Each resample draws as many patients as there are, with replacement, with all their
    cases, and chooses anew. Limits are order statistics, never between two cut-offs. O(n_boot n).
    Raises ValueError for bad input. Efron and Tibshirani 1993, doi:10.1201/9780429246593.
    """
    check_level(level)
    if n_boot < 1:
        raise ValueError(f"n_boot must be at least 1, not {n_boot}")
    parsed = parse_rule(rule)
    positive = check_labels(labels)
    row = check_scores(scores, positive.size)
    value = choose_cutoff(positive, row, rule).value
    codes, count = np.arange(positive.size), positive.size
    if groups is not None:
        codes, count = check_groups(groups, positive.size)
    order = np.argsort(row)[::-1]
    draw = _Resampler(positive[order], row[order], codes[order], count)
    chosen = np.empty(n_boot)
    redrawn = 0
    for index in range(n_boot):
        chosen[index], again = draw.choose(parsed, rng)
        redrawn += again
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(chosen, [tail, 1.0 - tail], method="inverted_cdf")
    unit = "case" if groups is None else "patient"
    return CutoffInterval(
        value, float(low), float(high), level, str(parsed), "bootstrap percentile", unit, count,
        n_boot, redrawn,
    )  # fmt: skip


class _Resampler:
    """Chooses cut-offs on resamples of patients, with the sorting done once."""

    def __init__(
        self, positive: np.ndarray[Any, Any], scores: FloatArray, codes: IntArray, count: int
    ) -> None:
        self.positive, self.codes, self.count = positive, codes, count
        changes = np.flatnonzero(scores[1:] != scores[:-1]) + 1
        self.starts = np.concatenate([[0], changes])
        self.thresholds = scores[self.starts]

    def choose(self, rule: CutoffRule, rng: np.random.Generator) -> tuple[float, int]:
        """Return the cut-off of one resample with both classes, and the draws thrown away."""
        thrown = 0
        while True:
            drawn = rng.integers(0, self.count, self.count)
            weight = np.bincount(drawn, minlength=self.count)[self.codes]
            hits = np.add.reduceat(weight * self.positive, self.starts)
            all_ = np.add.reduceat(weight, self.starts)
            # Scores that nobody drawn has are no cut-offs of this resample.
            seen = np.flatnonzero(all_)
            tp = np.concatenate([[0], np.cumsum(hits[seen])])
            fp = np.concatenate([[0], np.cumsum((all_ - hits)[seen])])
            if tp[-1] and fp[-1]:
                break
            thrown += 1
        last = int(_best(tp, fp, rule)[-1])
        return (math.inf if last == 0 else float(self.thresholds[seen[last - 1]])), thrown
