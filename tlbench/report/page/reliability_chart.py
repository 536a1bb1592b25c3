"""Reliability curves: whether probabilities are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlbench.report.page.chart import Chart, Row
from tlbench.report.page.facts import clusters_of
from tlbench.report.page.series import Series
from tlbench.report.rows import percent
from tlbench.report.sheets import Cell, Estimate, Sheet
from tlbench.specs import UNIT_WORDS
from tlbench.stats import clustered_proportion, reliability


def reliability_chart(series: Sequence[Series], data: Any) -> Chart:
    """Return the reliability curves of scores that are probabilities, a panel a backbone."""
    rows = [row for one in series for row in _bins(one, data["level"])]
    ranked = sorted(series, key=lambda one: float(one.classifier["ece"]["value"]))
    least, most = (
        f"{one.classifier['ece']['value']:.3f} ({one.name})" for one in (ranked[0], ranked[-1])
    )
    holdout, why = data["holdout"], clusters_of(data)
    widened = f", widened because {why} (Rao and Scott)" if why else ""
    return Chart(
        "reliability",
        "Reliability",
        "Observed share of positives against the mean probability, in tenths of probability; on "
        f"the diagonal probabilities are right. Bars are {percent(data['level'])} intervals of "
        f"the observed share (Wilson{widened}). "
        f"{holdout['positives']} of the {holdout['n']} {UNIT_WORDS[data['unit']]} are positive: "
        "where the prevalence is another, probabilities that are right here are wrong.",
        f"Reliability curves of {len(series)} backbones, a panel each. Expected calibration "
        f"error: least {least}, most {most}.",
        _draw([one.numbered for one in series]),
        {"bins": rows},
        "grid",
        sheet=_sheet(rows),
    )


def _draw(titles: list[str]) -> Any:
    import altair as alt

    scale = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("predicted:Q", title="Mean probability", scale=scale, axis=alt.Axis(tickCount=2))
    y = alt.Y("observed:Q", title="Observed share", scale=scale)
    base = alt.Chart().encode(x=x)
    ends = {"x": alt.XDatum(0), "y": alt.YDatum(0), "x2": alt.X2Datum(1), "y2": alt.Y2Datum(1)}
    bars = base.mark_rule(color="var(--accent)", strokeWidth=2, opacity=0.55)
    points = base.mark_point(color="var(--accent)", filled=True, size=45, opacity=1)
    panel = alt.layer(
        # Once for each point of the panel, one on the other.
        alt.Chart().mark_rule(color="var(--ink-soft)", opacity=0.2).encode(**ends),
        bars.encode(y=alt.Y("low:Q", title="Observed share", scale=scale), y2="high:Q"),
        base.mark_line(color="var(--accent)", strokeWidth=1.5).encode(y=y),
        points.encode(y=y, tooltip=_tooltip()),
        data=alt.NamedData(name="bins"),
    ).properties(width=150, height=150)
    header = alt.Header(labelLimit=alt.expr("child_width"), labelAnchor="start")
    facet = alt.Facet("title:N", sort=titles, title=None, header=header)
    return panel.facet(facet, columns=3).resolve_axis(x="independent")


def _tooltip() -> list[Any]:
    import altair as alt

    fields = {
        "predicted": "Mean probability",
        "observed": "Observed share",
        "low": "from",
        "high": "to",
    }
    return [
        alt.Tooltip("title:N", title="Backbone"),
        alt.Tooltip("n:Q", title="Cases"),
        *(alt.Tooltip(f"{name}:Q", title=title, format=".3f") for name, title in fields.items()),
    ]


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


def _sheet(rows: Sequence[Row]) -> Sheet:
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
