"""Matrix of the differences of every pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tlbench.report.page.chart import NARROW, Chart, Row, drawing_of, room_parameter
from tlbench.report.page.series import Series
from tlbench.report.rows import percent
from tlbench.report.sheets import Estimate

_CELL = "bandwidth('x')"
_MOST_SAID = 8


def pair_chart(series: Sequence[Series], data: Any) -> Chart:
    """Return the matrix of pairwise differences: above the diagonal them, below it Holm's p."""
    ranks = {one.name: one.rank for one in series}
    rows = [row for pair in data["pairs"] for row in _cells(pair, ranks, data["level"])]
    told = [pair for pair in data["pairs"] if pair["p_holm"] < 1 - data["level"]]
    words = ", ".join(f"{pair['a']} and {pair['b']}" for pair in told[:_MOST_SAID])
    words += " and others" if len(told) > _MOST_SAID else ""
    return Chart(
        "differences",
        "Differences between backbones",
        "Above the diagonal: the AUC of the row less that of the column, with its "
        f"{percent(data['level'])} interval where there is room; below it: p of that pair after "
        "Holm's correction. Filled cells with a triangle are told apart (p below "
        f"{1 - data['level']:.3g}), pale ones are not. Columns are numbered as the rows are.",
        f"Matrix of {len(data['pairs'])} pairwise differences of AUCs. "
        f"Told apart: {f'{len(told)} ({words})' if told else 'none'}.",
        _draw([one.numbered for one in series]),
        {"rows": rows},
        "matrix",
        height=len(series),
        see="pairs",
    )


def _draw(names: list[str]) -> Any:
    import altair as alt

    tell = alt.condition("datum.told", alt.value("var(--paper)"), alt.value("var(--ink)"))
    base = _cells_of(names)
    words = f"{_CELL} > 46 ? datum.long : {_CELL} > 21 ? datum.short : datum.mark"
    return alt.layer(
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
        base.mark_text().encode(
            color=tell,
            text=alt.value(alt.expr(words)),
            size=alt.value(alt.expr(f"clamp({_CELL} / 3, 8, 12)")),
        ),
        base.mark_text(fontSize=10, dy=13).encode(
            color=tell, text=alt.value(alt.expr(f"{_CELL} > 88 ? datum.limits : ''"))
        ),
    ).add_params(room_parameter())


def _cells_of(names: list[str]) -> Any:
    import altair as alt

    numbers = [str(rank) for rank in range(1, len(names) + 1)]
    looks = {"ticks": False, "domain": False}
    above = alt.Axis(orient="top", labelAngle=0, labelOverlap="parity", **looks)
    limit = alt.expr(f"{NARROW} ? 110 : 260")
    beside = alt.Axis(labelLimit=limit, labelOverlap=False, **looks)
    x = alt.X("column:N", title=None, scale=alt.Scale(domain=numbers), axis=above)
    y = alt.Y("row:N", title=None, scale=alt.Scale(domain=names), axis=beside)
    return drawing_of("rows").encode(x=x, y=y)


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
    limits = f"{low:.2f} to {high:.2f}".replace("-0.00", "0.00").replace("-", "−")
    p_short = "<.01" if pair["p_holm"] < 0.005 else f"{pair['p_holm']:.2f}"
    above = {
        "limits": limits,
        "short": mark or f"{value:.2f}",
        "long": f"{mark} {value:.3f}".strip(),
    }
    below = {"limits": "", "short": mark or p_short, "long": p.number}
    return [
        both | above | {"row": first, "column": str(ranks[b])},
        both | below | {"row": second, "column": str(ranks[a])},
    ]
