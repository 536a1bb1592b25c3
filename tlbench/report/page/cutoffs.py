"""What the slider of cut-offs needs: all cut-offs of each backbone, and the page it starts with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tlbench.report.page.chart import compile_chart
from tlbench.report.page.facts import clusters_of
from tlbench.report.page.roc_chart import band_rows, curve_rows, draw_cutoff
from tlbench.report.page.series import Series
from tlbench.report.rows import percent
from tlbench.report.sheets import Estimate
from tlbench.specs import UNIT_WORDS
from tlbench.stats import (
    Proportion,
    effective_sizes,
    effective_sizes_of_called,
    operating_point,
)
from tlbench.stats.inputs import IntArray
from tlbench.stats.reference import quantile

RATES = ("sensitivity", "specificity", "ppv", "npv")


def slider_context(series: Sequence[Series], data: Any) -> dict[str, Any]:
    """Return what the template `slider.html` shows, and what its script reads."""
    level, holdout = data["level"], data["holdout"]
    first = series[0]
    return {
        "names": [one.name for one in series],
        "numbers": _first_numbers(first, level),
        "prevalence": f"{100 * holdout['positives'] / holdout['n']:.4g}",
        "percent": percent(level),
        "units": UNIT_WORDS[data["unit"]],
        "clusters": clusters_of(data),
        "alt": f"ROC curve of the chosen backbone, at first {first.name}, with a ring at the "
        "cut-off that the slider is at.",
        "data": {
            "z": quantile(level),
            "backbones": [_stops(one) for one in series],
        },
        "spec": compile_chart(draw_cutoff(), {"one": [{}]}),
    }


def _stops(one: Series) -> dict[str, Any]:
    """All cut-offs, ascending, with "nobody" (null) last, and what each gives.

    Between two scores of the hold-out every cut-off gives the same; the validation cut-off gets a
    stop of its own all the same, so that the slider stands at it and not beside it.
    """
    roc = one.roc
    cutoffs = roc.thresholds[::-1].tolist()
    places = list(range(len(cutoffs)))
    chosen = math.inf if one.curve.cutoff is None else float(one.curve.cutoff)
    start = int(np.searchsorted(cutoffs, chosen))
    if cutoffs[start] != chosen:
        cutoffs.insert(start, chosen)
        places.insert(start, start)
    tp, fp = roc.tp[::-1][places], roc.fp[::-1][places]
    return {
        "name": one.name,
        "cutoffs": [cutoff if math.isfinite(cutoff) else None for cutoff in cutoffs],
        "tp": tp.tolist(),
        "fp": fp.tolist(),
        "positives": roc.n_positive,
        "negatives": roc.n_negative,
        "start": start,
        "sizes": _sizes(one, tp, fp),
        "curve": [[row["x"], row["y"]] for row in curve_rows(one)],
        "band": [[row["x"], row["low"], row["high"]] for row in band_rows(one)],
    }


def _sizes(one: Series, tp: IntArray, fp: IntArray) -> dict[str, list[float]] | None:
    """At each stop, the sizes that Wilson's limits of each rate are made with.

    None where every case is a patient of its own.
    """
    groups = one.curve.groups
    if groups is None or np.unique(groups).size == len(groups):
        return None
    order = np.argsort(-np.asarray(one.curve.scores), kind="stable")
    ordered = np.asarray(groups)[order]
    positive = np.asarray(one.curve.labels)[order] == 1
    called = tp + fp
    of_positives, of_negatives = (
        effective_sizes(ordered[own], int(np.count_nonzero(own))) for own in (positive, ~positive)
    )
    sizes = {
        "sensitivity": of_positives[tp],
        "specificity": of_negatives[fp],
        "ppv": effective_sizes_of_called(positive, ordered)[called],
        "npv": effective_sizes_of_called(~positive[::-1], ordered[::-1])[len(order) - called],
    }
    return {name: found.tolist() for name, found in sizes.items()}


def _first_numbers(one: Series, level: float) -> dict[str, Any]:
    """The numbers at the validation cut-off, for readers without scripts and for paper."""
    curve = one.curve
    cutoff = math.inf if curve.cutoff is None else curve.cutoff
    point = operating_point(curve.labels, curve.scores, cutoff, level=level, groups=curve.groups)
    rates = {name: _estimate(getattr(point, name)) for name in RATES}
    counts = {key: asdict(point)[key] for key in ("tp", "fp", "fn", "tn")}
    words = "nobody" if math.isinf(cutoff) else f"{cutoff:.4g}"
    return {"cutoff": words, "rates": rates, "counts": counts}


def _estimate(found: Proportion) -> Estimate:
    return Estimate(found.value, found.low, found.high)
