"""The same networks with weights that were never trained."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tlbench.specs import WeightsRequest
from tlbench_keras.random_weights import draw
from tlbench_keras.weights_files import looks_like_hdf5, save_weights
from tlbench_torch_weights import networks
from tlbench_torch_weights.networks import Architecture


@dataclass(frozen=True)
class RandomWeights:
    """Kernels of an architecture, drawn from a seed that its name gives."""

    architecture: Architecture

    @property
    def seed(self) -> int:
        """The seed: the same on every machine, another for every architecture."""
        name = f"tlbench/{self.architecture.name}/random"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")

    def find(self, request: WeightsRequest) -> Path | None:
        """Return the weights file if it has been made already."""
        file = self._file(request)
        return file if looks_like_hdf5(file) else None

    def obtain(self, request: WeightsRequest) -> Path:
        """Return the weights file, making it first if need be; no network is used.

        Raises `WeightsError` if the folder can't be written.
        """
        found = self.find(request)
        if found is not None:
            return found
        request.say("drawing random weights (once)")
        network = networks.build(self.architecture)
        draw((layer for layer in network.layers if "Conv2D" in type(layer).__name__), self.seed)
        return save_weights(network, self._file(request))

    def _file(self, request: WeightsRequest) -> Path:
        name = f"{self.architecture.name}-random-he_uniform-{self.seed}.weights.h5"
        return request.folder / name
