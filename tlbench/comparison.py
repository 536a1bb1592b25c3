"""Statistics of several classifiers on the same cases, as plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import TlbenchError
from tlbench.measures import finite, rates_at
from tlbench.stats import (
    auc_interval,
    bootstrap_cutoff,
    brier,
    calibration_line,
    choose_cutoff,
    compare_at_cutoffs,
    compare_aucs,
    log_loss,
    parse_rule,
    partial_auc,
    reliability,
)
from tlbench.streams import stream


@dataclass(frozen=True)
class Choices:
    """How figures are made: level, limits of AUCs and of proportions, rules for cut-offs.

    `rules` are names such as "youden" or "sensitivity=0.9"; the first is the one McNemar's tests
    use. `fixed` is a cut-off given by the user, which then stands first, under the name "fixed".
    `bootstrap` is how often patients are redrawn for an interval of a chosen cut-off, 0 for none.
    """

    level: float = 0.95
    ci: Literal["logit", "wald"] = "logit"
    proportion_ci: Literal["wilson", "clopper-pearson"] = "wilson"
    rules: tuple[str, ...] = ("youden",)
    fixed: float | None = None
    bootstrap: int = 0


@dataclass(frozen=True)
class CutoffUsed:
    """A cut-off and how it came about; `ties` is None where it was given."""

    value: float
    ties: int | None
    chosen_on: str


def choices_of(
    cutoffs: Sequence[str],
    level: float,
    ci: Literal["logit", "wald"],
    proportion_ci: Literal["wilson", "clopper-pearson"],
    bootstrap: int = 0,
) -> Choices:
    """Return the choices that a user's words mean; `cutoffs` are numbers or names of rules.

    Raises `TlbenchError` for what is neither.
    """
    fixed, rules = None, []
    for text in cutoffs:
        try:
            number = float(text)
            if fixed is not None:
                raise TlbenchError(
                    f"two fixed cut-offs are given: {fixed:g} and {number:g}",
                    "give one number; rules may be repeated",
                )
            fixed = number
        except ValueError:
            try:
                parse_rule(text)
            except ValueError as error:
                raise TlbenchError(
                    f'cut-off "{text}" is neither a number nor a rule',
                    "rules are youden, closest, sensitivity=0.9, specificity=0.9",
                ) from error
            rules.append(text)
        if fixed is not None and not math.isfinite(fixed):
            raise TlbenchError(f'cut-off "{text}" is not a finite number', "give a number")
    if fixed is None and not rules:
        rules = ["youden"]
    return Choices(level, ci, proportion_ci, tuple(rules), fixed, bootstrap)


def choose_cutoffs(
    labels: NDArray[np.int64], scores: NDArray[np.float64], choices: Choices
) -> dict[str, CutoffUsed]:
    """Return the cut-offs of one classifier by rule, chosen on these very cases, or given."""
    found = {}
    if choices.fixed is not None:
        found["fixed"] = CutoffUsed(choices.fixed, None, "given")
    for rule in choices.rules:
        chosen = choose_cutoff(labels, scores, rule)
        found[rule] = CutoffUsed(chosen.value, chosen.ties, "these cases: optimistic")
    return found


def describe_classifier(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    groups: NDArray[Any] | None,
    cutoffs: Mapping[str, CutoffUsed],
    choices: Choices,
) -> dict[str, Any]:
    """Return all statistics of one classifier: `scores` (n,) on cases with `labels` (n,)."""
    level = choices.level
    ci = auc_interval(labels, scores, groups=groups, level=level, method=choices.ci)
    wald = auc_interval(labels, scores, groups=groups, level=level, method="wald")
    out = {
        "auc": ci.value,
        "variance": ci.variance,
        "variance_method": ci.variance_method,
        "ci": {key: getattr(ci, key) for key in ("method", "level", "low", "high", "df")},
        "ci_wald": {"low": wald.low, "high": wald.high, "method": wald.method},
        "note": ci.note,
        "n": len(labels),
        "n_positive": ci.n_positive,
        "n_negative": ci.n_negative,
        "n_groups": ci.n_groups,
        "partial_auc": _describe_partial(labels, scores),
        "cutoffs": {
            name: _describe_cutoff(labels, scores, groups, cutoff, choices)
            | _bootstrap(labels, scores, groups, name, choices)
            for name, cutoff in cutoffs.items()
        },
    }
    return dict(finite(out | _describe_probabilities(labels, scores, level)))


def _describe_partial(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, Any]:
    """Partial AUCs over specificities and over sensitivities of at least 0.9."""
    out = {}
    foci: tuple[Literal["specificity", "sensitivity"], ...] = ("specificity", "sensitivity")
    for focus in foci:
        part = partial_auc(labels, scores, focus=focus)
        out[f"{focus}_0.9_to_1"] = {
            "plain": part.value,
            "mcclish": part.corrected,
            "note": part.note,
        }
    return out


def _describe_cutoff(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    groups: NDArray[Any] | None,
    cutoff: CutoffUsed,
    choices: Choices,
) -> dict[str, Any]:
    point = rates_at(labels, scores, groups, cutoff.value, choices.level, choices.proportion_ci)
    note = None if math.isfinite(cutoff.value) else "no case is called positive"
    return point | {"ties": cutoff.ties, "chosen_on": cutoff.chosen_on, "note": note}


def _bootstrap(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    groups: NDArray[Any] | None,
    rule: str,
    choices: Choices,
) -> dict[str, Any]:
    """The interval of a chosen cut-off over redrawn patients; nothing where none was asked for."""
    if not choices.bootstrap or rule not in choices.rules:
        return {}
    found = bootstrap_cutoff(
        labels,
        scores,
        rule,
        groups=groups,
        rng=stream(0, f"bootstrap/{rule}"),
        n_boot=choices.bootstrap,
        level=choices.level,
    )
    return {"cutoff_ci": asdict(found)}


def _describe_probabilities(
    labels: NDArray[np.int64], scores: NDArray[np.float64], level: float
) -> dict[str, Any]:
    """Calibration, or nulls with a note where the scores are not probabilities."""
    if scores.min() < 0 or scores.max() > 1:
        note = "the scores are not probabilities: some lie outside 0 to 1"
        nothing = {"slope": None, "intercept": None, "in_the_large": None, "note": note}
        return {"brier": None, "log_loss": None, "ece": None, "calibration": nothing}
    line = calibration_line(labels, scores, level=level)
    loss = log_loss(labels, scores)
    calibration: dict[str, Any] = {"note": line.note}
    for name in ("slope", "intercept", "in_the_large"):
        found = getattr(line, name)
        calibration[name] = None if found is None else found.value
        calibration[f"{name}_ci"] = None if found is None else asdict(found)
    bins = reliability(labels, scores)
    return {
        "brier": brier(labels, scores),
        "log_loss": loss,
        "log_loss_note": None if math.isfinite(loss) else "infinite: a certain score was wrong",
        "ece": {"value": bins.ece, "binning": bins.binning},
        "calibration": calibration,
    }


def compare_classifiers(
    labels: NDArray[np.int64],
    scores: Mapping[str, NDArray[np.float64]],
    groups: NDArray[Any] | None,
    cutoffs: Mapping[str, CutoffUsed],
    level: float,
) -> dict[str, Any]:
    """Return `pairs`, `groups` that can't be told apart, and what could have been.

    `cutoffs` holds one cut-off a classifier, for McNemar's tests.
    """
    found = compare_aucs(labels, scores, groups=groups, level=level)
    pairs = []
    for pair, (a, b) in zip(found.pairs, combinations(scores, 2), strict=True):
        at_cutoffs = compare_at_cutoffs(
            labels, scores[a], cutoffs[a].value, scores[b], cutoffs[b].value, groups=groups
        )
        pairs.append(asdict(pair) | {"mcnemar": asdict(at_cutoffs)})
    detectable = [pair.detectable for pair in found.pairs if pair.detectable is not None]
    return dict(
        finite(
            {
                "ranking": list(found.names),
                "pairs": pairs,
                "groups": [list(names) for names in found.groups],
                "correction": found.correction,
                "level": level,
                "detectable": _range(detectable),
            }
        )
    )


def _range(values: Sequence[float]) -> dict[str, float] | None:
    """The smallest and the largest of the pairs' smallest detectable differences."""
    return {"low": min(values), "high": max(values), "power": 0.8} if values else None
