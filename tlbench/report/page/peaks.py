"""Where heat maps peak, and how near that is to fractures that somebody marked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.report.rows import percent
from tlbench.stats.proportion import Proportion, proportion

CENTRES = "fracture_centres_xy"
"""The metadata that holds places of fractures: pairs x,y, as fractions of width and height."""
NEAR = 0.15
"""So near is near: as a part of the longer side of the picture."""
_GRID = 200

Place = tuple[float, float]
"""x and y as fractions of a picture's width and height."""


@dataclass(frozen=True)
class Marked:
    """A map (rows, columns) over a picture of so many pixels, and the fractures marked there."""

    values: NDArray[np.float32]
    width: int
    height: int
    centres: tuple[Place, ...]


@dataclass(frozen=True)
class Peaks:
    """How many maps peak near a mark, and how many would in other ways.

    `chance` is the mean share of the pictures' area that lies near a mark; `middle` counts the
    pictures whose middle does.
    """

    near: Proportion
    chance: float
    middle: int


def read_centres(metadata: Mapping[str, str]) -> tuple[Place, ...]:
    """Return the places of fractures that a radiograph's metadata names; none where unreadable."""
    numbers = re.findall(r"[^\s,;]+", metadata.get(CENTRES, ""))
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        return ()
    if len(values) % 2 or not all(0 <= value <= 1 for value in values):
        return ()
    return tuple(zip(values[::2], values[1::2], strict=True))


def find_peak(values: NDArray[np.float32]) -> Place:
    """Return the middle of the strongest place of a map."""
    rows, columns = values.shape
    row, column = divmod(int(np.argmax(values)), columns)
    return (column + 0.5) / columns, (row + 0.5) / rows


def measure_peaks(marked: Sequence[Marked], level: float = 0.95) -> Peaks:
    """Return how many of the maps peak within `NEAR` of a mark, with Wilson's interval."""
    near = sum(_is_near(each, find_peak(each.values)) for each in marked)
    middle = sum(_is_near(each, (0.5, 0.5)) for each in marked)
    shares = [_area_near(each) for each in marked]
    chance = math.fsum(shares) / len(shares) if shares else 0.0
    return Peaks(proportion(near, len(marked), level=level), chance, middle)


def describe_peaks(peaks: Peaks) -> str:
    """Return in words what `measure_peaks` found."""
    near = peaks.near
    share, low, high, chance = (
        f"{100 * (value or 0):.0f} %" for value in (near.value, near.low, near.high, peaks.chance)
    )
    return (
        f"In {near.k} of {near.n} true positives with a marked fracture "
        f"({share}; {percent(near.level)} interval {low} to {high}, Wilson) "
        f"the map peaks near it: within {percent(NEAR)} of the picture's longer side. By chance, "
        f"anywhere on the picture, {chance} would, the share of the area that is "
        f"so near; the mere middle of the picture is so near in {peaks.middle} of {near.n}."
    )


def _is_near(marked: Marked, place: Place) -> bool:
    longer = max(marked.width, marked.height)
    return any(
        math.hypot((place[0] - x) * marked.width, (place[1] - y) * marked.height) <= NEAR * longer
        for x, y in marked.centres
    )


def _area_near(marked: Marked) -> float:
    """The share of the picture within the distance of a mark, on a grid of points."""
    steps = (np.arange(_GRID) + 0.5) / _GRID
    longer = max(marked.width, marked.height)
    near = np.zeros((_GRID, _GRID), dtype=bool)
    for x, y in marked.centres:
        across, down = (steps - x) * marked.width, (steps - y) * marked.height
        near |= np.hypot(across[None, :], down[:, None]) <= NEAR * longer
    return float(near.mean())
