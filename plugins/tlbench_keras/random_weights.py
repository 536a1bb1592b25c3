"""Weights that were never trained: what the architecture alone is worth."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tlbench.specs import WeightsRequest
from tlbench_keras import inception
from tlbench_keras.weights_files import looks_like_hdf5, save_weights

SEED = int.from_bytes(hashlib.sha256(b"tlbench/inception_v3/random").digest()[:4], "big")


def find(request: WeightsRequest) -> Path | None:
    """Return the weights file if it has been made already."""
    file = _file(request)
    return file if looks_like_hdf5(file) else None


def obtain(request: WeightsRequest) -> Path:
    """Return the weights file, making it first if need be; no network is used.

    Raises `WeightsError` if the folder can't be written.
    """
    found = find(request)
    if found is not None:
        return found
    request.say("drawing random weights (once)")
    network = inception.build()
    fill(network, SEED)
    return save_weights(network, _file(request))


def fill(network: Any, seed: int) -> None:
    """Draw the kernels of all convolutions of a Keras network, in the order of creation."""
    draw(inception.numbered_layers(network, "Conv2D"), seed)


def draw(layers: Iterable[Any], seed: int) -> None:
    """Draw the kernels of Keras convolutions, one after another, from He's uniform distribution.

    Limits are +-sqrt(6 / inputs of a unit) (He et al. 2015, doi 10.1109/ICCV.2015.123), which
    keeps the size of the signal through ReLUs. Batch normalisation stays at its initial values
    and does nothing, so that Keras's own initial kernels would shrink features a thousandfold.
    """
    import numpy as np

    # NumPy promises that this generator's streams never change, which newer ones' may.
    draws = np.random.RandomState(seed)
    for layer in layers:
        (kernel,) = layer.get_weights()
        # A depthwise unit sees one channel, and its kernel has the channels where others have
        # their inputs.
        depthwise = type(layer).__name__ == "DepthwiseConv2D"
        inputs = math.prod(kernel.shape[:2] if depthwise else kernel.shape[:-1])
        limit = math.sqrt(6.0 / inputs)
        layer.set_weights([draws.uniform(-limit, limit, kernel.shape).astype(np.float32)])


def _file(request: WeightsRequest) -> Path:
    return request.folder / f"{inception.NAME}-random-he_uniform-{SEED}.weights.h5"
