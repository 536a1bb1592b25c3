"""The backbones of the figures: what is known of each, and the looks it keeps in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlbench.compare import Compared, Entry
from tlbench.report.curves import curves_of_comparison
from tlbench.report.plot_curves import BEST, MOST_NAMED, Curve

COLOURS = 7
GREY = "var(--series-8)"

# Seven colours and six patterns: 42 backbones differ, and every two neighbours in both.
DASHES: tuple[tuple[int, ...], ...] = (
    (),
    (8, 3),
    (8, 3, 2, 3),
    (2, 2),
    (14, 4),
    (6, 2, 2, 2, 2, 2),
)
CONTROL_DASHES: tuple[tuple[int, ...], ...] = ((4, 3), (2, 3), (9, 5), (4, 6))


# Arrays have no plain equality, so series have none.
@dataclass(frozen=True, eq=False)
class Series:
    """One backbone: `rank` by AUC from 1, its curve, its part of the comparison, its looks.

    `colour` is a variable of the page's style; `shown` is False for those that are switched off
    at first because there are too many to tell apart.
    """

    rank: int
    name: str
    curve: Curve
    classifier: Mapping[str, Any]
    entry: Entry
    colour: str
    dashes: tuple[int, ...]
    shown: bool

    @property
    def numbered(self) -> str:
        """The name with its rank before it: the number stands for it where room is short."""
        return f"{self.rank} {self.name}"


def series_of(compared: Compared) -> list[Series]:
    """Return the backbones of a comparison by falling AUC; controls are grey."""
    entries = {entry.name: entry for entry in compared.entries}
    curves = curves_of_comparison(compared)
    shown = _shown(curves)
    out, plain, controls = [], 0, 0
    for rank, curve in enumerate(curves, 1):
        if curve.control:
            colour, dashes = GREY, CONTROL_DASHES[controls % len(CONTROL_DASHES)]
            controls += 1
        else:
            colour = f"var(--series-{plain % COLOURS + 1})"
            dashes = DASHES[plain % len(DASHES)]
            plain += 1
        classifier = compared.data["classifiers"][curve.name]
        entry = entries[curve.name]
        out.append(
            Series(rank, curve.name, curve, classifier, entry, colour, dashes, curve.name in shown)
        )
    return out


def _shown(curves: Sequence[Curve]) -> set[str]:
    names = [curve.name for curve in curves]
    if len(names) <= MOST_NAMED:
        return set(names)
    best = [curve.name for curve in curves if not curve.control][:BEST]
    return {*best, *[curve.name for curve in curves if curve.control][: MOST_NAMED - BEST]}
