"""The backbones of the figures: what is known of each, and the looks it keeps in all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlbench.compare import Compared, Entry
from tlbench.report.curves import curves_of_comparison
from tlbench.report.plot_axes import thin
from tlbench.report.plot_curves import BEST, MOST_NAMED, Curve
from tlbench.stats import RocBand, RocCurve, roc_band, roc_curve
from tlbench.streams import stream

SPECIFICITIES = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Where the band is given in numbers."""

_FPRS = np.round(1.0 - np.array(SPECIFICITIES), 9)

COLOURS = 7
GREY = "var(--series-8)"

_MOST_BAND_POINTS = 60

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
    """One backbone: `rank` by AUC from 1, its scores, its part of the comparison, its looks.

    `roc` is its curve with every point, `band` the limits of sensitivity, at `SPECIFICITIES` too.
    `colour` is a variable of the page's style; `shown` is False for those that are switched off
    at first because there are too many to tell apart.
    """

    rank: int
    name: str
    curve: Curve
    classifier: Mapping[str, Any]
    entry: Entry
    roc: RocCurve
    band: RocBand
    colour: str
    dashes: tuple[int, ...]
    shown: bool

    @property
    def at_specificities(self) -> list[tuple[float, float, float]]:
        """Sensitivity with the limits of the band, at each of `SPECIFICITIES`."""
        at = np.searchsorted(self.band.fpr, _FPRS)
        columns = (self.band.sensitivity[at], self.band.low[at], self.band.high[at])
        return list(zip(*(column.tolist() for column in columns), strict=True))

    @property
    def numbered(self) -> str:
        """The name with its rank before it: the number stands for it where room is short."""
        return f"{self.rank} {self.name}"


def series_of(compared: Compared) -> list[Series]:
    """Return the backbones of a comparison by falling AUC; controls are grey."""
    entries = {entry.name: entry for entry in compared.entries}
    curves = curves_of_comparison(compared)
    shown = _shown(curves)
    out = []
    for rank, (curve, looks) in enumerate(zip(curves, _looks(curves), strict=True), 1):
        roc = roc_curve(curve.labels, curve.scores)
        out.append(
            Series(
                rank,
                curve.name,
                curve,
                compared.data["classifiers"][curve.name],
                entries[curve.name],
                roc,
                _band(curve, roc, compared.data["level"]),
                *looks,
                shown=curve.name in shown,
            )
        )
    return out


def _looks(curves: Sequence[Curve]) -> Iterator[tuple[str, tuple[int, ...]]]:
    plain = controls = 0
    for curve in curves:
        if curve.control:
            yield GREY, CONTROL_DASHES[controls % len(CONTROL_DASHES)]
            controls += 1
        else:
            yield f"var(--series-{plain % COLOURS + 1})", DASHES[plain % len(DASHES)]
            plain += 1


def _band(curve: Curve, roc: RocCurve, level: float) -> RocBand:
    # Rounded, so that 5 of 50 and 1 - 0.9 are one place.
    kept = np.round(roc.fpr[thin(roc, _MOST_BAND_POINTS)], 9)
    return roc_band(
        curve.labels,
        curve.scores,
        np.union1d(kept, _FPRS),
        rng=stream(0, "page/roc band"),
        groups=curve.groups,
        level=level,
    )


def _shown(curves: Sequence[Curve]) -> set[str]:
    names = [curve.name for curve in curves]
    if len(names) <= MOST_NAMED:
        return set(names)
    best = [curve.name for curve in curves if not curve.control][:BEST]
    return {*best, *[curve.name for curve in curves if curve.control][: MOST_NAMED - BEST]}
