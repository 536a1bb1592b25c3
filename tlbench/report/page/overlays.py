"""Heat maps as something to lay over a thumbnail: coloured, and the fainter the weaker."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.report.page.pictures import to_uri

COLOURS = "plasma"
"""Perceptually uniform, and unlike the greys of a radiograph at every strength."""
_FIRST = 0.2
"""Where its colours begin: darker ones can't be seen on black."""
_OPACITY = 0.75
_CELL = 8
"""Pixels for each place of a map, between which it is smoothed."""
_LARGEST = 112
_FAINTEST = 0.04
_ENOUGH = 98
"""The percentile of strengths from which on all are drawn alike: a single place can be extreme."""


def find_scale(maps: Collection[NDArray[np.float32]], zero: float) -> float:
    """Return the strength above `zero` that is drawn as the strongest on these maps; 0: on none."""
    strengths = np.concatenate([each.ravel() for each in maps]) - zero if maps else np.zeros(0)
    strengths = strengths[strengths > 0]
    return float(np.percentile(strengths, _ENOUGH)) if len(strengths) else 0.0


def draw_overlay(values: NDArray[np.float32], zero: float, scale: float) -> str | None:
    """Return a map (rows, columns) as a data URI, or None where nothing of it is above `zero`.

    Stretched over the picture it lies as the network saw it. Strength `scale` and more are drawn
    in the last colour.
    """
    rows, columns = (min(_LARGEST, side * _CELL) for side in values.shape)
    strength = Image.fromarray(((values - zero) / scale).clip(0, 1) if scale else 0 * values)
    smooth = np.array(strength.resize((columns, rows), Image.Resampling.BICUBIC)).clip(0, 1)
    if smooth.max() < _FAINTEST:
        return None
    colours = _colours(smooth)
    colours[..., 3] = _OPACITY * np.sqrt(smooth)
    return to_uri(Image.fromarray(np.rint(colours * 255).astype(np.uint8)))


def legend_colours(steps: int = 7) -> list[str]:
    """Return the colours from the weakest to the strongest, as CSS writes them."""
    from matplotlib.colors import to_hex

    return [to_hex(colour) for colour in _colours(np.linspace(0, 1, steps))]


def _colours(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Red, green, blue and opacity, from 0 to 1, of strengths from 0 to 1."""
    from matplotlib import colormaps

    return np.asarray(colormaps[COLOURS](_FIRST + (1 - _FIRST) * strength))
