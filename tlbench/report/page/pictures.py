"""Thumbnails of radiographs, made anew from their pixels, and where a place of one lies on it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

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

    Nothing of the file goes into it but pixels. Raises `UnreadableImageError`.
    """
    frame = _frame(read_pixels(path), preparation)
    scale = LONGEST / max(frame.rows, frame.columns)
    size = (max(1, round(frame.rows * scale)), max(1, round(frame.columns * scale)))
    pixels = prepare(path, size, preparation)
    return Picture(to_uri(Image.fromarray(_eight_bits(pixels))), size[1], size[0], frame)


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


def _eight_bits(pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels.astype(np.uint8)
