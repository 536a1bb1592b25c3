"""Decision curves: what acting on a probability gains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlbench.report.page.chart import Chart, Row, drawing_of
from tlbench.report.page.roc_chart import colour_scale, dash_scale
from tlbench.report.page.series import Series
from tlbench.report.sheets import Cell, Estimate, Sheet
from tlbench.stats import DecisionCurve, decision_curve

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
"""Where net benefit is given in numbers."""


def decision_chart(series: Sequence[Series], data: Any) -> Chart:
    """Return the decision curves of backbones whose scores are probabilities."""
    found = {one.name: decision_curve(one.curve.labels, one.curve.scores) for one in series}
    first = found[series[0].name]
    top = max(first.prevalence, *(float(curve.model.max()) for curve in found.values()))
    useful = [name for name, curve in found.items() if _beats(curve)]
    shown = [one for one in series if one.shown]
    return Chart(
        "decision",
        "Decision curves",
        "Net benefit of acting where the probability reaches the threshold: true positives less "
        "false positives, weighted by the odds of the threshold, a case. The solid grey line acts "
        "on everyone, the zero line on nobody. No intervals are drawn. It holds at the hold-out's "
        f"prevalence of {first.prevalence:.2f} only.",
        f"Decision curves of {len(series)} backbones. {len(useful)} of them are, at some "
        "threshold, above both acting on everyone and acting on nobody.",
        _draw(series, top, legend=False),
        {
            "curves": [row | {"name": name} for name in found for row in _rows(found[name])],
            "everyone": _rows(first, everyone=True),
            "nobody": [{"y": 0}],
        },
        "wide",
        height=320,
        sheet=_sheet(series),
        legend=True,
        with_legend=lambda: _draw(shown, top, legend=True),
    )


def _rows(curve: DecisionCurve, *, everyone: bool = False) -> list[Row]:
    benefit = curve.treat_all if everyone else curve.model
    return [
        {"x": round(float(x), 4), "y": round(float(y), 5)}
        for x, y in zip(curve.thresholds, benefit, strict=True)
    ]


def _beats(curve: DecisionCurve) -> bool:
    return bool((curve.model > np.maximum(curve.treat_all, 0.0) + 1e-12).any())


def _draw(series: Sequence[Series], top: float, *, legend: bool) -> Any:
    import altair as alt

    key = alt.Legend(title=None, orient="bottom", columns=2, symbolType="stroke", symbolSize=500)
    show = key if legend else None
    scale, axis = alt.Scale(domain=[0, 1], nice=False), alt.Axis(tickCount=5)
    x = alt.X("x:Q", title="Threshold probability", scale=scale, axis=axis)
    # Harm has no bound where the threshold nears 1; the gain is what the figure is for.
    y = alt.Y("y:Q", title="Net benefit", scale=alt.Scale(domain=[-0.25 * top, 1.05 * top]))
    everyone = drawing_of("everyone").mark_line(color="var(--ink-soft)", strokeWidth=1.5, clip=True)
    curves = drawing_of("curves").transform_filter("indexof(shown, datum.name) >= 0")
    return alt.layer(
        drawing_of("nobody").mark_rule(color="var(--ink)").encode(y=y),
        everyone.encode(x=x, y=y),
        curves.mark_line(clip=True).encode(
            x=x,
            y=y,
            color=alt.Color("name:N", scale=colour_scale(series), legend=show),
            strokeDash=alt.StrokeDash("name:N", scale=dash_scale(series), legend=show),
            strokeWidth=alt.condition("datum.name === lit", alt.value(4), alt.value(2)),
            tooltip=[alt.Tooltip("name:N", title="Backbone")],
        ),
    ).add_params(
        alt.param(name="shown", value=[one.name for one in series if one.shown]),
        alt.param(name="lit", value=""),
    )


def _sheet(series: Sequence[Series]) -> Sheet:
    columns = ("Backbone", *(f"At {at}" for at in THRESHOLDS))
    rows: list[tuple[Cell, ...]] = []
    for one in series:
        found = decision_curve(one.curve.labels, one.curve.scores, THRESHOLDS)
        rows.append((one.name, *(Estimate(float(value)) for value in found.model)))
    rows.append(("Acting on everyone", *(Estimate(float(value)) for value in found.treat_all)))
    return Sheet("decision", "Net benefit by threshold probability", columns, rows)
