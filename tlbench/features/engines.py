"""Engines: what runs a frozen backbone on batches of pixels."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import PluginError
from tlbench.quiet import quiet_framework
from tlbench.specs import BackboneSpec, Preprocessing

BATCH = 16
"""Every batch has this many rows, the last one padded, so that a row's features never depend on
how many radiographs happened to be missing from the cache."""


class Engine(Protocol):
    """What runs a backbone on whole batches."""

    def __call__(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return features (BATCH, d) of pixels (BATCH, rows, columns) or (..., 3)."""
        ...


def engine_key(spec: BackboneSpec) -> dict[str, str]:
    """Return name, version and precision of the engine that runs `spec`, without loading it."""
    if spec.framework == "python":
        return {"name": "python", "version": "1", "precision": "float32"}
    versions = "/".join(importlib.metadata.version(name) for name in ("tensorflow", "keras"))
    return {"name": "tensorflow", "version": versions, "precision": "float32"}


def load_engine(spec: BackboneSpec, preprocessing: Preprocessing, file: Path | None) -> Engine:
    """Load the backbone with its weights and return what runs it."""
    if spec.framework == "python":
        engine: Engine = spec.load(file)
        if not callable(engine):
            raise PluginError(
                f'`load` of backbone "{spec.name}" returned {type(engine).__name__} instead of a '
                "function",
                "see `BackboneSpec.load` in plugins/README.md",
            )
        return engine
    with quiet_framework():
        return _TensorFlowEngine(spec.load(file), preprocessing)


class _TensorFlowEngine:
    """Scales, triples grey channels and runs a Keras model in one TensorFlow graph."""

    def __init__(self, model: Any, preprocessing: Preprocessing) -> None:
        self._model = model
        self._preprocessing = preprocessing
        self._graphs: dict[tuple[str, int], Any] = {}

    def __call__(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        kind = (pixels.dtype.name, pixels.ndim)
        if kind not in self._graphs:
            with quiet_framework():
                self._graphs[kind] = self._trace(pixels)
        import tensorflow as tf

        return np.asarray(self._graphs[kind](tf.constant(pixels)), dtype=np.float32)

    def _trace(self, pixels: NDArray[Any]) -> Any:
        import tensorflow as tf

        rule = self._preprocessing
        white = float(np.iinfo(pixels.dtype).max)
        low, high = rule.scale

        def extract(batch: Any) -> Any:
            images = tf.cast(batch, tf.float32) * ((high - low) / white) + low
            if pixels.ndim == 3:
                images = tf.repeat(images[..., None], 3, axis=-1)
            elif rule.channels == "bgr":
                images = images[..., ::-1]
            if any(rule.mean) or rule.std != (1.0, 1.0, 1.0):
                images = (images - tf.constant(rule.mean)) / tf.constant(rule.std)
            return self._model(images, training=False)

        spec = tf.TensorSpec((BATCH, *pixels.shape[1:]), pixels.dtype)
        return tf.function(extract, input_signature=[spec])
