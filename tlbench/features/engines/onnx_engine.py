"""ONNX Runtime: runs what TensorFlow traced, for machines where OpenVINO has no build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.features.engines.base import Features, Kind, Network, Pixels
from tlbench.features.engines.graphs import GraphCache

_OPSET = 17


class OnnxEngine:
    """Runs batches one after the other, on all cores."""

    def __init__(self, network: Network) -> None:
        self._graphs = GraphCache(network, "onnxruntime")
        self._sessions: dict[Kind, Any] = {}

    def run(self, batches: Iterable[Pixels]) -> Iterator[Features]:
        """Yield the features of each batch, in order."""
        for pixels in batches:
            kind = Kind.of(pixels)
            if kind not in self._sessions:
                self._sessions[kind] = self._open(kind)
            session = self._sessions[kind]
            (features,) = session.run(None, {session.get_inputs()[0].name: pixels})
            yield np.asarray(features, dtype=np.float32)

    def _open(self, kind: Kind) -> Any:
        file = self._graphs.find(kind, "model.onnx", _export)
        import onnxruntime

        try:
            return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        except Exception as error:  # whatever the runtime raises, it can't run this network
            self._graphs.fail(error)


def _export(function: Any, file: Path) -> None:
    import tf2onnx

    tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=_OPSET, output_path=str(file)
    )
