"""The top layer of a finished run, where it is linear in the features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import CacheError, DataError

FILE = "top_layer.npz"


@dataclass(frozen=True)
class LinearTop:
    """A margin that is linear in the features: `weights` (d,), float64, and `bias`.

    The score of a radiograph is the logistic function of its margin.
    """

    weights: NDArray[np.float64]
    bias: float

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of weights and bias."""
        numbers = np.append(self.weights, self.bias).astype("<f8")
        return sha256(numbers.tobytes()).hexdigest()


def read_linear_top(folder: Path) -> LinearTop:
    """Return the top layer that the run in `folder` trained.

    The two kinds known are a 2-class softmax (`weights` (d, 2), `bias` (2,)), whose margin is the
    difference of its columns, and a logistic regression on standardised features (`mean`, `scale`
    and `weights` (d,), `bias`). Raises `DataError` for another one, `CacheError` where the file
    can't be read.
    """
    arrays = _read(folder / FILE)
    shapes = {name: array.shape for name, array in arrays.items()}
    weights = arrays.get("weights", np.empty(0)).astype(np.float64)
    size = len(weights)
    if shapes == {"weights": (size, 2), "bias": (2,)}:
        bias = arrays["bias"].astype(np.float64)
        return LinearTop(weights[:, 1] - weights[:, 0], float(bias[1] - bias[0]))
    if shapes == {"mean": (size,), "scale": (size,), "weights": (size,), "bias": ()}:
        scaled = weights / arrays["scale"]
        return LinearTop(scaled, float(arrays["bias"] - arrays["mean"] @ scaled))
    raise DataError(
        "its top layer is none that is known to be linear in the features",
        "heat maps go with the protocols paper2018 and linear-probe",
    )


def _read(file: Path) -> Mapping[str, NDArray[Any]]:
    try:
        with np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except Exception as error:  # damaged archives make NumPy raise nearly anything
        raise CacheError(f'"{file}" can\'t be read: {error}', "run it anew with --force") from error
