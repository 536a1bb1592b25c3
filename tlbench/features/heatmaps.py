"""Heat maps: which places of a radiograph speak for a fracture, as a backbone sees it.

Where features are averages over places and the top layer is linear in them, the map is exact (the
class activation map, Zhou et al. 2016, doi:10.1109/CVPR.2016.319): its mean is the margin of the
score. Elsewhere it is Grad-CAM (Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tlbench.containment import HINT, reason_of
from tlbench.errors import EngineError
from tlbench.features.engines.base import BATCH, Kind, Network, version_of
from tlbench.features.engines.tensorflow_engine import trace
from tlbench.features.extract import PixelStore, Radiographs, make_batches, row_key
from tlbench.features.linear_top import LinearTop
from tlbench.features.rows import RowStore
from tlbench.features.spaces import explain, hold
from tlbench.images import pixels_version
from tlbench.preparation import order_steps
from tlbench.progress import Progress
from tlbench.quiet import quiet_framework
from tlbench.specs import BackboneSpec

Method = Literal["exact", "gradient"]
_VERSION = 1
"""Raised when the same network and top layer give another map."""
_AS_IS = "as is"
_PASSING = ("Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "Identity")
"""Layers that do nothing outside training."""


@dataclass(frozen=True)
class HeatMaps:
    """Maps (rows, columns), float32, by the SHA-256 of the image.

    "exact": the margin (log odds of the score) that a radiograph would have if it looked like this
    place all over; their mean is the radiograph's own margin. "gradient": Grad-CAM, 0 or more, in
    no unit.
    """

    method: Method
    maps: Mapping[str, NDArray[np.float32]]


def require_keras(spec: BackboneSpec) -> None:
    """Raise `EngineError` for a backbone that can't be looked into."""
    if spec.framework != "keras":
        raise EngineError(f'backbone "{spec.name}" is no network of Keras')


def make_heatmaps(
    network: Network,
    top: LinearTop,
    files: Mapping[str, Path],
    preparation: Sequence[str],
    progress: Progress,
) -> HeatMaps:
    """Return the maps of `files`, by SHA-256, made with TensorFlow where they are not cached.

    A file that can't be read is left out. Raises `EngineError` where the network is none of Keras,
    has no layer with rows and columns, or can't be run, and whatever loading it raises.
    """
    require_keras(network.spec)
    about = _describe(network, preparation)
    digest = sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
    cached = _Cached(network.cache / "heatmaps" / digest, top, progress)
    explain(cached.folder, about)
    if cached.missing(files):
        with hold(cached.folder, lambda: progress.say("waiting for a run that makes these maps")):
            absent = cached.missing(files)
            if absent:
                _make(network, top, absent, preparation, progress, cached)
    return cached.read(files)


def _describe(network: Network, preparation: Sequence[str]) -> dict[str, Any]:
    """All that decides a map beside the image and the top layer."""
    spec = network.spec
    return {
        "backbone": spec.name,
        "backbone_version": spec.version,
        "plugin_sha256": network.plugin_sha256,
        "weights_sha256": network.weights_sha256,
        "layer": spec.layer,
        "preprocessing": asdict(network.preprocessing),
        "preparation": order_steps(preparation),
        "pixels": pixels_version(),
        "tensorflow": version_of("tensorflow"),
        "maps": _VERSION,
    }


@dataclass
class _Cached:
    """Maps on disk, in a folder that is named after their method and shape."""

    folder: Path
    top: LinearTop
    progress: Progress

    def _key(self, digest: str) -> bytes:
        return row_key((digest, self.top.digest))

    def _open(self) -> tuple[Method, RowStore] | None:
        for folder in sorted(self.folder.glob("*-*x*")):
            method, _, shape = folder.name.partition("-")
            rows, _, columns = shape.partition("x")
            if method in ("exact", "gradient") and rows.isdigit() and columns.isdigit():
                return cast("Method", method), self.store(folder, (int(rows), int(columns)))
        return None

    def store(self, folder: Path, shape: tuple[int, int]) -> RowStore:
        return RowStore(folder, shape, "<f4", self.progress.say)

    def missing(self, files: Mapping[str, Path]) -> dict[str, Path]:
        """Return the files whose map is not there, or was and is damaged."""
        opened = self._open()
        if opened is None:
            return dict(files)
        absent = set(opened[1].missing([self._key(digest) for digest in files]))
        return {digest: file for digest, file in files.items() if self._key(digest) in absent}

    def add(self, method: Method, maps: Mapping[str, NDArray[np.float32]]) -> None:
        rows, columns = next(iter(maps.values())).shape
        store = self.store(self.folder / f"{method}-{rows}x{columns}", (rows, columns))
        for digest, each in maps.items():
            store.add(self._key(digest), each)
        store.flush()

    def read(self, files: Mapping[str, Path]) -> HeatMaps:
        opened = self._open()
        if opened is None:  # not one file could be read
            return HeatMaps("exact", {})
        method, store = opened
        absent = set(store.missing([self._key(digest) for digest in files]))
        there = [digest for digest in files if self._key(digest) not in absent]
        rows = store.read([self._key(digest) for digest in there])
        return HeatMaps(method, dict(zip(there, rows, strict=True)))


def _make(
    network: Network,
    top: LinearTop,
    files: Mapping[str, Path],
    preparation: Sequence[str],
    progress: Progress,
    cached: _Cached,
) -> None:
    pixels = PixelStore(network.cache, network.preprocessing.size, progress, preparation)
    radiographs = Radiographs(files, pixels, skip_unreadable=True)
    progress.say(f"loading {network.spec.name} for heat maps")
    with quiet_framework():
        model = network.spec.load(network.weights)
        method, mapper = _mapper(model, top, network.spec.name)
    graphs: dict[Kind, Any] = {}
    made: dict[str, NDArray[np.float32]] = {}
    wanted = [(digest, _AS_IS) for digest in sorted(files)]
    with progress.task("making heat maps", len(files), "images") as advance:
        for names, rows in make_batches(wanted, radiographs):
            padding = [(0, BATCH - len(rows))] + [(0, 0)] * (rows.ndim - 1)
            maps = _run(network, mapper, graphs, np.pad(rows, padding))
            made |= {digest: each for (digest, _), each in zip(names, maps, strict=False)}
            advance(len(names))
    pixels.flush()
    if made:
        cached.add(method, made)


def _run(
    network: Network, mapper: Any, graphs: dict[Kind, Any], batch: NDArray[Any]
) -> NDArray[np.float32]:
    import tensorflow as tf

    kind = Kind.of(batch)
    try:
        with quiet_framework():
            if kind not in graphs:
                graphs[kind] = trace(mapper, network.preprocessing, kind)
            maps = np.asarray(graphs[kind](tf.constant(batch)))
    except Exception as error:
        raise EngineError(
            f'heat maps of backbone "{network.spec.name}" can\'t be made: {reason_of(error)}', HINT
        ) from error
    if not np.isfinite(maps).all():
        raise EngineError(
            f'heat maps of backbone "{network.spec.name}" are not finite numbers', HINT
        )
    return maps


def _mapper(model: Any, top: LinearTop, name: str) -> tuple[Method, Callable[..., Any]]:
    """Return how maps come about and a function from images to maps (n, rows, columns)."""
    size = int(model.outputs[0].shape[-1]) if hasattr(model, "outputs") else len(top.weights)
    if size != len(top.weights):
        raise EngineError(
            f'backbone "{name}" has {size} features and the top layer takes {len(top.weights)}',
            "the plugin has changed since the run; run it anew with --force",
        )
    averaged = _averaged(model)
    if averaged is not None:
        return "exact", _exact(model, averaged, top)
    layer = _last_with_places(model)
    if layer is None:
        raise EngineError(f'backbone "{name}" has no layer with rows and columns to make a map of')
    return "gradient", _gradient(model, layer, top)


def _exact(model: Any, averaged: Any, top: LinearTop) -> Callable[..., Any]:
    import keras
    import tensorflow as tf

    places = keras.Model(model.inputs, averaged)
    weights = tf.constant(top.weights, tf.float64)

    def call(images: Any, training: bool = False) -> Any:
        features = tf.cast(places(images, training=training), tf.float64)
        return tf.tensordot(features, weights, 1) + top.bias

    return call


def _gradient(model: Any, layer: Any, top: LinearTop) -> Callable[..., Any]:
    import keras
    import tensorflow as tf

    both = keras.Model(model.inputs, [layer, model.outputs[0]])
    weights = tf.constant(top.weights, tf.float32)

    def call(images: Any, training: bool = False) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)  # the network is frozen: nothing else would be followed
            places, features = both(images, training=training)
            margins = tf.tensordot(features, weights, 1)
        importance = tf.reduce_mean(tape.gradient(margins, places), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(importance * places, axis=-1))

    return call


def _averaged(model: Any) -> Any:
    """Return the tensor (n, rows, columns, d) whose averages over places are the features, or None.

    Nothing may stand between the averages and the features but layers that do nothing here.
    """
    import keras

    if not hasattr(model, "outputs"):
        return None
    tensor = model.outputs[0]
    for layer in reversed(model.layers):
        if _tensor(layer, "output") is not tensor:
            continue
        below = _tensor(layer, "input")
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return below if layer.data_format == "channels_last" else None
        if type(layer).__name__ not in _PASSING and not _only_reshapes(layer, below):
            return None
        tensor = below
    return None


def _only_reshapes(layer: Any, below: Any) -> bool:
    """Tell whether a layer only drops rows and columns of which there is one."""
    if type(layer).__name__ not in ("Flatten", "Reshape") or below is None:
        return False
    return all(side == 1 for side in below.shape[1:-1])


def _last_with_places(model: Any) -> Any:
    """Return the output (n, rows, columns, d) of the last layer that has several places, or None.

    It has to be on the way to the features; in a chain every layer is, and where branches meet the
    layer after them is.
    """
    for layer in reversed(getattr(model, "layers", ())):
        tensor = _tensor(layer, "output")
        if any(tensor is each for each in model.inputs):
            continue
        places = getattr(tensor, "shape", ())[1:-1]
        if len(places) == 2 and all(places) and max(places) > 1:
            return tensor
    return None


def _tensor(layer: Any, side: str) -> Any:
    """The one input or output of a layer, or None where it has none or several."""
    try:
        tensor = getattr(layer, side)
    except (AttributeError, ValueError):
        return None
    return None if isinstance(tensor, (list, tuple, dict)) else tensor
