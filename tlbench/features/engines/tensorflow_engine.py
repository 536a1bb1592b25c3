"""TensorFlow: the reference, and the graph that all other engines export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tlbench.features.engines.base import Features, Kind, Network, Pixels
from tlbench.quiet import quiet_framework
from tlbench.specs import Preprocessing


class TensorFlowEngine:
    """Runs a Keras model in one TensorFlow graph for each kind of pixels."""

    def __init__(self, network: Network) -> None:
        network.say("loading the backbone")
        with quiet_framework():
            self._model = network.spec.load(network.weights)
        self._preprocessing = network.preprocessing
        self._graphs: dict[Kind, Any] = {}

    def run(self, batches: Iterable[Pixels]) -> Iterator[Features]:
        """Yield the features of each batch, in order."""
        import tensorflow as tf

        for pixels in batches:
            kind = Kind.of(pixels)
            if kind not in self._graphs:
                with quiet_framework():
                    self._graphs[kind] = trace(self._model, self._preprocessing, kind)
            yield np.asarray(self._graphs[kind](tf.constant(pixels)), dtype=np.float32)


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
        return model(images, training=False)

    spec = tf.TensorSpec(kind.shape, kind.dtype, name="pixels")
    return tf.function(extract, input_signature=[spec])
