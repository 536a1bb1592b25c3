"""TensorFlow: the reference, and the graph that all other engines export."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tlbench.containment import HINT, reason_of
from tlbench.errors import EngineError
from tlbench.features.engines.base import Features, Kind, Network, Pixels
from tlbench.quiet import quiet_framework
from tlbench.specs import Preprocessing

_AHEAD = 2
_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


class TensorFlowEngine:
    """Runs a Keras model in one TensorFlow graph for each kind of pixels.

    A graphics processor works on a batch while the next one is read: TensorFlow waits for it
    only where the features are taken.
    """

    def __init__(self, network: Network, precision: str) -> None:
        network.say("loading the backbone")
        with quiet_framework(), _layers_of(_POLICIES[precision]):
            self._model = network.spec.load(network.weights)
        self._network = network
        self._graphs: dict[Kind, Any] = {}

    def run(self, batches: Iterable[Pixels]) -> Iterator[Features]:
        """Yield the features of each batch, in order."""
        import tensorflow as tf

        under_way: deque[Any] = deque()
        for pixels in batches:
            kind = Kind.of(pixels)
            if kind not in self._graphs:
                with quiet_framework():
                    preprocessing = self._network.preprocessing
                    self._graphs[kind] = trace(self._model, preprocessing, kind)
            with self._naming_failures():
                under_way.append(self._graphs[kind](tf.constant(pixels)))
            if len(under_way) == _AHEAD:
                yield self._take(under_way)
        while under_way:
            yield self._take(under_way)

    def _take(self, under_way: deque[Any]) -> Features:
        with self._naming_failures():
            return np.asarray(under_way.popleft())

    @contextmanager
    def _naming_failures(self) -> Iterator[None]:
        """Say whose network it is that TensorFlow can't run, or that fails by itself."""
        spec, plugin = self._network.spec, self._network.plugin
        try:
            yield
        except (Exception, SystemExit) as error:
            words = f'backbone "{spec.name}"' + (f" of {plugin}" if plugin else "")
            raise EngineError(
                f'engine "tensorflow" can\'t run {words}: {reason_of(error)}', HINT
            ) from error


@contextmanager
def _layers_of(policy: str) -> Iterator[None]:
    """Let Keras build layers that calculate as `policy` says, if it is not the usual one."""
    if policy == "float32":
        yield
        return
    import keras

    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(usual)


def trace(model: Any, preprocessing: Preprocessing, kind: Kind) -> Any:
    """Return a `tf.function` from pixels of `kind` to features: scaling is part of the graph."""
    import tensorflow as tf

    white = float(np.iinfo(kind.dtype).max)
    low, high = preprocessing.scale

    def extract(pixels: Any) -> Any:
        images = tf.cast(pixels, tf.float32) * ((high - low) / white) + low
        if len(kind.shape) == 3:
            images = tf.repeat(images[..., None], 3, axis=-1)
        elif preprocessing.channels == "bgr":
            images = images[..., ::-1]
        if any(preprocessing.mean) or preprocessing.std != (1.0, 1.0, 1.0):
            images = (images - tf.constant(preprocessing.mean)) / tf.constant(preprocessing.std)
        return tf.cast(model(images, training=False), tf.float32)

    spec = tf.TensorSpec(kind.shape, kind.dtype, name="pixels")
    return tf.function(extract, input_signature=[spec])
