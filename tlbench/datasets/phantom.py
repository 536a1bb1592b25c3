"""Synthetic lateral wrist radiographs: the embedded data set `demo`.

No patient was ever X-rayed for these pictures: bones and soft tissue are solids, a radiograph is
the attenuation of a beam through them (Beer-Lambert), with scatter, noise, collimation and a
marker. The label adds a fracture of the distal radius and nothing else; every other draw comes
from random streams that do not know it. Results on these pictures say that a pipeline works, not
that a network reads radiographs.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.datasets.phantom_anatomy import (
    Fracture,
    Groove,
    Pose,
    Wrist,
    draw_fracture,
    draw_pose,
    draw_wrist,
    posed,
)
from tlbench.datasets.phantom_detector import Floats, draw_beam, draw_frame, expose
from tlbench.datasets.phantom_solids import Motion, Points, Weight, add_bone, blurred, cover

DEFAULT_DIFFICULTY = 0.25
COLUMNS = 450
_VIEWS = 8  # seeds of one patient's radiographs: patient seed * 8 + number of the radiograph


@dataclass(frozen=True)
class PhantomCase:
    """One synthetic radiograph to be: its name, its patient, its label (1 = fracture), its seed.

    All pixels follow from label, seed and difficulty. ``seed // 8`` is common to the radiographs
    of one patient, who keeps bones, side and fracture from one to the next.
    """

    name: str
    patient: str
    label: int
    seed: int


def plan_cases(*, seed: int = 0, count: int = 300) -> list[PhantomCase]:
    """Return ``count`` cases, half of them fractures, in an order that says nothing.

    About a quarter of the patients have two radiographs, rarely three; some of those have one
    from before and one from after the fracture. ValueError below two cases.
    """
    if count < 2:
        raise ValueError(f"a plan needs at least 2 cases, got {count}")
    rng = _stream(seed, "plan")
    first = int.from_bytes(hashlib.sha256(f"demo/{seed}".encode()).digest()[:4], "big") * 2**16
    members: list[tuple[int, int]] = []
    for number, labels in enumerate(_draw_labels(rng, count)):
        patient_seed = first + number
        members += [(label, patient_seed * _VIEWS + k) for k, label in enumerate(labels)]
    order = rng.permutation(len(members))
    patients: dict[int, str] = {}
    cases = []
    for place, index in enumerate(order, start=1):
        label, case_seed = members[index]
        patient = patients.setdefault(case_seed // _VIEWS, f"P{len(patients) + 1:04d}")
        cases.append(PhantomCase(f"demo-{place:04d}", patient, label, case_seed))
    return cases


def render(case: PhantomCase, *, difficulty: float = DEFAULT_DIFFICULTY) -> NDArray[np.uint8]:
    """Return the synthetic radiograph of a case: uint8, about 600 rows x 450 columns, bone bright.

    ``difficulty`` from 0 (nearly all fractures obvious) to 1 (nearly none visible) scales the
    fractures only; ValueError outside. The hand points up.
    """
    if not 0.0 <= difficulty <= 1.0:
        raise ValueError(f"difficulty must lie between 0 and 1, got {difficulty}")
    patient = case.seed // _VIEWS
    wrist = draw_wrist(_stream(patient, "anatomy"))
    pose = draw_pose(_stream(case.seed, "pose"))
    fracture = None
    if case.label:
        fracture = draw_fracture(_stream(patient, "fracture"), wrist.size, difficulty)
    frame = draw_frame(_stream(case.seed, "frame"))
    beam = draw_beam(_stream(case.seed, "beam"))
    shape = (frame.rows, COLUMNS)
    points = _grid(shape, wrist, pose)
    bone = _bone(points, wrist, pose, fracture, _stream(case.seed, "texture"))
    soft, fat = _tissue(points, wrist, pose, fracture, _stream(case.seed, "tissue"))
    noise = _stream(case.seed, "noise").standard_normal(shape, dtype=np.float32)
    letter = "R" if wrist.right else "L"
    lengths = (bone, soft, fat)
    return expose(lengths, beam, frame, letter=letter, scale=pose.scale, noise=noise)


def _stream(seed: int, name: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _draw_labels(rng: np.random.Generator, count: int) -> list[list[int]]:
    """Return the labels of each patient's radiographs; in all count // 2 ones."""
    sizes: list[int] = []
    singles = min(count, max(4, math.ceil(0.5 * count)))
    left = count - singles
    while left >= 2:
        sizes.append(3 if left >= 3 and rng.random() < 0.12 else 2)
        left -= sizes[-1]
    sizes += [1] * (singles + left)
    ones, zeros = count // 2, count - count // 2
    patients = []
    for size in sizes:
        label = int(ones > zeros or (ones == zeros and rng.random() < 0.5))
        labels = [label] * size
        if size > 1 and rng.random() < 0.25:
            labels[int(rng.integers(size))] = 1 - label
        ones, zeros = ones - sum(labels), zeros - (size - sum(labels))
        patients.append(labels)
    return patients


def _grid(shape: tuple[int, int], wrist: Wrist, pose: Pose) -> Points:
    """Return (u, v), in mm, of every pixel's centre."""
    x = (np.arange(shape[1], dtype=np.float32) - np.float32((shape[1] - 1) / 2))[None, :]
    y = (np.arange(shape[0], dtype=np.float32) - np.float32((shape[0] - 1) / 2))[:, None]
    scale = np.float32(pose.scale)
    side = np.float32(1 if wrist.right else -1)
    c, s = np.float32(math.cos(pose.turn)), np.float32(math.sin(pose.turn))
    across, up = side * x * scale, -y * scale
    u = c * up - s * across + np.float32(pose.centre[0])
    v = s * up + c * across + np.float32(pose.centre[1])
    return u, v


def _bone(
    points: Points, wrist: Wrist, pose: Pose, fracture: Fracture | None, rng: np.random.Generator
) -> Floats:
    total = np.zeros_like(points[0])
    sponge = _trabeculae(total.shape, rng)
    for solid in wrist.others + wrist.hand:
        add_bone(total, posed(solid, wrist, pose, fracture), points, sponge)
    lines = _grooved(wrist.grooves)
    for part in wrist.radius:
        rolled = posed(part, wrist, pose, None)
        if fracture is None:
            add_bone(total, rolled, points, sponge, lines)
            continue
        add_bone(total, rolled, points, sponge, _broken(fracture, lines, distal=False))
        back = fracture.motion.undo(points)
        add_bone(total, rolled, back, sponge, _broken(fracture, lines, distal=True))
    return total * np.float32(wrist.mineral)


def _grooved(grooves: tuple[Groove, ...]) -> Weight:
    def weight(s: Floats, v: Floats) -> Floats:
        gain = np.ones_like(s)
        for groove in grooves:
            off = (s - np.float32(groove.s) - np.float32(groove.slope) * v) / np.float32(
                groove.width
            )
            across = cover(v - np.float32(groove.low), 3.0)
            across *= cover(np.float32(groove.high) - v, 3.0)
            gain += np.float32(groove.gain - 1) * np.exp(-off * off) * across
        return gain

    return weight


def _broken(fracture: Fracture, lines: Weight, *, distal: bool) -> Weight:
    """Return the weight of one side of the break: what is cut off, what is crushed."""
    stations = np.arange(len(fracture.jag)) * 0.5 - 16.0
    sign = np.float32(1 if distal else -1)

    def weight(s: Floats, v: Floats) -> Floats:
        line = np.float32(fracture.level) + np.float32(fracture.slope) * v
        line += np.interp(v, stations, fracture.jag).astype(np.float32)
        off = sign * (s - line)
        crushed: Floats = 1 + np.float32(fracture.crush) * np.exp(-np.square(off / np.float32(2.5)))
        kept = cover(off - np.float32(fracture.gap / 2), fracture.soft)
        crushed *= lines(s, v) * kept
        return crushed

    return weight


def _trabeculae(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return a mesh of mean about 1: bright ridges where filtered noise crosses zero."""
    from scipy.ndimage import gaussian_filter

    noise = rng.standard_normal(shape, dtype=np.float32)
    fine = gaussian_filter(noise, (2.6, 1.3), truncate=2.5)
    ridge = np.exp(-np.square(fine / np.float32(0.8 * fine.std())))
    patches = _cloud(shape, 14, 14, rng) + _cloud(shape, 45, 40, rng)
    mesh: Floats = np.float32(0.65) + np.float32(0.54) * ridge + np.float32(0.12) * patches
    return mesh


def _cloud(shape: tuple[int, ...], tall: int, wide: int, rng: np.random.Generator) -> Floats:
    """Return smooth noise of SD about 1 with patches of ``tall`` x ``wide`` pixels."""
    size = (shape[1] // wide, shape[0] // tall)
    noise = Image.fromarray(rng.standard_normal(size[::-1], dtype=np.float32))
    smooth = noise.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=np.float32)


def _tissue(
    points: Points, wrist: Wrist, pose: Pose, fracture: Fracture | None, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the mm of soft tissue (bone's place included) and of fat along every beam."""
    u, v = points
    rows = np.asarray(wrist.envelope)
    stations = np.arange(-90.0, 90.0, 0.5)
    curves = [blurred(np.interp(stations, rows[:, 0], rows[:, k]), 16.0) for k in (1, 2, 3)]
    bumps = blurred(rng.normal(0.0, 1.0, (2, stations.size)).ravel(), 14.0) * 5.0
    curves[0] = curves[0] + bumps[: stations.size]
    curves[1] = curves[1] + bumps[stations.size :]
    if fracture is not None:
        bump = np.exp(-0.5 * ((stations - 0.6 * fracture.level) / 9.0) ** 2)
        carried = np.exp(-0.5 * ((stations - 5.0) / 12.0) ** 2)
        carried *= 0.7 * fracture.motion.move(0.0, 0.0)[1]  # the skin follows the fragment
        curves[0] = curves[0] + fracture.swelling * bump + carried
        curves[1] = curves[1] - 0.5 * fracture.swelling * bump + 0.6 * carried
    index = np.clip((u + 90.0) * 2, 0, stations.size - 1).astype(np.intp)
    dorsal, volar, depth = (curve.astype(np.float32)[index] for curve in curves)
    outer = _joined(_oval(v, dorsal, volar, depth), _thumb(points, wrist, pose))
    rim = np.float32(wrist.fat)
    inner = np.minimum(_oval(v, dorsal - rim, volar + rim, depth - rim), outer)
    grain = _cloud(u.shape, 70, 9, rng) + _cloud(u.shape, 60, 40, rng)
    fat = outer - inner * (np.float32(0.93) + np.float32(0.03) * grain)
    return outer, fat


def _thumb(points: Points, wrist: Wrist, pose: Pose) -> Floats:
    """Return the mm of soft tissue around the metacarpal of the thumb."""
    bone = posed(wrist.hand[-1], wrist, pose, None)
    along, across = Motion(bone.angle, (0.0, 0.0), bone.origin[:2]).undo(points)
    half = np.float32(10.5 * wrist.size) * np.sqrt(np.clip(along / 20 + np.float32(0.5), 0, 1))
    return 2 * np.sqrt(np.maximum(half * half - across * across, 0))


def _joined(a: Floats, b: Floats) -> Floats:
    """Return the larger of two thicknesses, with a smooth passage between them."""
    joined: Floats = np.float32(0.5) * (a + b + np.sqrt(np.square(a - b) + 9) - 3)
    return joined


def _oval(v: Floats, dorsal: Floats, volar: Floats, depth: Floats) -> Floats:
    half = np.maximum((dorsal - volar) / 2, np.float32(1))
    x = (v - (dorsal + volar) / 2) / half
    x *= x
    return 2 * depth * np.sqrt(np.maximum(1 - x * np.sqrt(np.sqrt(x)), 0))


__all__ = ["COLUMNS", "DEFAULT_DIFFICULTY", "PhantomCase", "plan_cases", "render"]
