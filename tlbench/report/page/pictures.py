"""Thumbnails of radiographs, made anew from their pixels, and where a place of one lies on it."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.audit.text import Region, find_text
from tlbench.images import Pixels, prepare, read_pixels
from tlbench.preparation import find_limb, order_steps

LONGEST = 240
"""Pixels on the longer side of a thumbnail."""
_QUALITY = 62


@dataclass(frozen=True)
class Frame:
    """The part of a radiograph that a prepared picture shows, in pixels of the radiograph.

    `left` and `top` are below 0, and the part is larger than the radiograph, where it was padded.
    `whole` are rows and columns of the radiograph.
    """

    left: float
    top: float
    columns: int
    rows: int
    whole: tuple[int, int]

    def locate(self, x: float, y: float) -> tuple[float, float]:
        """Return where a place lies on the picture; both as fractions of width and height."""
        rows, columns = self.whole
        return (x * columns - self.left) / self.columns, (y * rows - self.top) / self.rows


@dataclass(frozen=True)
class Picture:
    """A thumbnail as a data URI, its sides in pixels, and what of the radiograph it shows."""

    uri: str
    width: int
    height: int
    frame: Frame


def make_picture(path: Path, preparation: Sequence[str] = ()) -> Picture:
    """Return the thumbnail of a radiograph after the named steps, in its own proportions.

    Nothing of the file goes into it but pixels, and what looks like text burnt into them is
    blackened. Raises `UnreadableImageError`.
    """
    whole = read_pixels(path)
    frame = _frame(whole, preparation)
    scale = LONGEST / max(frame.rows, frame.columns)
    size = (max(1, round(frame.rows * scale)), max(1, round(frame.columns * scale)))
    pixels = _eight_bits(prepare(path, size, preparation))
    for region in find_text(whole):
        _blacken(pixels, region, frame)
    return Picture(to_uri(Image.fromarray(pixels)), size[1], size[0], frame)


def _blacken(pixels: NDArray[np.uint8], region: Region, frame: Frame) -> None:
    """Blacken a line of text, and where shapes that were no letters may go on with it."""
    rows, columns = pixels.shape[:2]
    left, top = frame.locate(region.left, region.top)
    right, bottom = frame.locate(region.right, region.bottom)
    height = (bottom - top) * rows
    down = _within(top * rows - 0.5 * height, bottom * rows + 0.5 * height, rows)
    across = _within(left * columns - 3 * height, right * columns + 3 * height, columns)
    pixels[down, across] = 0


def _within(start: float, stop: float, most: int) -> slice:
    return slice(max(0, math.floor(start)), max(0, min(most, math.ceil(stop))))


def to_uri(image: Image.Image) -> str:
    """Return an image as WebP in a data URI."""
    stream = BytesIO()
    image.save(stream, "WEBP", quality=_QUALITY, method=6)
    return "data:image/webp;base64," + b64encode(stream.getvalue()).decode()


def _frame(pixels: Pixels, preparation: Sequence[str]) -> Frame:
    whole = (pixels.shape[0], pixels.shape[1])
    top, left, (rows, columns) = 0, 0, whole
    for step in order_steps(preparation):
        found = find_limb(pixels) if step == "crop" else None
        if found is not None:
            top, left = found[0].start, found[1].start
            rows, columns = found[0].stop - top, found[1].stop - left
        if step == "pad":
            side = max(rows, columns)
            top, left = top - (side - rows) // 2, left - (side - columns) // 2
            rows = columns = side
    return Frame(left, top, columns, rows, whole)


def _eight_bits(pixels: Pixels) -> NDArray[np.uint8]:
    """A copy in 256 levels."""
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels.astype(np.uint8)
