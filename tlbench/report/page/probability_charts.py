"""Scores as probabilities: reliability curves, decision curves, and how scores are distributed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tlbench.report.page.figure import ROW, Figure, Row, chart_of
from tlbench.report.page.roc_chart import colour_scale, dash_scale
from tlbench.report.page.series import Series
from tlbench.report.plot_text import percent
from tlbench.report.sheets import Cell, Estimate, Sheet
from tlbench.specs import UNIT_WORDS
from tlbench.stats import clustered_proportion, decision_curve, reliability

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
_BINS = 40


def probability_figures(series: Sequence[Series], data: Any) -> list[Figure]:
    """Return the figures of scores; those of probabilities only where some backbone has them."""
    chances = [one for one in series if one.curve.probabilities]
    figures = [_scores_figure(series, data)]
    if chances:
        figures += [_reliability_figure(chances, data), _decision_figure(chances, data)]
    return figures


def _reliability_figure(series: Sequence[Series], data: Any) -> Figure:
    import altair as alt

    rows = [row for one in series for row in _bins(one, data["level"])]
    scale = alt.Scale(domain=[0, 1], nice=False)
    y = alt.Y("observed:Q", title="Observed share", scale=scale)
    axis = alt.Axis(tickCount=2)
    x = alt.X("predicted:Q", title="Mean probability", scale=scale, axis=axis)
    base = alt.Chart().encode(x=x)
    ends = {"x": alt.XDatum(0), "y": alt.YDatum(0), "x2": alt.X2Datum(1), "y2": alt.Y2Datum(1)}
    chart = alt.layer(
        alt.Chart().mark_rule(color="var(--ink-soft)", opacity=0.2).encode(**ends),
        base.mark_rule(color="var(--accent)", strokeWidth=2, opacity=0.55).encode(
            y=alt.Y("low:Q", title="Observed share", scale=scale), y2="high:Q"
        ),
        base.mark_line(color="var(--accent)", strokeWidth=1.5).encode(y=y),
        base.mark_point(color="var(--accent)", filled=True, size=45, opacity=1).encode(
            y=y,
            tooltip=[
                alt.Tooltip("title:N", title="Backbone"),
                alt.Tooltip("n:Q", title="Cases"),
                alt.Tooltip("predicted:Q", title="Mean probability", format=".3f"),
                alt.Tooltip("observed:Q", title="Observed share", format=".3f"),
                alt.Tooltip("low:Q", title="from", format=".3f"),
                alt.Tooltip("high:Q", title="to", format=".3f"),
            ],
        ),
        data=alt.NamedData(name="bins"),
    )
    header = alt.Header(labelLimit=alt.expr("child_width"), labelAnchor="start")
    titles = [one.numbered for one in series]
    facet = alt.Facet("title:N", sort=titles, title=None, header=header)
    chart = chart.properties(width=150, height=150).facet(facet, columns=3)
    chart = chart.resolve_axis(x="independent")
    worst = max(series, key=lambda one: one.classifier["ece"]["value"])
    best = min(series, key=lambda one: one.classifier["ece"]["value"])
    return Figure(
        "reliability",
        "Reliability",
        "Observed share of positives against the mean probability, in tenths of probability; on "
        f"the diagonal probabilities are right. Bars are {percent(data['level'])} intervals of "
        "the observed share (Wilson, by patient where patients have several cases). With "
        f"{data['holdout']['n']} {UNIT_WORDS[data['unit']]}, "
        f"{data['holdout']['positives']} of them positive, a probability that fits this "
        "prevalence is right here and nowhere else.",
        f"Reliability curves of {len(series)} backbones, a panel each. Expected calibration error "
        f"from {best.classifier['ece']['value']:.3f} ({best.name}) to "
        f"{worst.classifier['ece']['value']:.3f} ({worst.name}).",
        chart,
        {"bins": rows},
        "grid",
        sheet=_reliability_sheet(rows),
    )


def _bins(one: Series, level: float) -> list[Row]:
    positive, p = np.asarray(one.curve.labels) == 1, np.asarray(one.curve.scores)
    rows = []
    for found in reliability(one.curve.labels, one.curve.scores).bins:
        inside = (p >= found.low) & ((p < found.high) | (found.high >= 1.0))
        groups = np.arange(found.n) if one.curve.groups is None else one.curve.groups[inside]
        rate = clustered_proportion(positive[inside], groups, level=level)
        rows.append(
            {
                "title": one.numbered,
                "name": one.name,
                "bin": f"{found.low:.1f} to {found.high:.1f}",
                "n": found.n,
                "predicted": found.mean_predicted,
                "observed": found.observed,
                "low": rate.low,
                "high": rate.high,
            }
        )
    return rows


def _reliability_sheet(rows: Sequence[Row]) -> Sheet:
    columns = ("Backbone", "Probability", "Cases", "Mean probability", "Observed share")
    cells: list[tuple[Cell, ...]] = [
        (
            row["name"],
            row["bin"],
            f"{row['n']:,}",
            Estimate(row["predicted"]),
            Estimate(row["observed"], row["low"], row["high"]),
        )
        for row in rows
    ]
    return Sheet("reliability", "Reliability by tenths of probability", columns, cells)


def _decision_figure(series: Sequence[Series], data: Any) -> Figure:
    found = {one.name: decision_curve(one.curve.labels, one.curve.scores) for one in series}
    first = found[series[0].name]
    top = max(first.prevalence, *(float(curve.model.max()) for curve in found.values()))
    rows: list[Row] = [
        {"name": name, "x": float(x), "y": float(y)}
        for name, curve in found.items()
        for x, y in zip(curve.thresholds, curve.model, strict=True)
        if y >= -0.25 * top
    ]
    everyone: list[Row] = [
        {"x": float(x), "y": float(y)}
        for x, y in zip(first.thresholds, first.treat_all, strict=True)
        if y >= -0.25 * top
    ]
    useful = [one.name for one in series if _beats(found[one.name])]
    return Figure(
        "decision",
        "Decision curves",
        "Net benefit (true positives, less false positives weighted by the odds of the threshold, "
        "a case) of acting where the probability reaches the threshold; the solid grey line acts "
        "on everyone, the zero line on nobody. No intervals are drawn. It holds at the hold-out's "
        f"prevalence of {first.prevalence:.2f} only.",
        f"Decision curves of {len(series)} backbones. Above both acting on everyone and acting on "
        f"nobody at some threshold: {len(useful)} of {len(series)}.",
        _decision_chart(series, legend=False),
        {"curves": rows, "everyone": everyone},
        "wide",
        height=320,
        sheet=_decision_sheet(series),
        legend=True,
        with_legend=lambda: _decision_chart([one for one in series if one.shown], legend=True),
    )


def _beats(curve: Any) -> bool:
    return bool((curve.model > np.maximum(curve.treat_all, 0.0) + 1e-12).any())


def _decision_chart(series: Sequence[Series], *, legend: bool) -> Any:
    import altair as alt

    key = alt.Legend(title=None, orient="bottom", columns=2, symbolType="stroke", symbolSize=500)
    show = key if legend else None
    scale, axis = alt.Scale(domain=[0, 1], nice=False), alt.Axis(tickCount=5)
    x = alt.X("x:Q", title="Threshold probability", scale=scale, axis=axis)
    y = alt.Y("y:Q", title="Net benefit")
    return alt.layer(
        alt.Chart(alt.Data(values=[{"y": 0}])).mark_rule(color="var(--ink)").encode(y="y:Q"),
        chart_of("everyone").mark_line(color="var(--ink-soft)", strokeWidth=1.5).encode(x=x, y=y),
        chart_of("curves")
        .transform_filter("indexof(shown, datum.name) >= 0")
        .mark_line()
        .encode(
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


def _decision_sheet(series: Sequence[Series]) -> Sheet:
    columns = ("Backbone", *(f"At {at}" for at in THRESHOLDS))
    rows: list[tuple[Cell, ...]] = []
    for one in series:
        found = decision_curve(one.curve.labels, one.curve.scores, THRESHOLDS)
        rows.append((one.name, *(Estimate(float(value)) for value in found.model)))
    rows.append(("Acting on everyone", *(Estimate(float(value)) for value in found.treat_all)))
    return Sheet("decision", "Net benefit by threshold probability", columns, rows)


def _scores_figure(series: Sequence[Series], data: Any) -> Figure:
    least = min(float(one.curve.scores.min()) for one in series)
    most = max(float(one.curve.scores.max()) for one in series)
    if all(one.curve.probabilities for one in series):
        least, most = 0.0, 1.0
    bars = [row for place, one in enumerate(series) for row in _bars(one, place, least, most)]
    marks = [
        {"x": one.curve.cutoff, "y": place + 0.02, "y2": place + 0.98, "name": one.name}
        for place, one in enumerate(series)
        if one.curve.cutoff is not None and least <= one.curve.cutoff <= most
    ]
    words = UNIT_WORDS[data["unit"]]
    infinite = [one.name for one in series if not math.isfinite(one.curve.cutoff or 0.0)]
    never = f" {', '.join(infinite)}: the cut-off calls nobody positive." if infinite else ""
    return Figure(
        "scores",
        "Scores by class",
        f"How the scores of the hold-out's {words} are distributed, a row a backbone: positives "
        "upwards in solid colour, negatives downwards, pale with an outline, each class "
        "scaled to its own most frequent score. The upright line is the cut-off chosen before the "
        f"hold-out was looked at: right of it everything is called positive.{never}",
        f"Histograms of scores by class for {len(series)} backbones. Median score of positives "
        f"and of negatives: {_medians(series[0])} for {series[0].name}"
        + (f", {_medians(series[-1])} for {series[-1].name}." if len(series) > 1 else "."),
        _scores_chart(series, least, most),
        {"bars": bars, "cutoffs": marks},
        "rows",
        height=2 * ROW * len(series) + 50,
        sheet=_scores_sheet(series),
    )


def _medians(one: Series) -> str:
    positive = np.asarray(one.curve.labels) == 1
    above, below = (np.median(one.curve.scores[own]) for own in (positive, ~positive))
    return f"{above:.3f} and {below:.3f}"


def _scores_chart(series: Sequence[Series], least: float, most: float) -> Any:
    import altair as alt

    names = alt.param(name="names", value=[one.numbered for one in series])
    n = len(series)
    x = alt.X("x:Q", title="Score", scale=alt.Scale(domain=[least, most], nice=False))
    y = alt.Y(
        "y:Q",
        title=None,
        scale=alt.Scale(domain=[n, 0], nice=False),
        axis=alt.Axis(
            values=[place + 0.5 for place in range(n)],
            labelExpr="names[floor(datum.value)]",
            labelLimit=alt.expr("room < 600 ? 120 : 300"),
            grid=False, ticks=False, domain=False,
        ),
    )  # fmt: skip
    kind = alt.Scale(domain=["positive", "negative"], range=["var(--positive)", "var(--negative)"])
    base = chart_of("bars").encode(
        x=x, x2="x2:Q", y=y, y2="y2:Q",
        tooltip=[
            alt.Tooltip("name:N", title="Backbone"), alt.Tooltip("kind:N", title="Class"),
            alt.Tooltip("range:N", title="Score"), alt.Tooltip("n:Q", title="Cases"),
        ],
    )  # fmt: skip
    key = alt.Legend(title=None, orient="top", symbolType="square")
    return alt.layer(
        base.transform_filter("datum.kind === 'positive'")
        .mark_rect()
        .encode(color=alt.Color("kind:N", scale=kind, legend=key)),
        # Outlined, so that the two differ without colours too.
        base.transform_filter("datum.kind === 'negative'")
        .mark_rect(strokeWidth=1, fillOpacity=0.25, stroke="var(--negative)")
        .encode(color=alt.Color("kind:N", scale=kind, legend=key)),
        chart_of("cutoffs")
        .mark_rule(color="var(--ink)", strokeWidth=2)
        .encode(x=x, y=y, y2="y2:Q", tooltip=[
            alt.Tooltip("name:N", title="Backbone"), alt.Tooltip("x:Q", title="Cut-off"),
        ]),
    ).add_params(names, alt.param(name="room", value=700))  # fmt: skip


def _bars(one: Series, place: int, least: float, most: float) -> list[Row]:
    positive = np.asarray(one.curve.labels) == 1
    rows = []
    for own, kind, sign in ((positive, "positive", -1), (~positive, "negative", 1)):
        span = (least, most if most > least else least + 1.0)
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


def _scores_sheet(series: Sequence[Series]) -> Sheet:
    columns = ("Backbone", "Class", "Lowest", "Quartile", "Median", "Quartile", "Highest")
    rows: list[tuple[Cell, ...]] = []
    for one in series:
        positive = np.asarray(one.curve.labels) == 1
        for own, kind in ((positive, "positive"), (~positive, "negative")):
            found = np.quantile(one.curve.scores[own], (0, 0.25, 0.5, 0.75, 1))
            rows.append((one.name, kind, *(Estimate(float(value)) for value in found)))
    return Sheet("scores-by-class", "Scores by class", columns, rows)
