"""OpenVINO: the fastest engine on processors; it runs what TensorFlow traced."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.features.engines.base import Features, Kind, Network, Pixels
from tlbench.features.engines.graphs import GraphCache

_JOBS = 4
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


def import_openvino() -> Any:
    """Return the module `openvino`, unable to report its use.

    Merely importing it sends an event to its makers, unless the package that does so is missing.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


class OpenVinoEngine:
    """Feeds an infer request for each of a few batches under way, on one stream a core.

    Results are the same bits whatever the number of streams and requests.
    """

    def __init__(self, network: Network, precision: str) -> None:
        self._graphs = GraphCache(network, "openvino")
        self._precision = _PRECISIONS[precision]
        self._idle: dict[Kind, list[Any]] = {}

    def run(self, batches: Iterable[Pixels]) -> Iterator[Features]:
        """Yield the features of each batch, in order, while the next ones are being run."""
        busy: deque[tuple[Kind, Any]] = deque()
        try:
            for pixels in batches:
                kind = Kind.of(pixels)
                if kind not in self._idle:
                    self._idle[kind] = self._compile(kind)
                while not self._idle[kind]:
                    yield self._take(busy)
                request = self._idle[kind].pop()
                request.start_async([np.ascontiguousarray(pixels)], share_inputs=False)
                busy.append((kind, request))
            while busy:
                yield self._take(busy)
        finally:
            # Requests left running would write into memory that is about to go.
            for kind, request in busy:
                request.wait()
                self._idle[kind].append(request)

    def _take(self, busy: deque[tuple[Kind, Any]]) -> Features:
        kind, request = busy.popleft()
        request.wait()
        features = np.array(request.get_output_tensor(0).data, dtype=np.float32)
        self._idle[kind].append(request)
        return features

    def _compile(self, kind: Kind) -> list[Any]:
        file = self._graphs.find(kind, "model.xml", _export)
        openvino = import_openvino()
        try:
            core = openvino.Core()
            compiled = core.compile_model(
                core.read_model(file),
                "CPU",
                {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": self._precision},
            )
            return [compiled.create_infer_request() for _ in range(_JOBS)]
        except Exception as error:  # whatever the compiler raises, it can't run this network
            self._graphs.fail(error)


def _export(function: Any, file: Path) -> None:
    openvino = import_openvino()
    model = openvino.convert_model(function.get_concrete_function())
    openvino.save_model(model, file, compress_to_fp16=False)
