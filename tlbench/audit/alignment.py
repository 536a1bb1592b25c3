"""Pictures brought into line: the affine map from one to another, and how alike they then are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.augment import VIEWS

Stack = NDArray[np.float32]
"""Square pictures (n, side, side)."""
Maps = NDArray[np.float32]
"""Affine maps (n, 2, 3), from x and y in one picture to x and y in another, both -0.5 to 0.5."""

Frames = NDArray[np.float32]
"""Left, upper, right and lower edge (n, 4) of a part of a picture, -0.5 to 0.5."""

_FLOOR = 2.0
"""Less spread than this, in 256 levels, is noise and not raised to the height of structure."""
_BLANK = 3.0
"""A line whose levels differ by no more is blank."""
_LARGEST_STEP = 0.05
_FARTHEST = 0.125
"""Shifts up to this share of the side are found."""


@dataclass(frozen=True)
class Turn:
    """What a view of `tlbench.augment` does: mirrored first, then turned and enlarged."""

    mirrored: bool
    degrees: float
    zoom: float


TURNS: dict[str, Turn] = {
    name: Turn(
        name.startswith("mirrored"),
        10.0 * ("rotated +10" in name) - 10.0 * ("rotated -10" in name),
        1.1 if "zoomed 1.1" in name else 1.0,
    )
    for name in VIEWS
}
"""By the names of the views."""


def turn_map(turn: Turn, shape: Sequence[int]) -> NDArray[np.float32]:
    """Return the map (2, 3) from a view's x and y to those of the picture it was made of.

    `shape` is (rows, columns) of the picture before it was made square: turns are of that one.
    """
    rows, columns = shape
    angle = np.deg2rad(turn.degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sides = np.array([columns, rows], dtype=float)
    linear = rotation * sides[None, :] / sides[:, None] / turn.zoom
    if turn.mirrored:
        linear[0] = -linear[0]
    return np.column_stack([linear, np.zeros(2)]).astype(np.float32)


def halve(pictures: Stack) -> Stack:
    """Return pictures (n, side, side) at half the side, each pixel the mean of four."""
    rows = pictures[:, ::2] + pictures[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) * np.float32(0.25))


def blur(pictures: Stack, sigma: float) -> Stack:
    """Return pictures (n, side, side) after a Gaussian filter that ends at their edges."""
    places = np.arange(pictures.shape[1])
    kernel = np.exp(-0.5 * ((places[:, None] - places) / sigma) ** 2)
    kernel = (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
    return np.asarray(kernel @ pictures @ kernel.T)


def flatten(pictures: Stack, sigma: float) -> Stack:
    """Return structure finer than `sigma` pixels, of about the same height everywhere.

    Brightness, contrast and what changes slowly over a picture leave no trace.
    """
    fine = pictures - blur(pictures, sigma)
    return np.asarray(fine / (np.sqrt(np.maximum(blur(fine * fine, sigma), 0)) + _FLOOR))


def find_frames(pictures: Stack) -> Frames:
    """Return what is left of each picture (n, side, side) without blank strips at its edges."""
    side = pictures.shape[1]
    frames = np.empty((len(pictures), 4), dtype=np.float32)
    for axis in (0, 1):
        uneven = np.ptp(pictures, axis=2 - axis) > _BLANK
        uneven[~uneven.any(axis=1)] = True
        frames[:, 1 - axis] = uneven.argmax(axis=1) / side - 0.5
        frames[:, 3 - axis] = 0.5 - uneven[:, ::-1].argmax(axis=1) / side
    return frames


def within(frames: Frames, x: Stack, y: Stack, margin: float) -> NDArray[np.bool_]:
    """Return whether places lie within the frames and not nearer to their edges than `margin`."""
    left, upper, right, lower = (frames[:, i, None, None] for i in range(4))
    return np.asarray(
        (x >= left + margin) & (x <= right - margin) & (y >= upper + margin) & (y <= lower - margin)
    )


def sample(pictures: Stack, maps: Maps) -> tuple[Stack, Stack, Stack]:
    """Return pictures (n, side, side) as the maps show them, and the x and y they show there."""
    n, side, _ = pictures.shape
    u = places(side)
    x, y = (
        maps[:, i, 0, None, None] * u
        + maps[:, i, 1, None, None] * u[:, None]
        + maps[:, i, 2, None, None]
        for i in (0, 1)
    )
    last = np.float32(side - 1.001)
    column = np.clip((x + np.float32(0.5)) * np.float32(side) - np.float32(0.5), 0, last)
    row = np.clip((y + np.float32(0.5)) * np.float32(side) - np.float32(0.5), 0, last)
    left, upper = column.astype(np.intp), row.astype(np.intp)
    column, row = column - left.astype(np.float32), row - upper.astype(np.float32)
    flat = pictures.reshape(-1)
    at = (np.arange(n) * (side * side))[:, None, None] + upper * side + left
    above = flat.take(at) * (1 - column) + flat.take(at + 1) * column
    at += side
    below = flat.take(at) * (1 - column) + flat.take(at + 1) * column
    return np.asarray(above * (1 - row) + below * row), x, y


def correlate(a: Stack, b: Stack, where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the correlation (n,) of each picture of `a` with that of `b`, over `where`."""
    left, right = _centre(a, where), _centre(b, where)
    product = np.einsum("nij,nij->n", left, right)
    return np.asarray(product / np.maximum(_length(left) * _length(right), 1e-6))


def shift_maps(pictures: Stack, targets: Stack) -> Maps:
    """Return the shift of each picture that brings it nearest to its target, as a map.

    The highest cross-correlation decides; both (n, side, side), flattened.
    """
    side = pictures.shape[1]
    spectrum = np.conj(np.fft.rfft2(pictures)) * np.fft.rfft2(targets)
    height = np.fft.irfft2(spectrum, s=(side, side))
    shifts = np.fft.fftfreq(side)
    near = np.abs(shifts) <= _FARTHEST
    height = np.where(near[:, None] & near, height, -np.inf)
    best = height.reshape(len(height), -1).argmax(axis=1)
    maps = np.tile(np.eye(2, 3, dtype=np.float32), (len(pictures), 1, 1))
    maps[:, 0, 2], maps[:, 1, 2] = -shifts[best % side], -shifts[best // side]
    return maps


def follow(outer: Maps, inner: Maps) -> Maps:
    """Return the maps that apply `inner` first and `outer` to what it gives."""
    linear = outer[:, :, :2] @ inner[:, :, :2]
    moved = outer[:, :, :2] @ inner[:, :, 2:] + outer[:, :, 2:]
    return np.concatenate([linear, moved], axis=2)


@dataclass(frozen=True)
class Level:
    """Pictures (n, side, side) flattened with `sigma` pixels, and their frames."""

    pictures: Stack
    frames: Frames
    sigma: float

    def take(self, index: NDArray[np.int64]) -> Level:
        """Return some of the pictures."""
        return Level(self.pictures[index], self.frames[index], self.sigma)


def refine(
    sources: Level, targets: Level, maps: Maps, steps: int
) -> tuple[Maps, NDArray[np.float32]]:
    """Return better maps and the correlations they reach, by so many Gauss-Newton steps.

    Of all maps on the way the best is kept. After Lucas and Kanade; Baker and Matthews 2004,
    doi:10.1023/B:VISI.0000011205.11775.fd.
    """
    best, reached = maps.copy(), np.full(len(maps), -1, dtype=np.float32)
    for step in range(steps + 1):
        seen, shared = look(sources, targets, maps)
        height = correlate(seen, targets.pictures, shared)
        better = height > reached
        best[better], reached[better] = maps[better], height[better]
        if step < steps:
            maps = follow(maps, _step(seen, targets.pictures, shared))
    return best, reached


def look(sources: Level, targets: Level, maps: Maps) -> tuple[Stack, NDArray[np.bool_]]:
    """Return the sources as the maps show them, and where both have a picture."""
    seen, x, y = sample(sources.pictures, maps)
    side = seen.shape[1]
    margin = targets.sigma / side  # what is nearer to an edge was flattened by one side alone
    u = places(side)
    here = within(targets.frames, u[None, None, :], u[None, :, None], margin)
    return seen, here & within(sources.frames, x, y, margin)


def _step(seen: Stack, targets: Stack, shared: NDArray[np.bool_]) -> Maps:
    """Return the small maps that bring what is seen nearer to the targets, to first order."""
    n, side, _ = seen.shape
    u = places(side)
    down, right = (np.gradient(seen, axis=axis) * shared * np.float32(side) for axis in (1, 2))
    slopes = np.empty((n, 6, side, side), dtype=np.float32)
    for first, slope in ((0, right), (3, down)):
        slopes[:, first] = slope * u
        slopes[:, first + 1] = slope * u[:, None]
        slopes[:, first + 2] = slope
    flat = slopes.reshape(n, 6, -1)
    here, there = _centre(seen, shared), _centre(targets, shared)
    ratio = _length(here) / np.maximum(_length(there), 1e-6)
    left = (there * ratio[:, None, None] - here).reshape(n, -1, 1)
    normal = flat @ flat.transpose(0, 2, 1)
    # A ridge keeps pictures without structure from asking for infinite steps.
    ridge = 1e-3 * np.trace(normal, axis1=1, axis2=2) / 6 + 1e-6
    normal += ridge[:, None, None] * np.eye(6, dtype=np.float32)
    change = np.linalg.solve(normal, flat @ left).reshape(n, 2, 3)
    steps = np.clip(change, -_LARGEST_STEP, _LARGEST_STEP)
    return np.asarray(np.eye(2, 3, dtype=np.float32) + steps, dtype=np.float32)


def places(side: int) -> NDArray[np.float32]:
    """Return the x, or y, of the middles of a row of pixels (side,), -0.5 to 0.5."""
    return np.asarray((np.arange(side) + 0.5) / side - 0.5, dtype=np.float32)


def _centre(pictures: Stack, where: NDArray[np.bool_]) -> Stack:
    count = np.maximum(where.sum(axis=(1, 2)), 1)
    mean = (np.einsum("nij,nij->n", pictures, where.astype(np.float32)) / count).astype(np.float32)
    return np.asarray((pictures - mean[:, None, None]) * where)


def _length(pictures: Stack) -> NDArray[np.float32]:
    return np.asarray(np.sqrt(np.einsum("nij,nij->n", pictures, pictures)))
