"""How scores are distributed in each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tlbench.report.page.chart import NARROW, ROW, Chart, Row, drawing_of, room_parameter
from tlbench.report.page.series import Series
from tlbench.report.sheets import Cell, Estimate, Sheet
from tlbench.specs import UNIT_WORDS

_BINS = 40


def score_chart(series: Sequence[Series], data: Any) -> Chart:
    """Return histograms of the scores of each class, a row a backbone."""
    span = _span(series)
    never = [one.name for one in series if one.curve.cutoff == math.inf]
    nobody = f" The cut-off of {', '.join(never)} calls nobody positive." if never else ""
    medians = [f"{_medians(one)} ({one.name})" for one in dict.fromkeys((series[0], series[-1]))]
    return Chart(
        "scores",
        "Scores by class",
        f"How the scores of the hold-out's {UNIT_WORDS[data['unit']]} are distributed, a row a "
        "backbone: positives upwards in solid colour, negatives downwards, pale with an outline, "
        "each class scaled to its own most frequent score. The upright line is the cut-off chosen "
        f"before the hold-out was looked at: right of it all are called positive.{nobody}",
        f"Histograms of scores by class of {len(series)} backbones. Median score of positives and "
        f"of negatives: {', '.join(medians)}.",
        _draw([one.numbered for one in series], span),
        {
            "bars": [row for place, one in enumerate(series) for row in _bars(one, place, span)],
            "cutoffs": [
                {"x": one.curve.cutoff, "y": place + 0.02, "y2": place + 0.98, "name": one.name}
                for place, one in enumerate(series)
                if one.curve.cutoff is not None and span[0] <= one.curve.cutoff <= span[1]
            ],
        },
        "rows",
        height=2 * ROW * len(series) + 50,
        sheet=_sheet(series),
    )


def _span(series: Sequence[Series]) -> tuple[float, float]:
    if all(one.curve.probabilities for one in series):
        return 0.0, 1.0
    least = min(float(one.curve.scores.min()) for one in series)
    most = max(float(one.curve.scores.max()) for one in series)
    return least, most if most > least else least + 1.0


def _medians(one: Series) -> str:
    positive = np.asarray(one.curve.labels) == 1
    above, below = (np.median(one.curve.scores[own]) for own in (positive, ~positive))
    return f"{above:.3f} and {below:.3f}"


def _draw(names: list[str], span: tuple[float, float]) -> Any:
    import altair as alt

    scale, axis = alt.Scale(domain=list(span), nice=False), alt.Axis(tickCount=5)
    x = alt.X("x:Q", title="Score", scale=scale, axis=axis)
    y = _row_axis(len(names))
    classes = alt.Scale(
        domain=["positive", "negative"], range=["var(--positive)", "var(--negative)"]
    )
    key = alt.Legend(title=None, orient="top", symbolType="square")
    base = drawing_of("bars").encode(
        x=x,
        x2="x2:Q",
        y=y,
        y2="y2:Q",
        color=alt.Color("kind:N", scale=classes, legend=key),
        tooltip=[
            alt.Tooltip("name:N", title="Backbone"),
            alt.Tooltip("kind:N", title="Class"),
            alt.Tooltip("range:N", title="Score"),
            alt.Tooltip("n:Q", title="Cases"),
        ],
    )
    outlined = {"strokeWidth": 1, "fillOpacity": 0.25, "stroke": "var(--negative)"}
    cutoffs = drawing_of("cutoffs").mark_rule(color="var(--ink)", strokeWidth=2)
    told = [alt.Tooltip("name:N", title="Backbone"), alt.Tooltip("x:Q", title="Cut-off")]
    return alt.layer(
        base.transform_filter("datum.kind === 'positive'").mark_rect(),
        # Outlined, so that the two differ without colours too.
        base.transform_filter("datum.kind === 'negative'").mark_rect(**outlined),
        cutoffs.encode(x=x, y=y, y2="y2:Q", tooltip=told),
    ).add_params(alt.param(name="names", value=names), room_parameter())


def _row_axis(count: int) -> Any:
    """The axis on which row i is from i to i + 1, downwards, with its name in its middle."""
    import altair as alt

    axis = alt.Axis(
        values=[place + 0.5 for place in range(count)],
        labelExpr="names[floor(datum.value)]",
        labelLimit=alt.expr(f"{NARROW} ? 120 : 300"),
        grid=False,
        ticks=False,
        domain=False,
    )
    return alt.Y("y:Q", title=None, scale=alt.Scale(domain=[count, 0], nice=False), axis=axis)


def _bars(one: Series, place: int, span: tuple[float, float]) -> list[Row]:
    positive = np.asarray(one.curve.labels) == 1
    rows = []
    for own, kind, sign in ((positive, "positive", -1), (~positive, "negative", 1)):
        counts, edges = np.histogram(one.curve.scores[own], bins=_BINS, range=span)
        for i in np.flatnonzero(counts).tolist():
            rows.append(
                {
                    "name": one.name,
                    "kind": kind,
                    "x": round(float(edges[i]), 6),
                    "x2": round(float(edges[i + 1]), 6),
                    "y": place + 0.5,
                    "y2": place + 0.5 + sign * 0.46 * float(counts[i] / counts.max()),
                    "n": int(counts[i]),
                    "range": f"{edges[i]:.3g} to {edges[i + 1]:.3g}",
                }
            )
    return rows


def _sheet(series: Sequence[Series]) -> Sheet:
    columns = ("Backbone", "Class", "Lowest", "Quartile", "Median", "Quartile", "Highest")
    rows: list[tuple[Cell, ...]] = []
    for one in series:
        positive = np.asarray(one.curve.labels) == 1
        for own, kind in ((positive, "positive"), (~positive, "negative")):
            found = np.quantile(one.curve.scores[own], (0, 0.25, 0.5, 0.75, 1))
            rows.append((one.name, kind, *(Estimate(float(value)) for value in found)))
    return Sheet("scores-by-class", "Scores by class", columns, rows)
