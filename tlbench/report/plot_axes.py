"""What is drawn into axes: each function takes axes and lines, and nothing of the page around."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tlbench.report.plot_curves import PALETTE, Curve, Line, by_auc
from tlbench.report.plot_text import GREY, INK, PALE
from tlbench.stats import (
    RocCurve,
    clustered_proportion,
    decision_curve,
    operating_point,
    proportion,
    reliability,
    roc_curve,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PAPER_POINT = (0.12, 0.90)
"""1 - specificity and sensitivity of the paper on its 100 test radiographs."""

POSITIVE, NEGATIVE = PALETTE[1], PALETTE[6]

_MOST_POINTS = 2000
_MOST_BAND_POINTS = 128
_MOST_BANDS = 2
_CROWD_WIDTH = 0.5
_BARS = 20


def draw_roc(
    axes: Axes, lines: Sequence[Line], *, level: float = 0.95, paper_point: bool = False
) -> None:
    """Draw the ROC curves with their cut-offs, the diagonal, and for one or two curves a band."""
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=0.6, zorder=1, gid="diagonal")
    for line in lines:
        curve = roc_curve(line.curve.labels, line.curve.scores)
        kept = thin(curve, _MOST_POINTS)
        axes.plot(
            curve.fpr[kept],
            curve.tpr[kept],
            color=line.colour,
            linestyle=line.dashes,
            linewidth=1.3 if line.named else _CROWD_WIDTH,
            zorder=3 if line.named else 2,
            gid="curve",
        )
        if len(lines) <= _MOST_BANDS:
            x, low, high = sensitivity_band(line.curve, curve, level)
            axes.fill_between(
                x, low, high, color=line.colour, alpha=0.14, linewidth=0, zorder=1, gid="band"
            )
    _mark_cutoffs(axes, [line for line in lines if line.named])
    if paper_point:
        axes.plot(
            *PAPER_POINT, "*", color=INK, markersize=6, markeredgewidth=0, zorder=6, gid="paper"
        )
    _frame_unit_square(axes)
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("Sensitivity")


def thin(curve: RocCurve, most: int) -> IntArray:
    """Return the indices of at most `most` points that look the same: evenly spaced along it."""
    if curve.fpr.size <= most:
        return np.arange(curve.fpr.size)
    along = curve.fpr + curve.tpr
    found = np.searchsorted(along, np.linspace(0.0, along[-1], most))
    return np.unique(found).astype(np.int64)


def sensitivity_band(
    curve: Curve, roc: RocCurve, level: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (1 - specificity, low, high): Wilson's limits of sensitivity at each threshold.

    With groups they allow for patients with several cases. Many thresholds are thinned out.
    """
    kept = thin(roc, _MOST_BAND_POINTS)
    own = np.asarray(curve.labels) == 1
    scores = np.asarray(curve.scores)[own]
    if curve.groups is None:
        found = [proportion(int(k), roc.n_positive, level=level) for k in roc.tp[kept]]
    else:
        # Numbers are quicker to tell apart than the names of patients, at every threshold anew.
        groups = np.unique(np.asarray(curve.groups), return_inverse=True)[1][own]
        found = [
            clustered_proportion(scores >= cutoff, groups, level=level)
            for cutoff in roc.thresholds[kept]
        ]
    limits = np.array([(one.low, one.high) for one in found], dtype=np.float64)
    return roc.fpr[kept], limits[:, 0], limits[:, 1]


def _mark_cutoffs(axes: Axes, lines: Sequence[Line]) -> None:
    for line in lines:
        if line.curve.cutoff is None:
            continue
        point = operating_point(line.curve.labels, line.curve.scores, line.curve.cutoff)
        # Both classes are there, or there would be no AUC.
        x = point.fp / (point.fp + point.tn)
        y = point.tp / (point.tp + point.fn)
        axes.plot(
            x,
            y,
            "o",
            color=line.colour,
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            zorder=5,
            clip_on=False,
            gid="cut-off",
        )


def _frame_unit_square(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks(np.arange(6) / 5)
    axes.set_yticks(np.arange(6) / 5)
    axes.grid(visible=True)
    axes.set_aspect("equal", adjustable="box")


def draw_forest(axes: Axes, lines: Sequence[Line]) -> list[Line]:
    """Draw one row for each line, the highest AUC on top, and return them in that order.

    Row i is at y = i, downwards.
    """
    rows = by_auc(lines)
    left = forest_start(rows)
    axes.axvline(0.5, color=GREY, linewidth=0.6, linestyle=(0, (3, 2)), zorder=1, gid="chance")
    for y, line in enumerate(rows):
        colour = GREY if line.curve.control else INK
        axes.axhline(y, color="#eeeeee", linewidth=0.5, zorder=0, gid="row")
        limits = [line.auc.low, line.auc.high]
        axes.plot(
            limits, [y, y], color=colour, linewidth=1.0, clip_on=False, zorder=2, gid="interval"
        )
        axes.plot(
            line.auc.value,
            y,
            "s",
            markersize=4,
            color="white" if line.curve.control else colour,
            markeredgecolor=colour,
            markeredgewidth=0.8,
            clip_on=False,
            zorder=3,
            gid="auc",
        )
    axes.set_xlim(left, 1.0)
    axes.set_xticks(_ticks_from(left))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("AUC")
    return rows


def forest_start(lines: Sequence[Line]) -> float:
    """Return where the axis of AUCs begins: a tenth at or below every limit, and 0.4 at most."""
    least = min(0.4, *(line.auc.low for line in lines))
    return max(0.0, math.floor(least * 10 + 1e-9) / 10)


def _ticks_from(left: float) -> list[float]:
    step = 2 if left < 0.4 else 1
    return [tenth / 10 for tenth in range(10, round(left * 10) - 1, -step)][::-1]


def draw_reliability(axes: Axes, curve: Curve, *, colour: str, level: float = 0.95) -> None:
    """Draw the observed rate over the mean probability of each bin, with Wilson's limits.

    With groups the limits allow for patients with several cases.
    """
    found = reliability(curve.labels, curve.scores)
    positive, p = np.asarray(curve.labels) == 1, np.asarray(curve.scores)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=0.6, zorder=1, gid="diagonal")
    bars = []
    for one in found.bins:
        inside = (p >= one.low) & ((p < one.high) | (one.high >= 1.0))
        groups = np.arange(one.n) if curve.groups is None else np.asarray(curve.groups)[inside]
        rate = clustered_proportion(positive[inside], groups, level=level)
        bars.append((rate.low, rate.high))
    x, (low, high) = [one.mean_predicted for one in found.bins], zip(*bars, strict=True)
    axes.vlines(x, low, high, color=colour, linewidth=0.7, alpha=0.6, zorder=2, gid="bars")
    axes.plot(
        x,
        [one.observed for one in found.bins],
        "o-",
        color=colour,
        linewidth=0.9,
        markersize=2.8,
        markeredgewidth=0,
        zorder=3,
        gid="reliability",
    )
    _frame_unit_square(axes)


def count_scores(curve: Curve) -> tuple[IntArray, IntArray]:
    """Return how many probabilities of positives and of negatives lie in each twentieth."""
    positive = np.asarray(curve.labels) == 1
    above, below = (
        np.histogram(np.asarray(curve.scores)[own], bins=_BARS, range=(0.0, 1.0))[0]
        for own in (positive, ~positive)
    )
    return above, below


def draw_histogram(axes: Axes, curve: Curve, *, longest: int) -> None:
    """Draw how many scores of each class fall where, positives up, negatives down.

    `longest` is the count that fills the height, so that panels can share a scale.
    """
    above, below = count_scores(curve)
    edges = np.linspace(0.0, 1.0, _BARS + 1)
    for counts, colour, sign in ((above, POSITIVE, 1), (below, NEGATIVE, -1)):
        gid = "positive" if sign == 1 else "negative"
        axes.stairs(sign * counts, edges, fill=True, color=colour, linewidth=0, gid=gid)
    axes.axhline(0.0, color=GREY, linewidth=0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-1.08 * longest, 1.08 * longest)
    axes.set_xticks(np.arange(6) / 5)
    axes.set_yticks([-longest, longest], labels=[f"{longest:,}"] * 2)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)


def draw_decision(axes: Axes, lines: Sequence[Line]) -> None:
    """Draw net benefit over the threshold probability, with treating all and treating none."""
    top = 0.0
    for line in lines:
        found = decision_curve(line.curve.labels, line.curve.scores)
        top = max(top, float(found.model.max()), found.prevalence)
        axes.plot(
            found.thresholds,
            found.model,
            color=line.colour,
            linestyle=line.dashes,
            linewidth=1.2 if line.named else _CROWD_WIDTH,
            zorder=3 if line.named else 2,
            gid="benefit",
        )
    # One hold-out, one prevalence: treating all is the same line for every classifier.
    axes.plot(found.thresholds, found.treat_all, color=GREY, linewidth=0.8, zorder=1, gid="all")
    axes.axhline(0.0, color=INK, linewidth=0.8, zorder=1, gid="none")
    # Harm has no bound where the threshold nears 1; the gain is what the figure is for.
    axes.set_ylim(-0.2 * top, 1.08 * top)
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks(np.arange(6) / 5)
    axes.grid(visible=True)
    axes.set_xlabel("Threshold probability")
    axes.set_ylabel("Net benefit")
