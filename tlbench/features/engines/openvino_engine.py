"""OpenVINO: the fastest engine on processors; it runs what TensorFlow traced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.features.engines.base import EngineKey, Features, Kind, Network, Pixels
from tlbench.features.engines.graphs import GraphCache
from tlbench.features.engines.intel import import_openvino
from tlbench.features.engines.quantise import find_quantised, int8_error

_JOBS = 4
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""What OpenVINO may calculate in; of int8, which stands in the graph, it is for the rest."""


class OpenVinoEngine:
    """Feeds an infer request for each of a few batches under way, on one stream a core.

    Results are the same bits whatever the number of streams and requests.
    """

    def __init__(self, network: Network, key: EngineKey) -> None:
        self._network, self._key = network, key
        self._graphs = GraphCache(network, "openvino")
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
        if self._key.precision == "int8":
            file = find_quantised(self._graphs, self._network, self._key, kind, file)
        hint = _PRECISIONS[self._key.precision]
        try:
            core = openvino.Core()
            compiled = core.compile_model(
                core.read_model(file),
                "CPU",
                {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": hint},
            )
            return [compiled.create_infer_request() for _ in range(_JOBS)]
        except Exception as error:  # whatever the compiler raises, it can't run this network
            if self._key.precision == "int8":  # which says nothing of other precisions
                raise int8_error(self._network, error) from error
            self._graphs.fail(error)


def _export(function: Any, file: Path) -> None:
    openvino = import_openvino()
    model = openvino.convert_model(function.get_concrete_function())
    openvino.save_model(model, file, compress_to_fp16=False)
