"""The views of a radiograph that eightfold augmentation trains on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.images import Pixels, apply_to_planes

_AS_IS = "as is"
_ANGLES = {"rotated +10": 10.0, "rotated -10": -10.0}
_OPPOSITE = {"rotated +10": "rotated -10", "rotated -10": "rotated +10"}
_ZOOMS = {"zoomed 1.1": 1.1}
_CHANGES = (_AS_IS, *_ANGLES, *_ZOOMS)
_MIRRORED = "mirrored"

VIEWS: tuple[str, ...] = (
    *_CHANGES,
    *(_MIRRORED if change == _AS_IS else f"{_MIRRORED}, {change}" for change in _CHANGES),
)
"""{as is, mirrored} x {as is, rotated +10, rotated -10, zoomed 1.1}; the first is the original."""


class Views:
    """The views of one radiograph, each turned or enlarged once: mirrored ones share the work.

    Takes uint8 or uint16, (rows, columns) or (rows, columns, 3); see `make_view`.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self._made: dict[str, Pixels] = {}

    def make(self, name: str) -> Pixels:
        """Return the view `name`, one of `VIEWS`; raises ValueError for another name."""
        if name not in VIEWS:
            raise ValueError(f'unknown view "{name}"; there are {", ".join(VIEWS)}')
        change = name.removeprefix(_MIRRORED).removeprefix(", ") or _AS_IS
        if name.startswith(_MIRRORED):
            # What is mirrored and then turned one way is turned the other way and then mirrored.
            return self._change(_OPPOSITE.get(change, change))[:, ::-1].copy()
        return self._change(change)

    def _change(self, change: str) -> Pixels:
        if change not in self._made:
            self._made[change] = _change(self._pixels, change)
        return self._made[change]


def make_view(pixels: Pixels, name: str) -> Pixels:
    """Return the view `name`, one of `VIEWS`, of a radiograph.

    Takes and returns uint8 or uint16, (rows, columns) or (rows, columns, 3); size and dtype stay.
    "mirrored" swaps left and right, before anything else. "rotated +10" turns the content by 10
    degrees anticlockwise about the centre, "rotated -10" clockwise; the corners that open are
    black, and what leaves the frame is lost. "zoomed 1.1" enlarges the content 1.1 times about
    the centre. Interpolation is bilinear and nothing is random. Raises ValueError for another
    name.
    """
    return Views(pixels).make(name)


def _change(pixels: Pixels, change: str) -> Pixels:
    if change in _ANGLES:
        return apply_to_planes(lambda plane: _rotate(plane, _ANGLES[change]), pixels)
    if change in _ZOOMS:
        return apply_to_planes(lambda plane: _zoom(plane, _ZOOMS[change]), pixels)
    return pixels


def _rotate(plane: NDArray[Any], degrees: float) -> NDArray[Any]:
    # Pillow's positive angles are anticlockwise, too.
    image = Image.fromarray(plane)
    return np.array(image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=0))


def _zoom(plane: NDArray[Any], factor: float) -> NDArray[Any]:
    image = Image.fromarray(plane)
    width, height = image.size
    right, lower = (width + width / factor) / 2, (height + height / factor) / 2
    box = (width - right, height - lower, right, lower)
    return np.array(image.resize(image.size, Image.Resampling.BILINEAR, box=box))
