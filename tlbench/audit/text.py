"""Letters burnt into radiographs near their edges: found by size, contrast and order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.features.signatures import as_grey
from tlbench.images import LEAST_SIDE, Pixels, read_reduced

_LONGEST = 640
"""Pictures are looked at with so many pixels to the longer side."""
_EDGE = 0.25
"""Letters are looked for within this share of the sides."""
_CONTRAST = 60
"""Levels, of 256, by which letters stand out of what is around them."""
_AROUND = 21
_HEIGHTS = (6, 32)
_FILLED = (0.2, 0.85)
_LETTERS = 3
"""So many of one height in a row are text."""


@dataclass(frozen=True)
class _Box:
    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def follows(self, other: _Box) -> bool:
        """Whether this could be the next letter of a line."""
        low, high = sorted((self.height, other.height))
        level = abs(self.top + self.bottom - other.top - other.bottom) <= low
        return high <= 1.5 * low and level and -2 <= self.left - other.right <= 1.5 * high


class Region(NamedTuple):
    """A part of a picture, as fractions of its width and height."""

    left: float
    top: float
    right: float
    bottom: float


def count_text(path: Path) -> int:
    """Return in how many places near its edges a radiograph has what looks like text.

    Rows of at least three small, evenly high shapes that stand out bright or dark; single letters,
    such as a side marker, and handwriting are not counted. Raises `UnreadableImageError`.
    """
    pixels, _ = read_reduced(path, LEAST_SIDE)
    return len(find_text(pixels))


def find_text(pixels: Pixels) -> list[Region]:
    """Return where a picture (rows, columns) or (rows, columns, 3) has what looks like text."""
    from scipy.ndimage import uniform_filter

    image = Image.fromarray(as_grey(pixels))
    image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BILINEAR)
    levels = np.asarray(image, dtype=np.float32)
    relief = levels - uniform_filter(levels, _AROUND)
    found = [row for sign in (1, -1) for row in _rows(_letters(relief * sign > _CONTRAST))]
    height, width = levels.shape
    return [
        Region(
            min(box.left for box in row) / width,
            min(box.top for box in row) / height,
            max(box.right for box in row) / width,
            max(box.bottom for box in row) / height,
        )
        for row in found
    ]


def _letters(mask: NDArray[np.bool_]) -> list[_Box]:
    """Return the boxes of shapes near the edges that have the size of letters."""
    from scipy.ndimage import find_objects, label

    rows, columns = mask.shape
    shapes, _ = label(mask, structure=np.ones((3, 3)))
    found = []
    for number, (down, across) in enumerate(find_objects(shapes), start=1):
        box = _Box(down.start, across.start, down.stop, across.stop)
        width = box.right - box.left
        if not _HEIGHTS[0] <= box.height <= _HEIGHTS[1] or not 2 <= width <= 1.5 * box.height:
            continue
        y, x = (box.top + box.bottom) / 2 / rows, (box.left + box.right) / 2 / columns
        if min(x, 1 - x, y, 1 - y) > _EDGE or 0 in (box.top, box.left):
            continue
        if box.bottom == rows or box.right == columns:
            continue
        filled = float((shapes[down, across] == number).mean())
        if _FILLED[0] <= filled <= _FILLED[1] or width <= 0.4 * box.height:
            found.append(box)
    return sorted(found, key=lambda box: (box.left, box.top))


def _rows(letters: list[_Box]) -> list[list[_Box]]:
    """Return the rows of letters that are long enough to be text."""
    rows: list[list[_Box]] = []
    for box in letters:
        row = next((row for row in rows if box.follows(row[-1])), None)
        if row is None:
            rows.append([box])
        else:
            row.append(box)
    return [row for row in rows if len(row) >= _LETTERS]
