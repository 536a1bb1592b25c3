"""The synthetic wrist: who the patient is, how the wrist lies, and what a fracture does to it.

Everything here is a draw from named random streams; what the label changes is drawn from a stream
of its own, so that the same wrist can be had with and without its fracture. Lengths are mm in the
wrist frame of `tlbench.datasets.phantom_solids`. Sizes are those of an adult wrist to within a
mm or two, chosen for looks; the joint surface of the radius faces volarly by about 11 degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tlbench.datasets.phantom_solids import Blob, End, Motion, Solid, Tube, blurred, moved

VOLAR_TILT = 11.0  # degrees, textbook mean of the lateral view

# name, (u, v, z), angle in degrees, half axes (along, across, depth), bend, power, follow
_CARPALS = (
    ("lunate", (4.9, -0.2, -1.0), 0.0, (4.8, 8.4, 7.5), 0.055, 2.3, (0.9, 0.6)),
    ("scaphoid", (11.2, -5.0, 10.0), -42.0, (12.3, 5.4, 6.5), -0.02, 2.3, (0.8, 0.3)),
    ("triquetrum", (9.5, 4.0, -12.0), 15.0, (6.2, 6.4, 5.5), 0.0, 2.2, (0.8, 0.3)),
    ("pisiform", (12.0, -10.5, -14.0), 0.0, (5.4, 4.2, 4.5), 0.0, 2.1, (0.6, 0.0)),
    ("capitate", (20.0, 0.6, 0.0), 0.0, (12.2, 6.8, 6.5), 0.0, 2.7, (0.45, 0.0)),
    ("hamate", (21.0, 2.0, -9.0), 5.0, (9.0, 6.8, 6.5), 0.0, 2.6, (0.45, 0.0)),
    ("hook", (21.5, -7.0, -9.0), 20.0, (2.8, 5.2, 3.0), 0.0, 2.1, (0.45, 0.0)),
    ("trapezoid", (25.2, -1.5, 9.0), 0.0, (6.2, 6.8, 5.5), 0.0, 2.7, (0.35, 0.0)),
    ("trapezium", (24.5, -9.5, 15.0), -25.0, (6.4, 7.0, 6.5), 0.0, 2.6, (0.35, 0.0)),
)
# name, base (u, v, z), angle in degrees, scale
_METACARPALS = (
    ("metacarpal 2", (33.0, 0.8, 9.0), 3.0, 1.0),
    ("metacarpal 3", (33.2, 2.0, 1.0), 1.0, 1.05),
    ("metacarpal 4", (31.6, 1.6, -7.0), -2.0, 0.85),
    ("metacarpal 5", (30.6, -0.2, -14.0), -6.0, 0.9),
    ("metacarpal 1", (29.5, -13.5, 17.0), -26.0, 0.95),
)
# s, centre, half width, half depth, cortex, sponge
_RADIUS = (
    (-90.0, 0.0, 6.3, 7.5, 2.7, 0.02),
    (-48.0, 0.0, 6.0, 7.2, 2.5, 0.03),
    (-34.0, -0.1, 6.3, 8.0, 2.0, 0.05),
    (-26.0, -0.4, 7.0, 9.8, 1.5, 0.08),
    (-19.0, -0.8, 8.2, 12.0, 1.1, 0.12),
    (-12.0, -1.1, 9.6, 14.0, 0.8, 0.16),
    (-6.0, -0.9, 10.7, 15.0, 0.7, 0.18),
    (-2.0, -0.4, 10.9, 15.0, 0.7, 0.19),
    (3.0, 0.0, 9.9, 14.5, 0.8, 0.19),
    (12.0, 0.0, 8.0, 14.0, 0.8, 0.19),
)
_ULNA = (
    (-90.0, 0.0, 6.0, 6.0, 2.6, 0.02),
    (-40.0, 0.0, 5.2, 5.4, 2.2, 0.03),
    (-17.0, 0.0, 4.8, 5.0, 1.5, 0.07),
    (-9.0, 0.0, 5.9, 6.4, 0.9, 0.13),
    (-3.0, 0.0, 7.2, 7.6, 0.7, 0.16),
    (0.0, 0.0, 6.6, 7.2, 0.7, 0.16),
    (8.0, 0.0, 4.0, 5.0, 0.7, 0.16),
)
_METACARPAL = (
    (-4.0, -0.6, 6.2, 6.4, 0.7, 0.18),
    (2.0, -0.5, 7.2, 7.2, 0.7, 0.17),
    (7.0, -0.2, 6.1, 6.2, 0.9, 0.11),
    (14.0, 0.3, 4.9, 5.0, 1.5, 0.05),
    (24.0, 0.7, 4.3, 4.3, 2.0, 0.03),
    (36.0, 0.6, 4.2, 4.2, 2.0, 0.03),
    (70.0, -0.4, 5.2, 5.2, 1.4, 0.06),
)
# u, dorsal border, volar border, half depth
_ENVELOPE = (
    (-90.0, 20.0, -32.0, 36.0),
    (-45.0, 17.0, -27.0, 31.0),
    (-15.0, 15.5, -22.0, 28.0),
    (2.0, 15.5, -20.5, 28.0),
    (18.0, 15.5, -22.5, 31.0),
    (32.0, 15.5, -27.5, 36.0),
    (50.0, 14.5, -28.0, 39.0),
    (90.0, 12.0, -22.0, 39.0),
)


@dataclass(frozen=True)
class Groove:
    """A line across the radius that is no fracture: scar of the growth plate, vessel, crest.

    At ``s`` mm along the axis plus ``slope * v``, ``width`` mm wide, from ``low`` to ``high``
    across; ``gain`` multiplies the bone there (below 1 lucent, above 1 dense).
    """

    s: float
    slope: float
    width: float
    low: float
    high: float
    gain: float


@dataclass(frozen=True)
class Wrist:
    """One patient's wrist, label-free: solids in neutral position, soft tissue, mineral."""

    size: float
    mineral: float
    right: bool
    radius: tuple[Tube, ...]
    others: tuple[Solid, ...]
    hand: tuple[Solid, ...]
    grooves: tuple[Groove, ...]
    envelope: tuple[tuple[float, ...], ...]
    fat: float


@dataclass(frozen=True)
class Pose:
    """How the wrist lies on the detector, label-free: radians, mm in the picture, scale."""

    turn: float
    centre: tuple[float, float]
    roll: float
    flexion: float
    scale: float


@dataclass(frozen=True)
class Fracture:
    """A break of the distal radius: level and shape of its line, and where the fragment went.

    ``level`` (mm, negative: proximal of the joint), ``slope`` and ``jag`` (mm, every 0.5 mm of v
    from -16 mm) describe the line; ``gap`` and ``soft`` (mm) its width and how blurred it is by
    the beam crossing an oblique plane; ``motion`` moves the distal fragment; ``crush`` is the
    relative gain of bone along the line, ``swelling`` (mm) the bulge of the dorsal soft tissue.
    """

    level: float
    slope: float
    jag: tuple[float, ...]
    gap: float
    soft: float
    motion: Motion
    crush: float
    swelling: float


def draw_wrist(rng: np.random.Generator) -> Wrist:
    """Draw a patient's wrist: size, mineral density, bones, mimics of fractures, soft tissue."""
    size = float(np.clip(rng.normal(1.0, 0.05), 0.87, 1.13))
    mineral = float(np.clip(rng.normal(1.0, 0.1), 0.7, 1.3))
    right = bool(rng.random() < 0.5)
    grooves = _draw_grooves(rng, size)
    radius = _draw_radius(rng, size)
    carpals = tuple(_draw_carpal(rng, row, size) for row in _CARPALS)
    hand = carpals + tuple(_draw_metacarpal(rng, row, size) for row in _METACARPALS)
    girth = float(rng.normal(1.0, 0.045))
    widths = [
        (size * u, size * girth * d, size * girth * w, size * girth * z) for u, d, w, z in _ENVELOPE
    ]
    fat = float(rng.uniform(2.0, 5.0))
    return Wrist(
        size, mineral, right, radius, (_draw_ulna(rng, size),), hand, grooves, tuple(widths), fat
    )


def draw_pose(rng: np.random.Generator) -> Pose:
    """Draw how the wrist lies: in-plane turn, place, roll about the forearm, flexion, scale."""
    return Pose(
        turn=math.radians(rng.normal(0.0, 2.5)),
        centre=(float(rng.normal(2.0, 2.5)), float(rng.normal(-3.0, 1.5))),
        roll=math.radians(rng.normal(0.0, 5.0)),
        flexion=math.radians(rng.normal(0.0, 5.0)),
        scale=float(rng.uniform(0.140, 0.150)),
    )


def draw_fracture(rng: np.random.Generator, size: float, difficulty: float) -> Fracture:
    """Draw a fracture; ``difficulty`` 0 (most obvious) to 1 (all but invisible) scales it.

    How far the fragment went varies widely from fracture to fracture at any difficulty: a tilt of
    5 to 40 degrees and a step of up to 8 mm at 0. Crushed bone and swelling vary apart from it.
    """
    scale = 1.2 * (1.0 - difficulty)
    severity = scale * (0.2 + 0.8 * float(rng.beta(1.5, 1.2)))
    level = -size * float(rng.uniform(11.0, 19.0))
    tilt = math.radians(min(40.0, 36.0 * severity * float(rng.uniform(0.6, 1.2))))
    step = 6.5 * size * severity * float(rng.uniform(0.2, 1.1))
    impaction = 4.5 * size * severity * float(rng.uniform(0.1, 1.0))
    hinge = size * float(rng.uniform(-9.0, -1.0))
    jag = blurred(rng.normal(0.0, 1.0, 65), 1.6) * float(rng.uniform(0.5, 1.6))
    return Fracture(
        level=level,
        slope=float(rng.normal(0.0, 0.22)),
        jag=tuple(float(x) for x in jag),
        gap=float(rng.uniform(0.2, 0.9)) * min(1.0, 0.3 + severity),
        soft=float(rng.uniform(0.5, 1.6)),
        motion=Motion(tilt, (level, hinge), (-impaction, step)),
        crush=0.5 * scale * float(rng.uniform(0.3, 1.0)),
        swelling=4.5 * size * scale * float(rng.uniform(0.2, 1.0)),
    )


def posed(solid: Solid, wrist: Wrist, pose: Pose, fracture: Fracture | None) -> Solid:
    """Return a solid where pose and fracture carry it."""
    u, v, z = solid.origin
    rolled = v * math.cos(pose.roll) + z * math.sin(pose.roll)
    solid = replace(solid, origin=(u, rolled, z))
    shift, turn = solid.follow
    if fracture is not None and shift > 0:
        solid = moved(solid, fracture.motion, shift, turn)
    if u > 2.0 * wrist.size:  # the hand: flexion is shared by the two rows of carpals
        part = 0.5 if u < 15.0 * wrist.size else 1.0
        bend = Motion(part * pose.flexion, (3.0 * wrist.size, 0.0))
        solid = moved(solid, bend)
    return solid


def _draw_grooves(rng: np.random.Generator, size: float) -> tuple[Groove, ...]:
    grooves = []
    if rng.random() < 0.65:  # growth plate: its scar (dense), or open in the young (lucent)
        young = rng.random() < 0.3
        gain = rng.uniform(0.35, 0.6) if young else rng.uniform(1.15, 1.5)
        width = rng.uniform(0.7, 1.3) if young else rng.uniform(0.4, 0.9)
        s, slope = size * rng.uniform(-9.0, -5.5), rng.normal(0.0, 0.06)
        low, high = rng.uniform(-11, -5), rng.uniform(5, 11)
        grooves.append(Groove(s, slope, width, size * low, size * high, gain))
    for _ in range(int(rng.integers(0, 3))):  # nutrient vessels and bony crests
        dark = rng.random() < 0.6
        gain = rng.uniform(0.6, 0.85) if dark else rng.uniform(1.1, 1.3)
        s, slope, start = rng.uniform(-40, -10), rng.uniform(-1.5, 1.5), rng.uniform(-8, 3)
        reach = start + rng.uniform(3, 7)
        grooves.append(Groove(size * s, slope, rng.uniform(0.4, 0.9), start, reach, gain))
    return tuple(grooves)


def _draw_radius(rng: np.random.Generator, size: float) -> tuple[Tube, ...]:
    shape, cortex = rng.normal(1.0, 0.04), rng.normal(1.0, 0.12)
    tilt = math.tan(math.radians(rng.normal(VOLAR_TILT, 3.5)))
    flare = rng.normal(1.0, 0.05)
    rows = []
    for s, centre, half, depth, thick, sponge in _RADIUS:
        wide = flare if s > -25 else 1.0
        rows.append(
            (
                size * s,
                size * centre,
                size * half * shape * wide,
                size * depth,
                size * thick * cortex,
                sponge,
            )
        )
    ripple = blurred(rng.normal(0.0, 1.0, 500), 5.0) * 0.5
    lister = rng.uniform(0.0, 1.2) * np.exp(
        -0.5 * ((np.arange(500) * 0.25 - size * (90 - rng.uniform(7, 12))) / 2.5) ** 2
    )
    end = End(0.0, tilt, 0.016, 0.9)
    body = Tube(
        "radius",
        (0.0, 0.0, 0.0),
        0.0,
        tuple(rows),
        None,
        end,
        ripple=tuple(float(x) for x in ripple + lister),
    )
    reach = size * rng.uniform(5.0, 8.0)
    styloid = Tube(
        "styloid",
        (0.0, size * rng.normal(-2.0, 1.5), 11.0),
        math.radians(rng.normal(-6, 4)),
        (
            (-9 * size, 0.0, 6.5 * size, 3.0, 0.7, 0.14),
            (-2 * size, 0.0, 6.0 * size, 4.0, 0.7, 0.15),
            (12 * size, 0.0, 3.0 * size, 3.0, 0.7, 0.15),
        ),
        End(-8 * size, 0.0, 0.0, 0.0),
        End(reach, 0.0, -0.09, 0.6),
    )
    return body, styloid


def _draw_ulna(rng: np.random.Generator, size: float) -> Tube:
    shape = rng.normal(1.0, 0.06)
    rows = tuple(
        (size * s, size * c, size * half * shape, size * depth, size * thick, sponge)
        for s, c, half, depth, thick, sponge in _ULNA
    )
    origin = (0.0, size * rng.normal(2.0, 1.5), -12.0 * size)
    variance = size * rng.normal(-1.0, 1.2)
    return Tube(
        "ulna",
        origin,
        math.radians(rng.normal(0.0, 1.0)),
        rows,
        None,
        End(variance, 0.12, -0.045, 0.8),
    )


def _draw_carpal(
    rng: np.random.Generator,
    row: tuple[
        str,
        tuple[float, float, float],
        float,
        tuple[float, float, float],
        float,
        float,
        tuple[float, float],
    ],
    size: float,
) -> Blob:
    name, (u, v, z), angle, half, bend, power, follow = row
    grow = size * rng.normal(1.0, 0.05)
    origin = (size * (u + rng.normal(0, 0.4)), size * (v + rng.normal(0, 0.6)), size * z)
    wobble = tuple(
        (k, float(rng.normal(0, a)), float(rng.uniform(0, 2 * math.pi)))
        for k, a in ((2, 0.02), (3, 0.03), (4, 0.02), (5, 0.012))
    )
    return Blob(
        name,
        origin,
        math.radians(angle + rng.normal(0, 5)),
        (half[0] * grow, half[1] * grow, half[2] * grow),
        bend / size,
        power,
        cortex=0.55,
        sponge=0.27,
        wobble=wobble,
        follow=follow,
    )


def _draw_metacarpal(
    rng: np.random.Generator,
    row: tuple[str, tuple[float, float, float], float, float],
    size: float,
) -> Tube:
    name, (u, v, z), angle, scale = row
    grow = size * scale * rng.normal(1.0, 0.05)
    rows = tuple(
        (size * s, grow * c, grow * half, grow * depth, grow * thick, sponge)
        for s, c, half, depth, thick, sponge in _METACARPAL
    )
    origin = (size * (u + rng.normal(0, 0.5)), size * (v + rng.normal(0, 0.8)), size * z)
    lean = angle + rng.normal(0, 6.0 if name.endswith("1") else 1.8)
    return Tube(
        name,
        origin,
        math.radians(lean),
        rows,
        End(-1.0, rng.normal(0, 0.1), rng.normal(0.01, 0.015), 0.6),
        None,
    )
