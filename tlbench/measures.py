"""From labels and scores to the statistics that a record holds, as plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.stats.cutoff import Cutoff, choose_cutoff
from tlbench.stats.interval import auc_interval
from tlbench.stats.operating import operating_point
from tlbench.stats.roc import auc

RATES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


def measure_auc(
    labels: Labels,
    scores: Scores,
    groups: NDArray[np.int64],
    level: float,
    method: Literal["logit", "wald"],
) -> dict[str, Any]:
    """Return the AUC with its interval; the other method's limits stand beside it.

    With several images for some patients the variance is Obuchowski's, else DeLong's.
    """
    other: Literal["logit", "wald"] = "wald" if method == "logit" else "logit"
    beside = auc_interval(labels, scores, groups=groups, level=level, method=other)
    out = asdict(auc_interval(labels, scores, groups=groups, level=level, method=method))
    out[f"ci_{other}"] = {"low": beside.low, "high": beside.high, "method": beside.method}
    return dict(finite(out))


def measure_point(
    labels: Labels,
    scores: Scores,
    groups: NDArray[np.int64],
    chosen: Cutoff,
    chosen_on: str,
    level: float,
    unit: str = "image",
) -> dict[str, Any]:
    """Return rule and cut-off, and what the cut-off gives on these labels and scores.

    Intervals of proportions are Wilson's over cases, which are a `unit` each; where patients
    have several, `by_patient` holds the limits that allow for it (Rao and Scott's design effect).
    """
    point = rates_at(labels, scores, groups, chosen.value, level)
    cutoff = point.pop("cutoff")
    note = None if math.isfinite(cutoff) else f"no {unit} is called positive"
    head = {
        "rule": chosen.rule,
        "chosen_on": chosen_on,
        "cutoff": cutoff,
        "ties": chosen.ties,
        "note": note,
    }
    return dict(finite(head | point))


def rates_at(
    labels: Labels,
    scores: Scores,
    groups: NDArray[Any] | None,
    cutoff: float,
    level: float,
    interval: Literal["wilson", "clopper-pearson"] = "wilson",
) -> dict[str, Any]:
    """Return counts and rates at a cut-off.

    Intervals take images as independent; where patients have several, `by_patient` beside each
    rate holds the limits that allow for it.
    """
    point = asdict(operating_point(labels, scores, cutoff, level=level, interval=interval))
    if groups is not None and len(np.unique(groups)) < len(groups):
        clustered = asdict(
            operating_point(labels, scores, cutoff, level=level, interval=interval, groups=groups)
        )
        for rate in RATES:
            kept = ("low", "high", "method", "effective_n")
            point[rate]["by_patient"] = {key: clustered[rate][key] for key in kept}
    return point


def shared_warnings(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the warnings of records by name, those that not all share under their name."""
    lines = dict.fromkeys(line for record in records.values() for line in record["warnings"])
    out = []
    for line in lines:
        names = [name for name, record in records.items() if line in record["warnings"]]
        out.append(line if len(names) == len(records) else f"{', '.join(names)}: {line}")
    return out


def measure(
    labels: Labels,
    scores: Scores,
    groups: NDArray[np.int64],
    *,
    cutoff: Cutoff,
    chosen_on: str,
    level: float,
    method: Literal["logit", "wald"],
    unit: str = "image",
) -> dict[str, Any]:
    """Return all statistics of the hold-out: AUC, both operating points.

    `cutoff` was chosen elsewhere and is applied unchanged; the optimistic one is chosen here.
    """
    own = choose_cutoff(labels, scores, cutoff.rule)
    return {
        "auc": measure_auc(labels, scores, groups, level, method),
        "operating_point": measure_point(labels, scores, groups, cutoff, chosen_on, level, unit),
        "operating_point_optimistic": measure_point(
            labels, scores, groups, own, "hold-out", level, unit
        ),
    }


def measure_partition(labels: Labels, scores: Scores) -> dict[str, Any]:
    """Return the AUC of a partition, or None with a note where it has one class only, or none."""
    if len(np.unique(labels)) < 2:
        note = "one class only" if len(labels) else "nothing is in it"
        return {"n": len(labels), "auc": None, "note": note}
    return {"n": len(labels), "auc": auc(labels, scores), "note": None}


def finite(value: Any) -> Any:
    """Return `value` with numbers that are not finite replaced by None, tuples by lists."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
