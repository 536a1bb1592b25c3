"""The pages of the figures: heading, axes and legend laid out in millimetres.

Sizes are those of print: one column is 80 mm wide, two are 165 mm, and no text is smaller than
6 points. Nothing is fitted after drawing, so that the same input gives the same figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tlbench.report.plot_axes import (
    NEGATIVE,
    POSITIVE,
    count_scores,
    draw_decision,
    draw_forest,
    draw_histogram,
    draw_reliability,
    draw_roc,
)
from tlbench.report.plot_curves import Line, by_auc
from tlbench.report.plot_text import (
    GREY,
    INK,
    LARGE,
    MM,
    PALE,
    SMALL,
    percent,
    plain,
    shorten,
    text_width,
    wrap,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ONE_COLUMN, TWO_COLUMNS = 80.0, 165.0

_EDGE = 2.0
_LINE = 3.0
_KEY = 8.0  # the sample of a line in a legend, with the gap after it


@dataclass(frozen=True)
class Entry:
    """One entry of a legend: its text, already broken into lines, and how its sample looks."""

    text: list[str]
    look: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Page:
    """A figure with its size in mm; places are measured from its upper left corner."""

    figure: Figure
    width: float
    height: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return new axes at this place."""
        bottom = self.height - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def text(self, left: float, top: float, text: str, size: float, **looks: Any) -> None:
        """Write one line whose upper left corner is at this place."""
        looks = {"va": "top", "ha": "left", **looks}
        self.figure.text(left / self.width, 1 - top / self.height, text, fontsize=size, **looks)

    def legend(self, left: float, top: float, entries: Sequence[Entry]) -> None:
        """Write a legend, one entry below the other."""
        from matplotlib.lines import Line2D

        for entry in entries:
            middle = 1 - (top + _LINE / 2) / self.height
            looks = {"linewidth": 1.3, **entry.look}
            ends = [left / self.width, (left + _KEY - 2) / self.width]
            # A marker stands in the middle of its sample, not at both its ends.
            x = ends if looks.get("marker") is None else [sum(ends) / 2]
            self.figure.add_artist(Line2D(x, [middle] * len(x), **looks))
            for line in entry.text:
                self.text(left + _KEY, top + _LINE / 2, line, SMALL, va="center_baseline")
                top += _LINE


def new_page(heading: str, title: str, width: float, body: float) -> tuple[Page, float]:
    """Return a page with its heading, and where the body of `body` mm begins."""
    from matplotlib.figure import Figure

    lines = wrap(plain(title), width - 2 * _EDGE, SMALL, 8)
    top = _EDGE + 4.0 + _LINE * len(lines) + 2.0
    height = top + body + _EDGE
    page = Page(Figure(figsize=(width * MM, height * MM)), width, height)
    page.text(_EDGE, _EDGE, heading, LARGE, fontweight="bold")
    for number, line in enumerate(lines):
        page.text(_EDGE, _EDGE + 4.2 + _LINE * number, line, SMALL, color=GREY)
    return page, top


def roc_page(
    lines: Sequence[Line], title: str, *, level: float = 0.95, paper_point: bool = False
) -> Figure:
    """Return the figure of the ROC curves."""
    entries = _curve_entries(lines, with_auc=True)
    if any(line.named and line.curve.cutoff is not None for line in lines):
        entries.append(_entry("at the cut-off", color=INK, **_POINT))
    if len(lines) <= 2:
        band = f"{percent(level)} interval of sensitivity, pointwise"
        colour = lines[0].colour if len(lines) == 1 else PALE
        entries.append(_entry(band, color=colour, alpha=0.3, linewidth=6))
    if paper_point:
        entries.append(_entry("Kim and MacKinnon 2018", color=INK, **_STAR))
    side, left = ONE_COLUMN - 14.0, 11.0
    body = side + 9.5 + _height(entries)
    page, top = new_page("ROC curves", title, ONE_COLUMN, body)
    draw_roc(page.axes(left, top, side, side), lines, level=level, paper_point=paper_point)
    page.legend(_EDGE, top + side + 9.5, entries)
    return page.figure


_MARK: dict[str, Any] = {"markeredgewidth": 0, "linestyle": "none"}
_POINT = {"marker": "o", "markersize": 4.5, **_MARK}
_STAR = {"marker": "*", "markersize": 6, **_MARK}
_BLOCK = {"marker": "s", "markersize": 5, **_MARK}


def _entry(text: str, width: float = ONE_COLUMN, **look: Any) -> Entry:
    return Entry(wrap(text, width - 2 * _EDGE - _KEY, SMALL, 2), look)


def _height(entries: Sequence[Entry]) -> float:
    return _LINE * sum(len(entry.text) for entry in entries)


def _curve_entries(lines: Sequence[Line], *, with_auc: bool) -> list[Entry]:
    named = [line for line in lines if line.named]
    crowd = [line for line in lines if not line.named]
    room = ONE_COLUMN - 2 * _EDGE - _KEY
    entries = []
    for line in named if not crowd else by_auc(named):
        auc = f"AUC {line.auc.value:.3f} ({line.auc.low:.2f} to {line.auc.high:.2f})"
        text = f"{line.name}, {auc}" if with_auc else line.name
        if text_width(text, SMALL) <= room:
            broken = [text]
        elif with_auc:
            broken = [*wrap(f"{line.name},", room, SMALL, 2), auc]
        else:
            broken = wrap(text, room, SMALL, 2)
        entries.append(Entry(broken, {"color": line.colour, "linestyle": line.dashes}))
    if crowd:
        aucs = [line.auc.value for line in crowd]
        text = f"{len(crowd)} others, AUC {min(aucs):.3f} to {max(aucs):.3f} (see the forest plot)"
        entries.append(_entry(text, color=PALE, linewidth=0.6))
    return entries


def forest_page(lines: Sequence[Line], title: str, *, level: float = 0.95) -> Figure:
    """Return the forest plot of the AUCs, one row a classifier."""
    rows = by_auc(lines)
    heads = ("AUC", f"({percent(level)} interval)")
    texts = [_forest_numbers(line) for line in rows]
    first = max(text_width(text, SMALL) for text in ("0.000", heads[0]))
    second = max(text_width(text, SMALL) for text in (heads[1], *(two for _, two in texts)))
    names = [shorten(line.name, 60.0, SMALL) for line in rows]
    left = _EDGE + max(text_width(name, SMALL) for name in names) + 2.5
    right = 2.5 + first + 1.2 + second + _EDGE
    # Names and numbers take what they need; the panel gets the rest of a column, or enough.
    panel = max(30.0, ONE_COLUMN - left - right)
    width = left + panel + right
    notes = [line for note in _forest_notes(rows) for line in wrap(note, width - 4, SMALL, 3)]
    pitch = 4.2
    side = pitch * len(rows)
    page, top = new_page("AUC of each classifier", title, width, 4 + side + 10 + _LINE * len(notes))
    top += 4.0
    draw_forest(page.axes(left, top, panel, side), rows)
    numbers = left + panel + 2.5
    for text, place in zip(heads, (numbers, numbers + first + 1.2), strict=True):
        page.text(place, top - 3.8, text, SMALL)
    for y, (name, (value, limits), line) in enumerate(zip(names, texts, rows, strict=True)):
        looks = {"va": "center_baseline", "color": GREY if line.curve.control else INK}
        middle = top + pitch * (y + 0.5)
        page.text(_EDGE, middle, name, SMALL, **looks)
        page.text(numbers, middle, value, SMALL, **looks)
        page.text(numbers + first + 1.2, middle, limits, SMALL, **looks)
    for number, note in enumerate(notes):
        page.text(_EDGE, top + side + 9.5 + _LINE * number, note, SMALL, color=GREY)
    return page.figure


def _forest_numbers(line: Line) -> tuple[str, str]:
    mark = "*" if line.auc.method == "exact" else ""
    return f"{line.auc.value:.3f}", f"({line.auc.low:.3f} to {line.auc.high:.3f}){mark}"


def _forest_notes(rows: Sequence[Line]) -> list[str]:
    variances = {"delong": "DeLong variance", "obuchowski": "clustered variance (Obuchowski)"}
    limits = {"logit": "logit-transformed", "wald": "untransformed"}
    usual = [row.auc for row in rows if row.auc.method in limits]
    used = sorted({auc.variance_method for auc in usual})
    ways = sorted({auc.method for auc in usual})
    notes = []
    if ways:
        names = " or ".join(variances[one] for one in used)
        notes.append(f"Intervals: {names}, {' or '.join(limits[one] for one in ways)} limits.")
    if any(row.auc.method == "exact" for row in rows):
        notes.append("* Variance 0 or undefined: distribution-free limits (Hoeffding).")
    if any(row.curve.control for row in rows):
        notes.append("Open squares, in grey: controls.")
    return notes


def reliability_page(lines: Sequence[Line], title: str, *, level: float = 0.95) -> Figure:
    """Return the reliability curves, a panel each, with the scores of both classes below."""
    columns = _columns(len(lines))
    width = ONE_COLUMN if columns == 1 else TWO_COLUMNS
    left, gap = 13.0, 4.0 if columns > 3 else 6.0
    side = (width - left - 3.0 - gap * (columns - 1)) / columns
    low = max(5.0, 0.22 * side)
    names = [wrap(line.name, side, SMALL, 2) for line in lines]
    head = 1.2 + _LINE * max(map(len, names))
    rows = math.ceil(len(lines) / columns)
    pitch = head + side + 1.5 + low + (3.2 if rows > 1 else 0.0)
    longest = max(int(np.max(count_scores(line.curve))) for line in lines)
    crowded = not all(line.named for line in lines)
    entries = _reliability_entries(level, width)
    bottom = rows * pitch + (7.0 if rows > 1 else 10.0)
    body = bottom + _height(entries)
    page, top = new_page("Reliability", title, width, body)
    for index, (line, name) in enumerate(zip(lines, names, strict=True)):
        row, column = divmod(index, columns)
        x, y = left + column * (side + gap), top + row * pitch
        for number, text in enumerate(name):
            offset = head - 1.2 - _LINE * (len(name) - number)
            page.text(x, y + offset, text, SMALL)
        above = page.axes(x, y + head, side, side)
        ink = GREY if line.curve.control else INK
        draw_reliability(above, line.curve, colour=ink if crowded else line.colour, level=level)
        below = page.axes(x, y + head + side + 1.5, side, low)
        draw_histogram(below, line.curve, longest=longest)
        last = index + columns >= len(lines)
        _label_panel(above, below, first=column == 0, last=last, small=columns > 3)
        # Only in the last row is there room for it below.
        if row == rows - 1:
            below.set_xlabel("Probability" if columns > 3 else "Predicted probability")
    page.legend(_EDGE, top + bottom, entries)
    return page.figure


def _columns(panels: int) -> int:
    if panels <= 4:
        return (1, 2, 3, 2)[panels - 1]
    return 3 if panels in (5, 6, 9) else 4 if panels <= 12 else 5 if panels <= 20 else 6


def _reliability_entries(level: float, width: float) -> list[Entry]:
    observed = f"observed rate per tenth, {percent(level)} interval"
    return [
        _entry(observed, width, color=INK, marker="o", markersize=3, linewidth=0.9),
        _entry("perfect calibration", width, color=PALE, linewidth=0.8),
        _entry("scores of positive cases (up)", width, color=POSITIVE, **_BLOCK),
        _entry("scores of negative cases (down)", width, color=NEGATIVE, **_BLOCK),
    ]


def _label_panel(above: Axes, below: Axes, *, first: bool, last: bool, small: bool) -> None:
    above.tick_params(labelbottom=False, labelleft=first)
    above.tick_params(axis="x", length=0)
    below.tick_params(labelbottom=last, labelleft=first)
    if small:
        for axis in (above.xaxis, above.yaxis, below.xaxis):
            axis.set_ticks([0.0, 0.5, 1.0])
        below.set_xticks([0.0, 0.5, 1.0], labels=["0", "0.5", "1"])
        above.set_yticks([0.0, 0.5, 1.0], labels=["0", "0.5", "1"])
    if first:
        above.set_ylabel("Observed rate")
        below.set_ylabel("Cases")


def decision_page(lines: Sequence[Line], title: str) -> Figure:
    """Return the decision curves."""
    entries = [
        *_curve_entries(lines, with_auc=False),
        _entry("all called positive", color=GREY, linewidth=0.8),
        _entry("none called positive", color=INK, linewidth=0.8),
    ]
    left, tall = 13.0, 50.0
    page, top = new_page("Decision curves", title, ONE_COLUMN, tall + 9.5 + _height(entries))
    draw_decision(page.axes(left, top, ONE_COLUMN - left - 4.0, tall), lines)
    page.legend(_EDGE, top + tall + 9.5, entries)
    return page.figure
