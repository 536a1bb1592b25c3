"""Accuracy against what it costs: time, size and memory, where records have them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tlbench.records import Record
from tlbench.report.page.chart import Chart, Row, drawing_of
from tlbench.report.page.series import Series
from tlbench.report.rows import percent
from tlbench.report.sheets import Cell, Estimate, Sheet


@dataclass(frozen=True)
class Cost:
    """A cost: how a record has it (None where it does not), and the words around its figure."""

    name: str
    title: str
    axis: str
    column: str
    read: Callable[[Record], float | None]
    digits: int
    how: str
    without: str
    best: str
    caveat: Callable[[Sequence[Record]], str] = lambda _records: ""


def _images_a_second(record: Record) -> float | None:
    made = record.get("extraction") or {}
    images, seconds = made.get("images"), made.get("seconds")
    # From the cache nothing was made, and a speed would be that of the cache.
    if not images or not seconds:
        return None
    # Of several runs only the first reads: with that in it a speed would tell of their order.
    engine = seconds - made.get("reading_seconds", 0.0)
    return images / engine if engine > 0 else None


def _reading_too(records: Sequence[Record]) -> str:
    many = sum("reading_seconds" not in record["extraction"] for record in records)
    return f" {many} of the records do not tell reading apart: there it counts." if many else ""


def _millions(record: Record) -> float | None:
    parameters = record["details"].get("backbone", {}).get("parameters")
    return parameters / 1e6 if parameters else None


COSTS = (
    Cost(
        "speed",
        "Accuracy against speed",
        "Images/s while features were made",
        "Images/s",
        _images_a_second,
        1,
        "Speed is that of making features in the run itself, starting the engine included and "
        "reading files before not, on the machine that the record names: it compares backbones "
        "run one after another on one machine, and nothing else.",
        "had their features from the cache, and so no speed of their own",
        "Fastest",
        _reading_too,
    ),
    Cost(
        "size",
        "Accuracy against size",
        "Parameters, millions",
        "Parameters, millions",
        _millions,
        2,
        "Parameters are those of the frozen backbone, without the top layer.",
        "do not say how many parameters they have",
        "Smallest",
    ),
    Cost(
        "memory",
        "Accuracy against memory",
        "Largest memory of the run, MB",
        "Memory, MB",
        lambda record: record.get("memory_mb"),
        0,
        "Memory is the largest that the process of the run held at once, libraries included.",
        "do not say how much memory they took",
        "Least",
    ),
)


def cost_charts(series: Sequence[Series], data: Any) -> list[Chart]:
    """Return AUC against each cost that at least two backbones have."""
    out = []
    for cost in COSTS:
        known = [one for one in series if cost.read(one.entry.record) is not None]
        if len(known) > 1:
            out.append(_chart(cost, known, len(series), data))
    return out


def _rows(series: Sequence[Series], cost: Cost) -> list[Row]:
    rows = []
    for one in series:
        ci = one.classifier["ci"]
        rows.append(
            {
                "name": one.name,
                "rank": str(one.rank),
                "label": "",
                "cost": cost.read(one.entry.record),
                "auc": one.classifier["auc"],
                "low": ci["low"],
                "high": ci["high"],
            }
        )
    return _label(rows)


def _label(rows: list[Row]) -> list[Row]:
    """Give each point its rank as a label, left of it where another is near on the right only.

    Points that lie on each other share one label.
    """
    left = list(rows)
    while left:
        first = left[0]
        near = [row for row in left if abs(_apart(first, row)) < 0.08 and _level(first, row)]
        first["label"] = ", ".join(row["rank"] for row in near)
        gaps = [_apart(first, row) for row in rows if _level(first, row)]
        first["left"] = any(0 < gap < 0.25 for gap in gaps) > any(-0.25 < gap < 0 for gap in gaps)
        left = [row for row in left if row not in near]
    return rows


def _apart(one: Row, other: Row) -> float:
    """How far right of one point another lies, in logarithms."""
    return math.log(other["cost"] / one["cost"])


def _level(one: Row, other: Row) -> bool:
    return abs(float(one["auc"]) - float(other["auc"])) < 0.015


def _chart(cost: Cost, series: Sequence[Series], many: int, data: Any) -> Chart:
    rows = _rows(series, cost)
    caveat = cost.caveat([one.entry.record for one in series])
    lost = many - len(rows)
    without = f" {lost} of the backbones {cost.without}." if lost else ""
    best = (max if cost.name == "speed" else min)(rows, key=lambda row: float(row["cost"]))
    cells: list[tuple[Cell, ...]] = [
        (
            row["name"],
            row["rank"],
            Estimate(row["auc"], row["low"], row["high"]),
            f"{row['cost']:,.{cost.digits}f}",
        )
        for row in rows
    ]
    return Chart(
        cost.name,
        cost.title,
        f"{cost.how} Numbers are those of the backbones in the figures above, bars the "
        f"{percent(data['level'])} intervals of their AUCs.{without}{caveat}",
        f"{cost.title} of {len(rows)} backbones. {cost.best}: {best['name']}, "
        f"{best['cost']:,.{cost.digits}f} ({cost.column}), AUC {best['auc']:.3f}.",
        _draw(cost),
        {"rows": rows},
        "wide",
        height=320,
        sheet=Sheet(cost.name, cost.title, ("Backbone", "Number", "AUC", cost.column), cells),
    )


def _draw(cost: Cost) -> Any:
    import altair as alt

    scale = alt.Scale(type="log", nice=False, padding=24)
    axis = alt.Axis(format="~r", labelOverlap=True, labelSeparation=6)
    base = drawing_of("rows").encode(x=alt.X("cost:Q", title=cost.axis, scale=scale, axis=axis))
    flat = alt.Scale(zero=False)
    y = alt.Y("auc:Q", title="AUC", scale=flat)
    bars = base.mark_rule(color="var(--ink-soft)", strokeWidth=1)
    points = base.mark_point(
        size=70, filled=True, fill="var(--accent)", stroke="var(--paper)", strokeWidth=1, opacity=1
    )
    return alt.layer(
        bars.encode(y=alt.Y("low:Q", title="AUC", scale=flat), y2="high:Q"),
        points.encode(
            y=y,
            tooltip=[
                alt.Tooltip("name:N", title="Backbone"),
                alt.Tooltip("auc:Q", title="AUC", format=".3f"),
                alt.Tooltip("cost:Q", title=cost.column, format=".3~r"),
            ],
        ),
        base.mark_text(
            align=alt.expr("datum.left ? 'right' : 'left'"),
            dx=alt.expr("datum.left ? -9 : 9"),
            fontSize=13,
        ).encode(y=y, text="label:N"),
    )
