"""What the comparison found: AUCs, pairwise differences, spread over seeds, accuracy and cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tlbench.report.page.figure import ROW, Figure, Row, chart_of
from tlbench.report.page.series import Series
from tlbench.report.plot_text import percent
from tlbench.report.sheets import Cell, Estimate, Sheet

_NARROW = "room < 600"


def forest_figure(series: Sequence[Series], data: Any) -> Figure:
    """Return the forest plot of the AUCs."""
    import altair as alt

    rows: list[Row] = []
    for one in series:
        ci = one.classifier["ci"]
        found = Estimate(one.classifier["auc"], ci["low"], ci["high"])
        rows.append(
            {
                "name": one.numbered,
                "auc": found.value,
                "low": found.low,
                "high": found.high,
                "text": f"{found.number} ({found.limits})",
                "kind": "control" if one.curve.control else "backbone",
            }
        )
    left = min(0.45, *(row["low"] for row in rows))
    left = math.floor(20 * left) / 20
    scale = alt.Scale(domain=[left, 1], nice=False, zero=False)
    x = alt.X("auc:Q", title="AUC", scale=scale, axis=alt.Axis(tickCount=6))
    base = chart_of("rows").encode(y=_names_axis(series))
    kinds = ["backbone", "control"]
    chart = alt.layer(
        alt.Chart(alt.Data(values=[{"auc": 0.5}]))
        .mark_rule(color="var(--ink-soft)", strokeDash=[4, 3])
        .encode(x=x),
        base.mark_rule(strokeWidth=2, color="var(--ink)").encode(
            x=alt.X("low:Q", title="AUC"), x2="high:Q"
        ),
        base.mark_point(size=90, opacity=1, stroke="var(--ink)", strokeWidth=2).encode(
            x=x,
            shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["square", "diamond"]),
                            legend=None),
            fill=alt.Fill("kind:N", scale=alt.Scale(domain=kinds,
                          range=["var(--ink)", "var(--paper)"]), legend=None),
            tooltip=[alt.Tooltip("name:N", title="Backbone"), alt.Tooltip("text:N", title="AUC")],
        ),
        base.mark_text(align="left", dx=10).encode(
            x=alt.value(alt.expr("width")),
            text=alt.condition(_NARROW, alt.value(""), "text:N"),
        ),
    ).add_params(alt.param(name="room", value=700))  # fmt: skip
    best = rows[0]
    return Figure(
        "forest",
        "AUCs",
        f"AUC of each backbone with its {percent(data['level'])} interval (its method stands "
        "below the first table). Controls are open diamonds; the dashed line is chance. Whether "
        "two can be told apart is in the next figure: intervals that overlap do not decide it.",
        f"Forest plot of {len(rows)} AUCs: "
        + "; ".join(f"{row['name']} {row['text']}" for row in rows[:12])
        + (f"; and {len(rows) - 12} more" if len(rows) > 12 else "")
        + f". Highest: {best['name']}.",
        chart,
        {"rows": rows},
        "rows",
        height=ROW * len(rows) + 45,
        see="answer",
    )


def _names_axis(series: Sequence[Series]) -> Any:
    import altair as alt

    limit = alt.expr(f"{_NARROW} ? 150 : 300")
    axis = alt.Axis(labelLimit=limit, ticks=False, domain=False)
    return alt.Y("name:N", title=None, sort=[one.numbered for one in series], axis=axis)


def difference_figure(series: Sequence[Series], data: Any) -> Figure:
    """Return the matrix of pairwise differences: above the diagonal them, below it Holm's p."""
    import altair as alt

    ranks = {one.name: one.rank for one in series}
    rows = [row for pair in data["pairs"] for row in _cells(pair, ranks, data["level"])]
    axis = {"ticks": False, "domain": False}
    order = [one.numbered for one in series]
    numbers = [str(one.rank) for one in series]
    base = chart_of("rows").encode(
        x=alt.X("column:N", title=None, sort=numbers, scale=alt.Scale(domain=numbers),
                axis=alt.Axis(orient="top", labelAngle=0, labelOverlap="parity", **axis)),
        y=alt.Y("row:N", title=None, sort=order, scale=alt.Scale(domain=order), axis=alt.Axis(
            labelLimit=alt.expr(f"{_NARROW} ? 110 : 260"), labelOverlap=False, **axis)),
    )  # fmt: skip
    room = "bandwidth('x')"
    told = alt.condition("datum.told", alt.value("var(--paper)"), alt.value("var(--ink)"))
    chart = alt.layer(
        base.mark_rect(stroke="var(--paper)", strokeWidth=1.5).encode(
            fill=alt.condition("datum.told", alt.value("var(--accent)"), alt.value("var(--line)")),
            fillOpacity=alt.condition("datum.told", alt.value(1), alt.value(0.55)),
            tooltip=[
                alt.Tooltip("pair:N", title="Pair"),
                alt.Tooltip("difference:N", title="Difference of AUCs"),
                alt.Tooltip("p:N", title="Holm p"),
                alt.Tooltip("words:N", title="Verdict"),
            ],
        ),
        base.mark_text(fontSize=12).encode(
            color=told,
            text=alt.value(alt.expr(f"{room} > 46 ? datum.long : {room} > 21 ? datum.short : "
                                    "datum.mark")),
            opacity=alt.value(alt.expr(f"{room} < 9 ? 0 : 1")),
            size=alt.value(alt.expr(f"clamp({room} / 3, 8, 12)")),
        ),
        base.mark_text(fontSize=10, dy=13).encode(
            color=told,
            text=alt.value(alt.expr(f"{room} > 88 ? datum.limits : ''")),
        ),
    ).add_params(alt.param(name="room", value=700))  # fmt: skip
    told_apart = [pair for pair in data["pairs"] if pair["p_holm"] < 1 - data["level"]]
    words = ", ".join(f"{pair['a']} and {pair['b']}" for pair in told_apart[:8])
    return Figure(
        "differences",
        "Differences between backbones",
        "Above the diagonal: the AUC of the row less that of the column, with its "
        f"{percent(data['level'])} interval where there is room; below it: p of that pair after "
        "Holm's correction. Dark cells with a filled triangle are told apart (p below "
        f"{1 - data['level']:.3g}), pale ones are not. Columns are numbered as the rows are.",
        f"Matrix of {len(data['pairs'])} pairwise differences of AUCs. Told apart: "
        + (f"{len(told_apart)}: {words}" if told_apart else "none")
        + (" and others." if len(told_apart) > 8 else "."),
        chart,
        {"rows": rows},
        "matrix",
        height=len(series),
        see="pairs",
    )


def _cells(pair: Any, ranks: dict[str, int], level: float) -> list[Row]:
    """The two cells of a pair: its difference, better less worse, and its p."""
    a, b = sorted((pair["a"], pair["b"]), key=lambda name: ranks[name])
    sign = 1 if a == pair["a"] else -1
    value = sign * pair["difference"]
    low, high = sorted((sign * pair["low"], sign * pair["high"]))
    found, p = Estimate(value, low, high), Estimate(pair["p_holm"], p=True)
    told = pair["p_holm"] < 1 - level
    mark = "▲" if told else ""
    both = {
        "told": told,
        "mark": mark,
        "pair": f"{a} − {b}",
        "difference": f"{found.number} ({found.limits})",
        "p": p.number,
        "words": "told apart" if told else "can't be told apart",
    }
    first, second = f"{ranks[a]} {a}", f"{ranks[b]} {b}"
    limits = f"{low + 0.0:.2f} to {high + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")
    short = f"{value:.2f}"
    short_p = "<.01" if pair["p_holm"] < 0.005 else f"{pair['p_holm']:.2f}"
    return [
        both | {"row": first, "column": str(ranks[b]), "limits": limits, "short": mark or short,
                "long": f"{mark} {value:.3f}".strip()},
        both | {"row": second, "column": str(ranks[a]), "limits": "", "short": mark or short_p,
                "long": p.number},
    ]  # fmt: skip


def seeds_figure(series: Sequence[Series]) -> Figure | None:
    """Return the spread of AUCs over seeds, or nothing where no backbone has several."""
    import altair as alt

    several = [one for one in series if one.classifier["seeds"]["n_seeds"] > 1]
    if not several:
        return None
    rows = [
        {"name": one.numbered, "seed": seed, "auc": auc, "tested": seed == one.classifier["seed"]}
        for one in several
        for seed, auc in zip(
            one.classifier["seeds"]["seeds"], one.classifier["seeds"]["aucs"], strict=True
        )
    ]
    base = chart_of("rows").encode(
        x=alt.X("auc:Q", title="AUC", scale=alt.Scale(zero=False)), y=_names_axis(several)
    )
    tested = alt.condition("datum.tested", alt.value("var(--ink)"), alt.value("transparent"))
    chart = alt.layer(
        base.mark_rule(color="var(--line)", strokeWidth=3).encode(x="min(auc):Q", x2="max(auc):Q"),
        base.mark_point(size=80, stroke="var(--ink)", strokeWidth=1.5, opacity=1).encode(
            fill=tested,
            tooltip=[
                alt.Tooltip("name:N", title="Backbone"),
                alt.Tooltip("seed:N", title="Seed"),
                alt.Tooltip("auc:Q", title="AUC", format=".3f"),
            ],
        ),
    ).add_params(alt.param(name="room", value=700))
    columns = ("Backbone", "Seeds", "Mean", "SD", "Lowest", "Highest")
    cells: list[tuple[Cell, ...]] = []
    for one in several:
        found = one.classifier["seeds"]
        figures = (Estimate(found[key]) for key in ("mean", "sd", "low", "high"))
        cells.append((one.name, ", ".join(map(str, found["seeds"])), *figures))
    widest = max(several, key=lambda one: one.classifier["seeds"]["sd"])
    spread = widest.classifier["seeds"]
    return Figure(
        "seeds",
        "Spread over seeds",
        "AUC of each seed on the same hold-out; the filled circle is the seed that is tested. The "
        "spread shows what training by another seed changes. It is no confidence interval: all "
        "seeds share their cases.",
        f"AUCs over seeds for {len(several)} backbones. Widest: {widest.name}, from "
        f"{spread['low']:.3f} to {spread['high']:.3f} (SD {spread['sd']:.3f}).",
        chart,
        {"rows": rows},
        "rows",
        height=ROW * len(several) + 45,
        sheet=Sheet("seeds", "AUC over seeds", columns, cells),
    )


COSTS = (
    ("speed", "Accuracy against speed", "Images/s when features were made", "images/s"),
    ("size", "Accuracy against size", "Parameters of the frozen backbone, millions", "parameters"),
)


def cost_figures(series: Sequence[Series], data: Any) -> list[Figure]:
    """Return AUC against speed and against size, each where two backbones have the figure."""
    out = []
    for name, title, axis, word in COSTS:
        rows = _label([row for one in series if (row := _cost_row(one, name))])
        if len(rows) > 1:
            out.append(_cost_figure(name, title, axis, word, rows, len(series), data))
    return out


def _cost_row(one: Series, name: str) -> Row | None:
    record = one.entry.record
    if name == "speed":
        made = record.get("extraction") or {}
        images, seconds = made.get("images") or 0, made.get("seconds") or 0.0
        # From the cache nothing was made, and a speed would be that of the cache.
        cost = images / seconds if images and seconds else None
    else:
        parameters = record["details"]["backbone"].get("parameters")
        cost = parameters / 1e6 if parameters else None
    if not cost:
        return None
    ci = one.classifier["ci"]
    return {
        "name": one.name,
        "rank": str(one.rank),
        "label": "",
        "cost": cost,
        "auc": one.classifier["auc"],
        "low": ci["low"],
        "high": ci["high"],
    }


def _label(rows: list[Row]) -> list[Row]:
    """Give each point its rank as a label; points that lie on each other share one label."""
    left = list(rows)
    while left:
        first = left[0]
        near = [
            row
            for row in left
            if abs(math.log(row["cost"] / first["cost"])) < 0.08
            and abs(row["auc"] - first["auc"]) < 0.012
        ]
        first["label"] = ", ".join(row["rank"] for row in near)
        left = [row for row in left if row not in near]
    return rows


def _cost_figure(
    name: str, title: str, axis: str, word: str, rows: list[Row], many: int, data: Any
) -> Figure:
    import altair as alt

    base = chart_of("rows").encode(
        x=alt.X("cost:Q", title=axis, scale=alt.Scale(type="log", nice=False, padding=24),
                axis=alt.Axis(format="~r", labelOverlap=True)),
    )  # fmt: skip
    y = alt.Y("auc:Q", title="AUC", scale=alt.Scale(zero=False))
    chart = alt.layer(
        base.mark_rule(color="var(--ink-soft)", strokeWidth=1).encode(
            y=alt.Y("low:Q", title="AUC", scale=alt.Scale(zero=False)), y2="high:Q"
        ),
        base.mark_point(
            size=70, filled=True, fill="var(--accent)", stroke="var(--paper)", strokeWidth=1,
            opacity=1,
        ).encode(
            y=y,
            tooltip=[
                alt.Tooltip("name:N", title="Backbone"),
                alt.Tooltip("auc:Q", title="AUC", format=".3f"),
                alt.Tooltip("cost:Q", title=word, format=".3~r"),
            ],
        ),
        base.mark_text(align="left", dx=9, fontSize=13).encode(y=y, text="label:N"),
    )  # fmt: skip
    lost = many - len(rows)
    without = {
        "speed": f" {lost} had their features from the cache, and so no speed of their own.",
        "size": f" {lost} do not say how many parameters they have.",
    }
    how = {
        "speed": "Speed is that of making features in the run itself, starting the engine "
        "included, on the machine the record names: it compares backbones run one after another, "
        "and nothing else.",
        "size": "Parameters of the frozen backbone, without the top layer.",
    }
    columns = ("Backbone", "Number", "AUC", word.capitalize())
    scale = 1e6 if name == "size" else 1.0
    cells: list[tuple[Cell, ...]] = [
        (
            row["name"],
            row["rank"],
            Estimate(row["auc"], row["low"], row["high"]),
            f"{row['cost'] * scale:,.0f}" if name == "size" else f"{row['cost']:.1f}",
        )
        for row in rows
    ]
    cheap = max(rows, key=lambda row: row["cost"] * (1 if name == "speed" else -1))
    return Figure(
        name,
        title,
        f"{how[name]} Numbers are those of the first figures, bars the {percent(data['level'])} "
        f"intervals of the AUCs.{without[name] if lost else ''}",
        f"{title} of {len(rows)} backbones. {'Fastest' if name == 'speed' else 'Smallest'}: "
        f"{cheap['name']}, AUC {cheap['auc']:.3f}.",
        chart,
        {"rows": rows},
        "wide",
        height=320,
        sheet=Sheet(name, title, columns, cells),
    )
