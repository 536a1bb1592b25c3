"""Weights that were never trained: what the architecture alone is worth."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tlbench.specs import WeightsRequest
from tlbench_keras import networks
from tlbench_keras.applications import Application
from tlbench_keras.weights_files import looks_like_hdf5, save_weights


def seed_of(application: Application) -> int:
    """Return the seed of a network's random weights: its own, so that no other shifts them."""
    digest = hashlib.sha256(f"tlbench/{application.name}/random".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def find(application: Application, request: WeightsRequest) -> Path | None:
    """Return the weights file if it has been made already."""
    file = _file(application, request)
    return file if looks_like_hdf5(file) else None


def obtain(application: Application, request: WeightsRequest) -> Path:
    """Return the weights file, making it first if need be; no network is used.

    Raises `WeightsError` if the folder can't be written.
    """
    found = find(application, request)
    if found is not None:
        return found
    request.say("drawing random weights (once)")
    network = networks.build(application)
    fill(network, seed_of(application))
    return save_weights(network, _file(application, request))


def fill(network: Any, seed: int) -> None:
    """Draw all kernels of a Keras network, in the order of creation; see `draw`."""
    layers = list(_flat(network))
    draws = draw(networks.in_order_of_creation(layers), seed)
    if {"Add", "BatchNormalization"} <= {type(layer).__name__ for layer in layers}:
        _settle(network, draws)


def draw(layers: Iterable[Any], seed: int) -> Any:
    """Draw the kernels of Keras layers, one after another, from He's uniform distribution.

    Limits are +-sqrt(6 / inputs of a unit) (He et al. 2015, doi 10.1109/ICCV.2015.123), which
    keeps the size of the signal through ReLUs. Batch normalisation stays at its initial values
    and does nothing, so that Keras's own initial kernels would shrink features a thousandfold.

    He's argument ends where branches are added up: each sum is larger than its parts, and some
    dozens of them saturate a ReLU6 or leave float32. There each batch normalisation gets a
    variance, see `_settle`. A layer scale is set to 1, as in a network without: ConvNeXt's initial
    1e-6 would leave nothing of the branches and evaluate four layers instead of the network.
    """
    import numpy as np

    # NumPy promises that this generator's streams never change, which newer ones' may.
    draws = np.random.RandomState(seed)
    for layer in layers:
        for variable in layer.weights:
            if variable.name.endswith("kernel"):
                limit = math.sqrt(6.0 / _inputs_of_a_unit(layer, variable))
                values = draws.uniform(-limit, limit, variable.shape).astype(np.float32)
                variable.assign(values)
        if type(layer).__name__ == "LayerScale":
            layer.gamma.assign(np.ones(layer.gamma.shape, np.float32))
    return draws


def _flat(network: Any) -> Iterator[Any]:
    """Yield the layers of a network that hold no others, in its order."""
    for layer in network.layers:
        if hasattr(layer, "layers"):
            yield from _flat(layer)
        else:
            yield layer


def _inputs_of_a_unit(layer: Any, variable: Any) -> int:
    """Return how many numbers each output of a layer is a sum of."""
    alone = variable.name == "depthwise_kernel" or type(layer).__name__ == "DepthwiseConv2D"
    return math.prod(variable.shape[:2] if alone else variable.shape[:-1])


def _settle(network: Any, draws: Any) -> None:
    """Have each batch normalisation bring what it gets from images of squares to one size.

    That is 1, or 8 in networks with gates (squeeze and excitation, SiLU): near 1, where SiLU is
    curved, small signals would shrink and large ones grow from block to block, and at 8 it is as
    straight as ReLU. A layer gets one variance, a power of two, so that processors that round
    differently still make the same weights; layers are measured with the earlier ones settled.
    """
    import numpy as np

    kinds = {type(layer).__name__ for layer in network.layers}
    low, high = (0.0, 255.0) if "Rescaling" in kinds else (-1.0, 1.0)
    squares = (_squares(draws) * (high - low) + low).astype(np.float32)
    size = 8 if "Multiply" in kinds else 1

    def visit(layer: Any) -> Any:
        if type(layer).__name__ != "BatchNormalization":
            return layer

        def settled(signal: Any, **_options: Any) -> Any:
            found = max(float(np.square(signal).mean()), 2.0**-40) / size**2
            variance = 2.0 ** round(math.log2(found))
            layer.moving_variance.assign(np.full(layer.moving_variance.shape, variance))
            return layer(signal)

        return settled

    # Keras's own way through a network, layer by layer; it has no public name.
    network._run_through_graph(squares, operation_fn=visit)


def _squares(draws: Any) -> Any:
    """Return two grey images, 0..1, of squares of 10 to 80 pixels, one size upon the other."""
    import numpy as np

    image = np.full((2, 160, 160), 0.5, np.float32)
    for count in (2, 4, 8, 16):
        grid = draws.uniform(-0.4, 0.4, (2, count, count))
        image += grid.repeat(160 // count, axis=1).repeat(160 // count, axis=2)
    return np.repeat(image.clip(0, 1)[..., None], 3, axis=3)


def _file(application: Application, request: WeightsRequest) -> Path:
    name = f"{application.name}-random-he_uniform-{seed_of(application)}.weights.h5"
    return request.folder / name
