"""ROC curves: all backbones with bands, and the one curve that goes with the cut-off's slider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlbench.report.page.chart import Chart, Row, drawing_of
from tlbench.report.page.series import SPECIFICITIES, Series
from tlbench.report.plot_axes import PAPER_POINT, thin
from tlbench.report.rows import percent
from tlbench.report.sheets import Cell, Estimate, Sheet
from tlbench.specs import UNIT_WORDS

PAPER = "Kim and MacKinnon 2018"
PAPER_AUC = 0.954
_MOST_POINTS = 400
_STAR = (
    "M0,-1L0.235,-0.324L0.951,-0.309L0.38,0.124L0.588,0.809"
    "L0,0.4L-0.588,0.809L-0.38,0.124L-0.951,-0.309L-0.235,-0.324Z"
)
_X, _Y = "1 − specificity", "Sensitivity"


def roc_chart(series: Sequence[Series], data: Any) -> Chart:
    """Return the figure of all ROC curves."""
    return Chart(
        "roc",
        "ROC curves",
        _caption(series, data),
        _alt(series, data),
        _draw(series, legend=False),
        _data(series),
        "square",
        sheet=_sheet(series, data),
        legend=True,
        with_legend=lambda: _draw([one for one in series if one.shown], legend=True),
    )


def draw_cutoff() -> Any:
    """Return the chart beside the slider: `curve` and `band` are given to it, and the signal `at`.

    `at` is the pair of 1 - specificity and sensitivity of the point.
    """
    import altair as alt

    at = alt.param(name="at", value=[0, 0])
    point = drawing_of("one").encode(
        x=_axis("x", _X, "at[0]"),
        y=_axis("y", _Y, "at[1]"),
    )
    return alt.layer(
        _diagonal(),
        drawing_of("band")
        .mark_area(color="var(--accent)", opacity=0.16)
        .encode(x=alt.X("x:Q", title=_X), y=alt.Y("low:Q", title=_Y), y2="high:Q"),
        drawing_of("curve")
        .mark_line(color="var(--accent)", strokeWidth=2)
        .encode(x="x:Q", y="y:Q", order="i:Q"),
        point.mark_point(
            shape="circle", size=170, filled=True, fill="var(--paper)", stroke="var(--ink)",
            strokeWidth=3, opacity=1,
        ),
    ).add_params(at)  # fmt: skip


def _data(series: Sequence[Series]) -> dict[str, list[Row]]:
    x, y = PAPER_POINT
    paper = {
        "x": x,
        "y": y,
        "name": PAPER,
        "sensitivity": f"{y:.3f}",
        "specificity": f"{1 - x:.3f}",
    }
    return {
        "points": [row | {"name": one.name} for one in series for row in curve_rows(one)],
        "bands": [row | {"name": one.name} for one in series for row in band_rows(one)],
        "cutoffs": [_cutoff_point(one) for one in series],
        "paper": [paper],
    }


def _draw(series: Sequence[Series], *, legend: bool) -> Any:
    import altair as alt

    key = _legend(series) if legend else None
    colour = alt.Color("name:N", scale=colour_scale(series), legend=key)
    dash = alt.StrokeDash("name:N", scale=dash_scale(series), legend=key)
    on = "indexof(shown, datum.name) >= 0"
    lit = alt.condition("datum.name === lit", alt.value(4), alt.value(2))
    line = drawing_of("points").transform_filter(on)
    hovered = alt.selection_point(
        name="hovered", nearest=True, on="pointerover", clear="pointerout", empty=False,
        fields=["name", "i"],
    )  # fmt: skip
    return alt.layer(
        _diagonal(),
        drawing_of("bands")
        .transform_filter(f"indexof(banded, datum.name) >= 0 && {on}")
        .mark_area(opacity=0.14)
        .encode(x=alt.X("x:Q", title=_X), y=alt.Y("low:Q", title=_Y), y2="high:Q", color=colour),
        line.mark_line().encode(
            x="x:Q", y="y:Q", order="i:Q", color=colour, strokeDash=dash, strokeWidth=lit
        ),
        drawing_of("cutoffs")
        .transform_filter(on)
        .mark_point(filled=True, size=70, opacity=1, stroke="var(--paper)", strokeWidth=1.5)
        .encode(x="x:Q", y="y:Q", fill=alt.Fill("name:N", scale=colour_scale(series), legend=None),
                tooltip=_tooltip("Validation cut-off")),
        *_paper_point(named=legend),
        line.mark_point(size=80, filled=True, color="var(--ink)").encode(
            x="x:Q",
            y="y:Q",
            opacity=alt.condition(hovered, alt.value(1), alt.value(0)),
            tooltip=_tooltip("Cut-off"),
        ).add_params(hovered),
    ).add_params(
        alt.param(name="shown", value=[one.name for one in series if one.shown]),
        alt.param(name="banded", value=[series[0].name]),
        alt.param(name="lit", value=""),
    )  # fmt: skip


def colour_scale(series: Sequence[Series]) -> Any:
    """Return the scale from names to colours."""
    import altair as alt

    return alt.Scale(domain=[s.name for s in series], range=[s.colour for s in series])


def dash_scale(series: Sequence[Series]) -> Any:
    """Return the scale from names to patterns of lines."""
    import altair as alt

    # A line without gaps, in the words that every renderer knows.
    dashes = [list(s.dashes) or [1, 0] for s in series]
    return alt.Scale(domain=[s.name for s in series], range=dashes)


def _legend(series: Sequence[Series]) -> Any:
    import altair as alt

    return alt.Legend(
        title=None, orient="bottom", columns=2, symbolType="stroke", symbolSize=500,
        symbolStrokeWidth=2,
        symbolOpacity=1,
    )  # fmt: skip


def _axis(channel: str, title: str, expression: str) -> Any:
    import altair as alt

    kind = {"x": alt.XDatum, "y": alt.YDatum}[channel]
    return kind(alt.expr(expression), type="quantitative", title=title)


def _diagonal() -> Any:
    import altair as alt

    scale, axis = alt.Scale(domain=[0, 1], nice=False), alt.Axis(tickCount=5)
    return (
        alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
        .mark_line(color="var(--ink-soft)", strokeWidth=1, opacity=0.6)
        .encode(
            x=alt.X("x:Q", title=_X, scale=scale, axis=axis),
            y=alt.Y("y:Q", title=_Y, scale=scale, axis=axis),
        )
    )


def _paper_point(*, named: bool) -> list[Any]:
    import altair as alt

    base = drawing_of("paper").encode(x="x:Q", y="y:Q")
    star = base.mark_point(
        shape=_STAR, size=420, filled=True, fill="var(--ink)", stroke="var(--paper)",
        strokeWidth=1, opacity=1,
    ).encode(tooltip=[
        alt.Tooltip("name:N", title="Paper"),
        alt.Tooltip("sensitivity:N", title="Sensitivity"),
        alt.Tooltip("specificity:N", title="Specificity"),
    ])  # fmt: skip
    return [star, base.mark_text(dy=-14, align="left").encode(text="name:N")] if named else [star]


def _tooltip(cutoff: str) -> list[Any]:
    import altair as alt

    names = {"name": "Backbone", "cutoff": cutoff, "sensitivity": _Y, "specificity": "Specificity"}
    counts = {
        "tp": "True positives",
        "fp": "False positives",
        "fn": "False negatives",
        "tn": "True negatives",
    }
    kinds = dict.fromkeys(names, "N") | dict.fromkeys(counts, "Q")
    return [
        alt.Tooltip(f"{field}:{kinds[field]}", title=title)
        for field, title in (names | counts).items()
    ]


def curve_rows(one: Series) -> list[Row]:
    """Return the points of one backbone's curve."""
    curve = one.roc
    return [
        _point(
            i, float(curve.thresholds[i]), int(curve.tp[i]), int(curve.fp[i]),
            curve.n_positive, curve.n_negative,
        )
        for i in thin(curve, _MOST_POINTS).tolist()
    ]  # fmt: skip


def _point(i: int, cutoff: float, tp: int, fp: int, m: int, n: int) -> Row:
    return {
        "i": i,
        "x": round(fp / n, 5),
        "y": round(tp / m, 5),
        "cutoff": "nobody" if np.isinf(cutoff) else f"{cutoff:.4g}",
        "sensitivity": f"{tp / m:.3f}",
        "specificity": f"{(n - fp) / n:.3f}",
        "tp": tp,
        "fp": fp,
        "fn": m - tp,
        "tn": n - fp,
    }


def _cutoff_point(one: Series) -> Row:
    at = one.classifier["cutoffs"]["validation"]
    cutoff = np.inf if at["cutoff"] is None else at["cutoff"]
    tp, fp = at["tp"], at["fp"]
    return _point(0, cutoff, tp, fp, tp + at["fn"], fp + at["tn"]) | {"name": one.name}


def band_rows(one: Series) -> list[Row]:
    """Return the band of one backbone, limits of sensitivity at each specificity."""
    columns = zip(one.band.fpr, one.band.low, one.band.high, strict=True)
    return [
        {"x": round(float(x), 5), "low": round(float(low), 4), "high": round(float(high), 4)}
        for x, low, high in columns
    ]


def _caption(series: Sequence[Series], data: Any) -> str:
    words = UNIT_WORDS[data["unit"]]
    off = sum(not one.shown for one in series)
    crowd = f" {off} backbones are switched off at first." if off else ""
    return (
        f"Sensitivity against 1 − specificity over all cut-offs of the {data['holdout']['n']} "
        f"{words} of the hold-out; a dot marks the cut-off chosen before the hold-out was looked "
        f"at, controls are grey, the thin diagonal is chance.{crowd} The band is the "
        f"{percent(data['level'])} interval of sensitivity at each specificity, pointwise: "
        "Wilson's limits with the variance of a bootstrap, which allows for the cut-off at that "
        f"specificity being estimated too. The star is {PAPER} on other radiographs: sensitivity "
        f"0.90, specificity 0.88, AUC {PAPER_AUC}; it is no result of these backbones."
    )


def _alt(series: Sequence[Series], data: Any) -> str:
    best, last = series[0], series[-1]
    at = best.classifier["cutoffs"]["validation"]
    many = f"ROC curves of {len(series)} backbones" if len(series) > 1 else "ROC curve"
    text = (
        f"{many} on {data['holdout']['n']} {UNIT_WORDS[data['unit']]}. "
        f"The highest AUC is {best.classifier['auc']:.3f} ({best.name}), with sensitivity "
        f"{at['sensitivity']['value']:.3f} and specificity {at['specificity']['value']:.3f} at its "
        "cut-off"
    )
    if len(series) > 1:
        text += f"; the lowest is {last.classifier['auc']:.3f} ({last.name})"
    return f"{text}. The paper's point lies at sensitivity 0.90 and specificity 0.88."


def _sheet(series: Sequence[Series], data: Any) -> Sheet:
    columns = ("Backbone", *(f"Specificity {at:.2f}" for at in SPECIFICITIES))
    rows: list[tuple[Cell, ...]] = []
    for one in series:
        rows.append((one.name, *(Estimate(*found) for found in one.at_specificities)))
    notes = [f"Sensitivity on the curve, with the {percent(data['level'])} interval of the band."]
    return Sheet("roc", "Sensitivity at given specificities", columns, rows, notes)
