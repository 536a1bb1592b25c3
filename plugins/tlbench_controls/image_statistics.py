"""Brightness and size of whole radiographs as features: a backbone has to beat them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 32
_PERCENTILES = (1, 10, 50, 90, 99)


def describe_images(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return statistics (n, 48), float32, of whole radiographs in their own sizes.

    `pixels` is uint8 or uint16, (n, rows, columns) or (n, rows, columns, 3); colours are averaged.
    In order: the shares of 32 equal bins of brightness from black (0) to white (1); mean, standard
    deviation, skewness, kurtosis, the share of pure black pixels; the percentiles 1, 10, 50, 90,
    99; the logarithms to base 10 of rows, columns, pixels and of rows by columns; whether it is in
    colour; how many bits a channel has, by 16. All lie within a few units of 0, so that a plain
    top layer can use them as they are.
    """
    colour = pixels.ndim == 4
    white = np.iinfo(pixels.dtype).max
    rows, columns = pixels.shape[1:3]
    size = [np.log10(rows), np.log10(columns), np.log10(rows * columns), np.log10(rows / columns)]
    about = np.array([*size, float(colour), pixels.dtype.itemsize / 2], dtype=np.float32)
    return np.stack([np.concatenate([_brightness(image, white), about]) for image in pixels])


def _brightness(pixels: NDArray[Any], white: int) -> NDArray[np.float32]:
    """Return all that is known of the brightness of one image, from how often each value occurs."""
    if pixels.ndim == 3:
        pixels, white = pixels.sum(axis=2, dtype=np.uint32), 3 * white
    shares = np.bincount(pixels.ravel(), minlength=white + 1) / pixels.size
    values = np.arange(white + 1) / white
    mean = float(shares @ values)
    sd = float(np.sqrt(shares @ (values - mean) ** 2))
    # An image of one brightness has no shape: its moments are those of a normal curve.
    standard = (values - mean) / sd if sd > 0 else np.zeros_like(values)
    skewness = shares @ standard**3
    kurtosis = shares @ standard**4 - 3 if sd > 0 else 0.0
    moments = [mean, sd, np.arctan(skewness), np.arctan(kurtosis), shares[0]]
    places = np.searchsorted(np.cumsum(shares), np.array(_PERCENTILES) / 100)
    bins = np.add.reduceat(shares, np.arange(BINS) * (white + 1) // BINS)
    return np.concatenate([bins, moments, values[places]]).astype(np.float32)
