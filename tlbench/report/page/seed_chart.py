"""Spread of AUCs over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tlbench.report.page.chart import ROW, Chart, Row, drawing_of, names_axis, room_parameter
from tlbench.report.page.series import Series
from tlbench.report.sheets import Cell, Estimate, Sheet


def seed_chart(series: Sequence[Series]) -> Chart:
    """Return the spread of AUCs over seeds, of backbones with several."""
    rows = [row for one in series for row in _rows(one)]
    widest = max(series, key=lambda one: float(one.classifier["seeds"]["sd"]))
    spread = widest.classifier["seeds"]
    return Chart(
        "seeds",
        "Spread over seeds",
        "AUC of each seed on the same hold-out; the filled circle is the seed that is tested. The "
        "spread shows what training by another seed changes. It is no confidence interval: all "
        "seeds share their cases.",
        f"AUCs over seeds of {len(series)} backbones. The widest spread has {widest.name}, from "
        f"{spread['low']:.3f} to {spread['high']:.3f} (SD {spread['sd']:.3f}).",
        _draw([one.numbered for one in series]),
        {"rows": rows},
        "rows",
        height=ROW * len(series) + 45,
        sheet=_sheet(series),
    )


def _rows(one: Series) -> list[Row]:
    seeds = one.classifier["seeds"]
    return [
        {"name": one.numbered, "seed": seed, "auc": auc, "tested": seed == one.classifier["seed"]}
        for seed, auc in zip(seeds["seeds"], seeds["aucs"], strict=True)
    ]


def _draw(names: Sequence[str]) -> Any:
    import altair as alt

    scale, axis = alt.Scale(zero=False, padding=12), alt.Axis(tickCount=6)
    x = alt.X("auc:Q", title="AUC", scale=scale, axis=axis)
    base = drawing_of("rows").encode(x=x, y=names_axis(names))
    fill = alt.condition("datum.tested", alt.value("var(--ink)"), alt.value("var(--paper)"))
    points = base.mark_point(size=80, stroke="var(--ink)", strokeWidth=1.5, opacity=1)
    return alt.layer(
        base.mark_rule(color="var(--line)", strokeWidth=3).encode(x="min(auc):Q", x2="max(auc):Q"),
        points.encode(
            fill=fill,
            tooltip=[
                alt.Tooltip("name:N", title="Backbone"),
                alt.Tooltip("seed:N", title="Seed"),
                alt.Tooltip("auc:Q", title="AUC", format=".3f"),
            ],
        ),
    ).add_params(room_parameter())


def _sheet(series: Sequence[Series]) -> Sheet:
    rows: list[tuple[Cell, ...]] = []
    for one in series:
        seeds = one.classifier["seeds"]
        figures = (Estimate(seeds[key]) for key in ("mean", "sd", "low", "high"))
        rows.append((one.name, ", ".join(map(str, seeds["seeds"])), *figures))
    columns = ("Backbone", "Seeds", "Mean", "SD", "Lowest", "Highest")
    return Sheet("seeds", "AUC over seeds", columns, rows)
