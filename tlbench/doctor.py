"""What this machine can do: engines, weights, disk, cache, plugins; and how fast each engine is."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.datasets.table import Table
from tlbench.drift import Drift, least_cosine, measure_drift
from tlbench.errors import EngineError, WeightsError
from tlbench.features.calibration import calibrate
from tlbench.features.engines.base import (
    BATCH,
    PACKAGES,
    Calibration,
    Engine,
    Features,
    Network,
    Pixels,
)
from tlbench.features.engines.base import version_of as engine_version
from tlbench.features.engines.choose import (
    best_engine,
    choose_engine,
    has_bfloat16,
    has_gpu,
    load_engine,
    processor_features,
    quantiser_version,
)
from tlbench.features.engines.quantise import RECIPE
from tlbench.features.extract import (
    FeatureSpace,
    FeatureStore,
    PixelStore,
    Radiographs,
    extract_features,
)
from tlbench.features.spaces import list_spaces
from tlbench.plugins import PluginHost
from tlbench.progress import Progress
from tlbench.streams import stream
from tlbench.weights import choose_weights, is_here, weights_request

_TELLING = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "bf16",
    "asimd",
)
ROUNDS = 3
_BATCHES = 3


def examine(host: PluginHost, cache: Path) -> dict[str, Any]:
    """Return what this machine can do; nothing heavy is imported and nothing fetched."""
    found = processor_features()
    best = best_engine()
    spaces = list_spaces(cache)
    existing = next(p for p in (cache, *cache.parents) if p.exists())
    return {
        "engines": [
            {"engine": name, "version": engine_version(name), "auto": name == best}
            for name in PACKAGES
        ],
        "precision": "bfloat16" if best == "openvino" and has_bfloat16() else "float32",
        "int8": quantiser_version() if engine_version("openvino") else None,
        "gpu": has_gpu(),
        "cores": os.cpu_count(),
        "processor_features": [name for name in _TELLING if name in found],
        "weights_here": {o.spec.name: _weights_here(o.spec, cache) for o in host.backbones},
        "cache": {
            "folder": str(cache),
            "size": sum(space.size for space in spaces),
            "free": shutil.disk_usage(existing).free,
        },
        "plugins": [
            {"plugin": p.source.plugin, "origin": p.source.origin, "problem": p.problem}
            for p in host.plugins
        ],
    }


@dataclass(frozen=True)
class Measured:
    """How fast an engine was on preloaded batches, and how far its features are from the first's.

    `rate` is the median over rounds, in images a second; `least_cosine` is over all rows.
    """

    engine: str
    precision: str
    rate: float
    least_cosine: float

    @property
    def name(self) -> str:
        """Engine and precision."""
        return f"{self.engine} {self.precision}"


def measure_engines(
    network: Network, batches: Sequence[Pixels], precisions: Sequence[str] = ("float32",)
) -> list[Measured]:
    """Run every engine installed here over the same batches, in turns, after one warm-up.

    The first is TensorFlow in float32, to which features are compared. An engine that can't run
    `network` is left out, and said. int8 is calibrated on the batches themselves.
    """
    calibration = Calibration(_digest(batches), lambda _kind: list(batches))
    network = replace(network, calibration=calibration)
    engines: dict[tuple[str, str], tuple[Engine, Features]] = {}
    for name, precision in _candidates(precisions):
        try:
            chosen = choose_engine(network, name, precision)
            engine = load_engine(network, replace(chosen, calibration=calibration.digest))
            engines[name, precision] = engine, np.concatenate(list(engine.run(batches)))
        except EngineError as error:
            network.say(error.message)
    times: dict[tuple[str, str], list[float]] = {key: [] for key in engines}
    for _ in range(ROUNDS):
        for key, (engine, _features) in engines.items():
            began = time.perf_counter()
            rows = sum(len(features) for features in engine.run(batches))
            times[key].append(rows / (time.perf_counter() - began))
    reference = next(iter(engines.values()))[1]
    return [
        Measured(*key, float(np.median(times[key])), least_cosine(features, reference))
        for key, (_engine, features) in engines.items()
    ]


def measure_drifts(
    network: Network,
    table: Table,
    cache: Path,
    progress: Progress,
    precisions: Sequence[str] = ("float32",),
) -> dict[tuple[str, str], Drift]:
    """Return how far each engine and precision is from TensorFlow in float32 on radiographs.

    Features that runs have left in the cache are used, and those made here are left to runs.
    """
    wanted = [(digest, "as is") for digest in table.digests]
    pixels = PixelStore(cache, network.preprocessing.size, progress)
    found: dict[tuple[str, str], Features] = {}
    for name, precision in _candidates(precisions):
        progress.say(f"{name} {precision}: features of {len(table):,} radiographs")
        try:
            key = choose_engine(network, name, precision)
            calibrated, key = calibrate(network, key, table.files, pixels)
            store = FeatureStore(cache, FeatureSpace.of(calibrated, key), progress)
            load = partial(load_engine, calibrated, key)
            radiographs = Radiographs(table.files, pixels)
            extract_features(wanted, radiographs, store, load, progress, network.spec)
        except EngineError as error:
            network.say(error.message)
            continue
        found[name, precision] = store.read(wanted)
    reference = next(iter(found.values()))
    return {
        key: measure_drift(features, reference, table.labels, table.groups)
        for key, features in found.items()
    }


def find_network(host: PluginHost, name: str | None, cache: Path, progress: Progress) -> Network:
    """Return the backbone called `name`, or the first of Keras's, with weights that are here."""
    for offer in host.backbones:
        spec = offer.spec
        if spec.framework == "python" or (name and spec.name != name):
            continue
        for weights in _weights_here(spec, cache):
            chosen = choose_weights(spec, weights, cache, offline=True, progress=progress)
            return Network(
                spec,
                chosen.preprocessing,
                chosen.file,
                chosen.sha256,
                offer.source.digest,
                cache,
                progress.say,
            )
    raise WeightsError(
        "no backbone of Keras has its weights on this machine", "run one first, e.g. on `demo`"
    )


def make_batches(network: Network, number: int = _BATCHES) -> list[Pixels]:
    """Return batches of smooth grey noise: how long a network takes depends on their size alone."""
    if network.preprocessing.size is None:
        raise ValueError("whole radiographs have no size of their own")
    rows, columns = network.preprocessing.size
    coarse = stream(0, "doctor").integers(0, 256, (number, BATCH, rows // 8 + 1, columns // 8 + 1))
    fine = coarse.repeat(8, axis=2).repeat(8, axis=3)[..., :rows, :columns]
    return list(np.ascontiguousarray(fine, dtype=np.uint8))


def _digest(batches: Sequence[Pixels]) -> str:
    whole = sha256(RECIPE.encode())
    for batch in batches:
        whole.update(batch.tobytes())
    return whole.hexdigest()[:32]


def _candidates(precisions: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        if engine_version(name) is not None:
            yield from ((name, p) for p in precisions if p == "float32" or name == "openvino")


def _weights_here(spec: Any, cache: Path) -> list[str]:
    request = weights_request(spec, cache, True, Progress())
    return [weights.name for weights in spec.weights if is_here(weights, request)]
