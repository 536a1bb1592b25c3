"""A small network of Keras, for tests of what every backbone of Keras gets."""

import os

import numpy as np

from tlbench import BackboneSpec, Preprocessing, hookimpl


def load(_weights_file):
    if os.environ.get("TINY_KERAS_MUST_NOT_LOAD"):
        raise AssertionError("the network was loaded although its graph is cached")
    import keras

    images = keras.Input((32, 32, 3))
    out = keras.layers.Conv2D(16, 5, strides=2, activation="relu")(images)
    out = keras.layers.BatchNormalization()(out)
    out = keras.layers.Conv2D(24, 3, activation="relu")(out)
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(out))
    draws = np.random.RandomState(7)
    for layer in model.layers:
        layer.set_weights([draws.uniform(0.1, 0.5, w.shape) for w in layer.get_weights()])
    return model


@hookimpl
def tlbench_register_backbones():
    rule = Preprocessing(
        (32, 32), (0.0, 1.0), mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3), channels="bgr"
    )
    return [BackboneSpec("tiny", "a tiny network", 24, rule, load, framework="keras")]
