"""Arrays of more rows than memory may hold, taken some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 2**24
"""Rows are taken in blocks of about this much, counted in float64."""


def places(rows: int, size: int) -> Iterator[slice]:
    """Yield where the blocks of an array of `rows` rows, each of `size` numbers, begin and end."""
    step = max(1, BLOCK_BYTES // (8 * size))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def weigh(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each of `rows` (n, d) times `weights` (d,), as float64 (n,).

    A row has the same sum, to the last bit, wherever it stands and whatever stands beside it,
    which a product of matrices does not promise: scores are told apart from a cut-off that is
    one of them.
    """
    return np.asarray(np.einsum("ij,j->i", rows, weights))
