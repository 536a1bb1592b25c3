"""Tube and detector of the synthetic radiographs: from path lengths to grey values.

Beer-Lambert attenuation at one effective energy, scatter, blur, quantum noise, collimation, lead
marker, vignetting and the logarithmic display of a digital detector. Nothing here knows a label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.float32]

# Mass attenuation coefficients (cm2/g) with scattering, NIST XCOM / Hubbell and Seltzer 1995:
# energy in keV, cortical bone (ICRU-44), liquid water.
_NIST = (
    (30.0, 1.331, 0.3756),
    (40.0, 0.6655, 0.2683),
    (50.0, 0.4242, 0.2269),
    (60.0, 0.3148, 0.2059),
)
_BONE_DENSITY = 1.92  # g/cm3, ICRU-44 cortical bone
FAT_RATIO = 0.82  # attenuation of fat relative to water near 40 keV, rounded


@dataclass(frozen=True)
class Beam:
    """One exposure and its display.

    ``energy`` in keV, ``photons`` per pixel in air, ``scatter`` relative to the primary beam,
    ``blur`` (SD) in pixels; ``falloff`` along x, along y and towards the corners; ``window``: the
    lower end in units of attenuation and a factor of the upper; ``gamma``; ``sharpen``: gain of
    the detail.
    """

    energy: float
    photons: float
    scatter: float
    blur: float
    falloff: tuple[float, float, float]
    window: tuple[float, float]
    gamma: float
    sharpen: float


@dataclass(frozen=True)
class Frame:
    """What lies in the picture apart from the wrist: rectangle of the collimator and marker.

    ``field``: centre x, y and half width, half height as parts of the picture, turn in radians;
    ``shutter`` blackens what lies outside. ``marker``: centre x, y as parts, letter height as a
    part of the picture's height, turn in degrees, plate (bool).
    """

    rows: int
    field: tuple[float, float, float, float, float]
    shutter: bool
    marker: tuple[float, float, float, float, bool]


def coefficients(energy: float) -> tuple[float, float]:
    """Return linear attenuation coefficients of cortical bone and of water, in 1/mm.

    Log-log interpolation of the NIST table between 30 and 60 keV.
    """
    logs = np.log(np.asarray(_NIST))
    bone, water = (math.exp(np.interp(math.log(energy), logs[:, 0], logs[:, k])) for k in (1, 2))
    return bone * _BONE_DENSITY / 10.0, water / 10.0


def draw_beam(rng: np.random.Generator) -> Beam:
    """Draw an exposure: 52 to 57 kV for a wrist, effective energy about two thirds of it."""
    energy = 0.66 * rng.uniform(52.0, 57.0)
    return Beam(
        energy=energy,
        photons=float(np.exp(rng.uniform(math.log(6000), math.log(14000)))),
        scatter=float(rng.uniform(0.06, 0.14)),
        blur=float(rng.uniform(0.8, 1.3)),
        falloff=(rng.normal(0.0, 0.04), rng.normal(0.0, 0.04), rng.normal(0.0, 0.04)),
        window=(float(rng.uniform(-0.25, -0.05)), float(rng.uniform(1.03, 1.12))),
        gamma=float(rng.uniform(0.84, 0.92)),
        sharpen=float(rng.uniform(0.5, 0.8)),
    )


def draw_frame(rng: np.random.Generator) -> Frame:
    """Draw size, collimation and marker of a picture."""
    open_field = rng.random() < 0.5
    half = (0.9, 0.9) if open_field else (rng.uniform(0.45, 0.52), rng.uniform(0.46, 0.52))
    centre = (0.5 + rng.normal(0, 0.01), 0.5 + rng.normal(0, 0.01))
    turn = math.radians(rng.normal(0.0, 1.5))
    side = 0.5 + rng.choice((-1.0, 1.0)) * rng.uniform(0.34, 0.42)
    marker = (
        float(side),
        float(rng.uniform(0.1, 0.9)),
        float(rng.uniform(0.05, 0.075)),
        float(rng.choice((0.0, 0.0, 90.0, 180.0)) + rng.normal(0, 6)),
        bool(rng.random() < 0.6),
    )
    return Frame(
        600 + int(rng.integers(-10, 11)), (*centre, *half, turn), bool(rng.random() < 0.92), marker
    )


def expose(
    lengths: tuple[Floats, Floats, Floats],
    beam: Beam,
    frame: Frame,
    *,
    letter: str,
    scale: float,
    noise: Floats,
) -> NDArray[np.uint8]:
    """Return the grey picture (uint8) of a wrist given as path lengths.

    ``lengths``: mm of bone, of soft tissue with what it encloses, and of fat in it; ``scale``: mm
    per pixel; ``noise``: standard normal, one number per pixel. The quantum noise is Gaussian
    with the variance of Poisson counts, so that the same draws serve any picture.
    """
    from scipy.ndimage import gaussian_filter

    bone, soft, fat = lengths
    mu_bone, mu_water = coefficients(beam.energy)
    depth = np.float32(mu_water) * (soft - np.float32(1 - FAT_RATIO) * fat)
    depth += np.float32(mu_bone - mu_water) * bone
    depth += _marker(frame, letter, bone.shape)
    inside = _field(frame, bone.shape, scale)
    primary = np.exp(-depth) * _falloff(beam, bone.shape)
    primary *= np.clip(inside / np.float32(1.5), 0.0, 1.0) ** 2
    primary = gaussian_filter(primary, beam.blur, truncate=3.0)
    counts = primary + np.float32(beam.scatter) * _haze(primary, 45)
    sigma = np.sqrt(np.maximum(counts, 1e-4) / np.float32(beam.photons))
    counts = counts + gaussian_filter(noise, 0.45, truncate=2.5) * np.float32(1.6) * sigma
    signal = -np.log(np.maximum(counts, np.float32(0.004)))
    signal += np.float32(beam.sharpen) * (signal - _haze(signal, 8))
    grey = _display(signal, beam, mu_bone, mu_water)
    if frame.shutter:
        grey[inside < 0.2] = 0
    return grey


def _display(signal: Floats, beam: Beam, mu_bone: float, mu_water: float) -> NDArray[np.uint8]:
    low = beam.window[0]
    high = beam.window[1] * (55.0 * mu_water + 11.0 * (mu_bone - mu_water))
    level = (signal - np.float32(low)) / np.float32(high - low)
    level = np.clip(level, 0.0, 2.0)
    level /= np.sqrt(np.sqrt(1 + np.square(np.square(level))))  # a shoulder instead of a hard white
    grey = 255 * level ** np.float32(beam.gamma)
    return np.asarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8))


def _haze(primary: Floats, cell: int) -> Floats:
    """Return the picture without details smaller than about ``cell`` pixels."""
    rows, columns = primary.shape
    small = Image.fromarray(primary).resize((columns // cell, rows // cell), Image.Resampling.BOX)
    return np.asarray(small.resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32)


def _axes(shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    y = np.linspace(0.0, 1.0, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(0.0, 1.0, shape[1], dtype=np.float32)[None, :]
    return x, y


def _falloff(beam: Beam, shape: tuple[int, ...]) -> Floats:
    x, y = _axes(shape)
    a, b, c = (np.float32(k) for k in beam.falloff)
    x, y = x - np.float32(0.5), y - np.float32(0.5)
    return np.asarray(1 + a * x + b * y - np.abs(c) * 4 * (x * x + y * y))


def _field(frame: Frame, shape: tuple[int, ...], scale: float) -> Floats:
    """Return the distance, in mm, of each pixel from the collimator's edge, positive inside."""
    x, y = _axes(shape)
    cx, cy, half_x, half_y, turn = frame.field
    dx, dy = (x - np.float32(cx)) * shape[1], (y - np.float32(cy)) * shape[0]
    c, s = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    across = half_x * shape[1] - np.abs(c * dx + s * dy)
    along = half_y * shape[0] - np.abs(c * dy - s * dx)
    return (np.minimum(across, along) * np.float32(scale)).astype(np.float32)


def _marker(frame: Frame, letter: str, shape: tuple[int, ...]) -> Floats:
    x, y, height, turn, plate = frame.marker
    tall = round(height * shape[0] * 4)
    side = 2 * tall
    stamp = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(stamp)
    if plate:
        edge = round(0.1 * side)
        draw.rounded_rectangle((edge, edge, side - edge, side - edge), edge, fill=14)
    _glyph(draw, letter, side / 2 - 0.3 * tall, side / 2 - 0.5 * tall, float(tall))
    stamp = stamp.rotate(turn, Image.Resampling.BILINEAR)
    stamp = stamp.resize((side // 4, side // 4), Image.Resampling.BOX)
    sheet = Image.new("L", (shape[1], shape[0]), 0)
    sheet.paste(stamp, (round(x * shape[1]) - side // 8, round(y * shape[0]) - side // 8))
    return np.asarray(sheet, dtype=np.float32) * np.float32(4.0 / 255)


def _glyph(draw: ImageDraw.ImageDraw, letter: str, x: float, y: float, tall: float) -> None:
    """Draw an L or an R with its upper left corner at (x, y), ``tall`` pixels high."""
    bar, wide = 0.2 * tall, 0.6 * tall
    draw.rectangle((x, y, x + bar, y + tall), fill=255)
    if letter == "L":
        draw.rectangle((x, y + tall - bar, x + wide, y + tall), fill=255)
        return
    bowl = 0.56 * tall
    draw.ellipse((x + wide - bowl, y, x + wide, y + bowl), fill=255)
    draw.rectangle((x, y, x + wide - bowl / 2, y + bowl), fill=255)
    hole = (x + bar, y + 0.17 * tall, x + wide - bar, y + bowl - 0.17 * tall)
    draw.rounded_rectangle(hole, 0.1 * tall, fill=14)
    leg = [
        (x + bar, y + bowl * 0.9),
        (x + 2.2 * bar, y + bowl * 0.9),
        (x + wide, y + tall),
        (x + wide - 1.2 * bar, y + tall),
    ]
    draw.polygon(leg, fill=255)
