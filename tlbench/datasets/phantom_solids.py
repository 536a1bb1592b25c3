"""Hollow solids of the synthetic wrist and the path lengths of an X-ray beam through them.

The wrist frame has three axes in mm: ``u`` along the forearm (distal positive), ``v`` across it
(dorsal positive) and ``z`` along the beam (radial positive). Its origin is the middle of the
joint surface of the radius. A solid answers one question: how many mm of bone does the beam
through (u, v) cross? A bone is a dense shell (cortex) around a sponge (spongiosa), so that edges
are brighter than the middle, as on a radiograph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Points = tuple[Floats, Floats]
Weight = Callable[[Floats, Floats], Floats]

_STEP = 0.25  # mm between the samples of a profile
_CORNER = 1.8  # mm by which the rim of a joint surface is rounded off
_MARGIN = 2.0  # mm around a solid that are looked at


@dataclass(frozen=True)
class Motion:
    """A rigid movement in the plane of the picture: a turn about a pivot, then a shift.

    ``angle`` in radians, positive turns the distal end dorsally; ``pivot`` and ``shift`` are
    (u, v) in mm.
    """

    angle: float = 0.0
    pivot: tuple[float, float] = (0.0, 0.0)
    shift: tuple[float, float] = (0.0, 0.0)

    def move(self, u: float, v: float) -> tuple[float, float]:
        """Return where the point (u, v) goes."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        du, dv = u - self.pivot[0], v - self.pivot[1]
        return (
            self.pivot[0] + c * du - s * dv + self.shift[0],
            self.pivot[1] + s * du + c * dv + self.shift[1],
        )

    def undo(self, points: Points) -> Points:
        """Return where the material at the points was before the movement."""
        u, v = points
        c, s = np.float32(math.cos(self.angle)), np.float32(math.sin(self.angle))
        du = u - np.float32(self.pivot[0] + self.shift[0])
        dv = v - np.float32(self.pivot[1] + self.shift[1])
        u0, v0 = (np.float32(x) for x in self.pivot)
        return c * du + s * dv + u0, c * dv - s * du + v0


@dataclass(frozen=True)
class End:
    """The surface that closes a tube: ``s = at + slope * v + curve * v**2``, in mm."""

    at: float
    slope: float = 0.0
    curve: float = 0.0
    plate: float = 0.8

    def height(self, v: Floats) -> Floats:
        """Return the position of the surface along the axis, in mm, for each ``v``."""
        v = np.clip(v, -14.0, 14.0)
        return np.float32(self.at) + np.float32(self.slope) * v + np.float32(self.curve) * v * v


@dataclass(frozen=True)
class Tube:
    """A long bone: elliptical cross-sections strung along a straight axis.

    ``profile`` has one row per station: s (along the axis), centre, half width (in the picture),
    half depth (along the beam), cortical thickness, all in mm, and the bone fraction of the
    sponge (0 to 1). ``origin`` is (u, v, z) of s = 0; ``angle`` (radians) turns the axis
    dorsally. ``ripple`` (mm) roughens the outline, sampled every 0.25 mm of s.
    """

    name: str
    origin: tuple[float, float, float]
    angle: float
    profile: tuple[tuple[float, ...], ...]
    proximal: End | None = None
    distal: End | None = None
    follow: tuple[float, float] = (0.0, 0.0)
    smooth: float = 2.0
    ripple: tuple[float, ...] = ()


@dataclass(frozen=True)
class Blob:
    """A carpal bone: a bent super-ellipse in the picture, round along the beam.

    ``half`` is (along, across, depth) in mm; ``bend`` (1/mm) curves it towards its long axis's
    positive end; ``power`` 2 is an ellipse, more is squarer; ``wobble`` holds (harmonic,
    amplitude, phase) of its outline. ``cortex`` in mm, ``sponge`` is a bone fraction.
    """

    name: str
    origin: tuple[float, float, float]
    angle: float
    half: tuple[float, float, float]
    bend: float = 0.0
    power: float = 2.2
    cortex: float = 0.7
    sponge: float = 0.2
    wobble: tuple[tuple[int, float, float], ...] = ()
    follow: tuple[float, float] = (0.0, 0.0)


Solid = Tube | Blob


def moved(solid: Solid, motion: Motion, shift: float = 1.0, turn: float = 1.0) -> Solid:
    """Return the solid carried along by ``motion``: a part of its shift and of its turn."""
    u, v, z = solid.origin
    to_u, to_v = motion.move(u, v)
    origin = (u + shift * (to_u - u), v + shift * (to_v - v), z)
    return replace(solid, origin=origin, angle=solid.angle + turn * motion.angle)


def cover(inside: Floats, soft: float = 0.3) -> Floats:
    """Return how much of a pixel lies inside, 0 to 1, from a distance in mm (positive inside)."""
    return np.asarray(np.clip(inside / np.float32(soft) + np.float32(0.5), 0.0, 1.0))


def add_bone(
    total: Floats, solid: Solid, points: Points, sponge: Floats, weight: Weight | None = None
) -> None:
    """Add to ``total`` the mm of bone that the beam crosses in ``solid``.

    All arrays are float32 of the picture's shape; ``points`` are (u, v) of its pixels; ``sponge``
    multiplies the bone fraction of the spongiosa; ``weight`` (of the
    solid's own s, v) takes a part of it only.
    """
    window = _window(solid, points)
    u, v = points[0][window], points[1][window]
    if u.size == 0:
        return
    c, s = np.float32(math.cos(solid.angle)), np.float32(math.sin(solid.angle))
    du, dv = u - np.float32(solid.origin[0]), v - np.float32(solid.origin[1])
    along, across = c * du + s * dv, c * dv - s * du
    if isinstance(solid, Tube):
        shell, core = _tube_lengths(solid, along, across)
    else:
        shell, core = _blob_lengths(solid, along, across)
    bone = shell + core * sponge[window]
    if weight is not None:
        bone *= weight(along, across)
    total[window] += bone


def _window(solid: Solid, points: Points) -> tuple[slice, slice]:
    """Return the rows and columns of the picture that the solid can touch."""
    if isinstance(solid, Blob):
        reach = 1.2 * math.hypot(solid.half[0], solid.half[1]) + _MARGIN
        low, high, left, right = -reach, reach, -reach, reach
    else:
        rows = np.asarray(solid.profile)
        low = rows[0, 0] if solid.proximal is None else solid.proximal.at - 3 * _MARGIN
        high = rows[-1, 0] if solid.distal is None else solid.distal.at + 3 * _MARGIN
        left = float((rows[:, 1] - rows[:, 2]).min()) - _MARGIN
        right = float((rows[:, 1] + rows[:, 2]).max()) + _MARGIN
    place = Motion(solid.angle, (0.0, 0.0), solid.origin[:2])
    corners = np.array([place.move(s, w) for s in (low, high) for w in (left, right)])
    u, v = points
    rows_count, columns = u.shape
    per_column = (u[0, -1] - u[0, 0], v[0, -1] - v[0, 0])
    per_row = (u[-1, 0] - u[0, 0], v[-1, 0] - v[0, 0])
    step = np.array([per_column, per_row], dtype=np.float64).T
    step /= np.array([columns - 1, rows_count - 1])
    x, y = np.linalg.solve(step, (corners - (u[0, 0], v[0, 0])).T)
    across = slice(max(0, math.floor(x.min())), max(0, math.ceil(x.max())))
    return slice(max(0, math.floor(y.min())), max(0, math.ceil(y.max()))), across


def _tube_lengths(tube: Tube, s: Floats, v: Floats) -> tuple[Floats, Floats]:
    table = _table(tube)
    index = ((s - np.float32(tube.profile[0][0])) / np.float32(_STEP)).astype(np.int32)
    np.clip(index, 0, len(table[0]) - 1, out=index)
    centre, half, depth, cortex, fraction = (column[index] for column in table)
    off = v - centre
    outer = _ellipse(off, half, depth)
    inner = _ellipse(off, half - cortex, depth - cortex)
    corner = np.float32(_CORNER) * np.minimum(np.square(off / half), 1.5) ** 4
    for end, sign in ((tube.proximal, 1.0), (tube.distal, -1.0)):
        if end is not None:
            inside = np.float32(sign) * (s - end.height(v)) - corner
            outer *= _rounded(inside)
            inner *= cover(inside - np.float32(end.plate), 0.6)
    inner = np.minimum(inner, outer)
    return outer - inner, inner * fraction


def _blob_lengths(blob: Blob, s: Floats, v: Floats) -> tuple[Floats, Floats]:
    along, across, depth = blob.half
    s = s - np.float32(blob.bend) * (v * v - np.float32(0.25 * across * across))
    theta = np.arctan2(v, s)
    swell = np.ones_like(s)
    for harmonic, amplitude, phase in blob.wobble:
        swell += np.float32(amplitude) * np.cos(harmonic * theta + np.float32(phase))
    s, v = s / swell, v / swell
    outer = _round(s / np.float32(along), v / np.float32(across), blob.power, depth)
    thin = blob.cortex
    inner = _round(
        s / np.float32(along - thin), v / np.float32(across - thin), blob.power, depth - thin
    )
    inner = np.minimum(inner, outer)
    return outer - inner, inner * np.float32(blob.sponge)


def _ellipse(off: Floats, half: Floats, depth: Floats) -> Floats:
    ratio = off / np.maximum(half, np.float32(0.1))
    return 2 * np.maximum(depth, np.float32(0)) * np.sqrt(np.maximum(1 - ratio * ratio, 0))


def _round(x: Floats, y: Floats, power: float, depth: float) -> Floats:
    p = np.float32(power)
    level = np.abs(x) ** p + np.abs(y) ** p
    return np.float32(2 * depth) * np.sqrt(np.maximum(1 - level, 0))


def _rounded(inside: Floats) -> Floats:
    """Return the rise of a rounded rim from 0 at the surface to 1 at 2 mm below it."""
    x = np.clip(inside / np.float32(2.0), 0.0, 1.0)
    return np.asarray(np.sqrt(x * (2 - x)))


def _table(tube: Tube) -> list[Floats]:
    rows = np.asarray(tube.profile, dtype=np.float64)
    stations = np.arange(rows[0, 0], rows[-1, 0] + 2 * _STEP, _STEP)
    columns = [
        blurred(np.interp(stations, rows[:, 0], rows[:, k]), tube.smooth / _STEP)
        for k in range(1, rows.shape[1])
    ]
    if tube.ripple:
        columns[1] = columns[1] + np.resize(np.asarray(tube.ripple), stations.shape)
    return [column.astype(np.float32) for column in columns]


def blurred(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Return a curve smoothed with a Gaussian of ``sigma`` samples, its ends held."""
    if sigma <= 0:
        return values
    reach = max(1, round(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
