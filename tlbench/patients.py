"""Draws of whole patients: so many radiographs of each label, no patient in part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def take_patients(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    order: NDArray[np.int64],
    wanted: Sequence[int],
) -> NDArray[np.bool_] | None:
    """Return which of n radiographs are taken, or None where this order gives no exact draw.

    Whole patients are taken in `order`, passing over those that no longer fit, until there are
    `wanted` radiographs of label 0 and of label 1. `labels` and patients `groups` are (n,).
    """
    names, index = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), 2), dtype=np.int64)
    np.add.at(counts, (index, labels), 1)
    left = np.asarray(wanted, dtype=np.int64).copy()
    taken = np.zeros(len(names), dtype=np.bool_)
    for group in np.searchsorted(names, order):
        if np.all(counts[group] <= left):
            left -= counts[group]
            taken[group] = True
    return None if np.any(left) else taken[index]
