"""Tables of what each value becomes, applied to pictures a block of rows at a time.

NumPy counts and indexes with eight bytes a pixel, which large radiographs have no room for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.blocks import places


def apply_table(table: NDArray[Any], stored: NDArray[Any], lowest: int = 0) -> NDArray[Any]:
    """Return `table[stored - lowest]`, of the shape of `stored` and the dtype of `table`.

    Raises IndexError for a value that the table has no place for.
    """
    out = np.empty(stored.shape, dtype=table.dtype)
    for rows in places(len(stored), max(1, stored[0].size)):
        where = stored[rows].astype(np.intp) - lowest
        if where.min() < 0:
            raise IndexError("a value lies below the table")
        out[rows] = table[where]
    return out


def count_values(stored: NDArray[Any], lowest: int, number: int) -> NDArray[np.int64]:
    """Return how often each of the `number` values from `lowest` on occurs."""
    counts = np.zeros(number, dtype=np.int64)
    for rows in places(len(stored), max(1, stored[0].size)):
        counts += np.bincount((stored[rows].astype(np.intp) - lowest).ravel(), minlength=number)
    return counts


def stretch(pixels: NDArray[Any], largest: int) -> NDArray[Any]:
    """Stretch values of 0 to `largest`, which none exceeds, to all the values of their dtype."""
    white = int(np.iinfo(pixels.dtype).max)
    if largest == white:
        return pixels
    values = np.arange(largest + 1, dtype=np.int64)
    return apply_table(((values * white + largest // 2) // largest).astype(pixels.dtype), pixels)
