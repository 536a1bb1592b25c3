"""Forest plot of the AUCs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tlbench.report.page.chart import (
    NARROW,
    ROW,
    Chart,
    Row,
    drawing_of,
    names_axis,
    room_parameter,
)
from tlbench.report.page.series import Series
from tlbench.report.rows import percent
from tlbench.report.sheets import Estimate

_MOST_SAID = 12


def forest_chart(series: Sequence[Series], data: Any) -> Chart:
    """Return the forest plot of the AUCs."""
    rows = [_row(one) for one in series]
    said = "; ".join(f"{row['name']} {row['text']}" for row in rows[:_MOST_SAID])
    more = f"; and {len(rows) - _MOST_SAID} more" if len(rows) > _MOST_SAID else ""
    return Chart(
        "forest",
        "AUCs",
        f"AUC of each backbone with its {percent(data['level'])} interval (its method stands "
        "below the first table). Controls are open diamonds; the dashed line is chance. Intervals "
        "that overlap do not decide whether two can be told apart: the paired tests do.",
        f"Forest plot of {len(rows)} AUCs, the highest first: {said}{more}.",
        _draw(rows),
        {"rows": rows, "chance": [{"auc": 0.5}]},
        "rows",
        height=ROW * len(rows) + 45,
        see="answer",
    )


def _row(one: Series) -> Row:
    ci = one.classifier["ci"]
    found = Estimate(one.classifier["auc"], ci["low"], ci["high"])
    return {
        "name": one.numbered,
        "auc": found.value,
        "low": found.low,
        "high": found.high,
        "text": f"{found.number} ({found.limits})",
        "kind": "control" if one.curve.control else "backbone",
    }


def _draw(rows: Sequence[Row]) -> Any:
    import altair as alt

    left = math.floor(20 * min(0.45, *(row["low"] for row in rows))) / 20
    scale = alt.Scale(domain=[left, 1], nice=False, zero=False)
    x = alt.X("auc:Q", title="AUC", scale=scale, axis=alt.Axis(tickCount=6))
    base = drawing_of("rows").encode(y=names_axis([row["name"] for row in rows]))
    kinds = ["backbone", "control"]
    shapes = alt.Scale(domain=kinds, range=["square", "diamond"])
    fills = alt.Scale(domain=kinds, range=["var(--ink)", "var(--paper)"])
    chance = drawing_of("chance").mark_rule(color="var(--ink-soft)", strokeDash=[4, 3])
    intervals = base.mark_rule(strokeWidth=2, color="var(--ink)")
    points = base.mark_point(size=90, opacity=1, stroke="var(--ink)", strokeWidth=2)
    return alt.layer(
        chance.encode(x=x),
        intervals.encode(x=alt.X("low:Q", title="AUC"), x2="high:Q"),
        points.encode(
            x=x,
            shape=alt.Shape("kind:N", scale=shapes, legend=None),
            fill=alt.Fill("kind:N", scale=fills, legend=None),
            tooltip=[alt.Tooltip("name:N", title="Backbone"), alt.Tooltip("text:N", title="AUC")],
        ),
        base.mark_text(align="left", dx=10).encode(
            x=alt.value(alt.expr("width")),
            text=alt.condition(NARROW, alt.value(""), "text:N"),
        ),
    ).add_params(room_parameter())
