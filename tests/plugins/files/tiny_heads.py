"""Small networks of Keras that differ in what comes after the last layer with places."""

import numpy as np

from tlbench import BackboneSpec, Preprocessing, hookimpl


def body(keras):
    images = keras.Input((24, 32, 3))
    out = keras.layers.Conv2D(8, 5, strides=2, activation="relu")(images)
    return images, keras.layers.Conv2D(6, 3, activation="relu")(out)


def load_averaged(_weights_file):
    import keras

    images, out = body(keras)
    out = keras.layers.GlobalAveragePooling2D(keepdims=True)(out)
    out = keras.layers.Dropout(0.5)(keras.layers.Flatten()(out))
    return filled(keras.Model(images, out))


def load_projected(_weights_file):
    """The same features, by way of a layer that could have been any other."""
    import keras

    images, out = body(keras)
    out = keras.layers.GlobalAveragePooling2D()(out)
    model = filled(keras.Model(images, keras.layers.Dense(6, use_bias=False)(out)))
    model.layers[-1].set_weights([np.eye(6)])
    return model


def load_flat(_weights_file):
    import keras

    images = keras.Input((24, 32, 3))
    return filled(keras.Model(images, keras.layers.Dense(6)(keras.layers.Flatten()(images))))


def filled(model):
    draws = np.random.RandomState(3)
    for layer in model.layers:
        layer.set_weights([draws.normal(0.0, 0.2, w.shape) for w in layer.get_weights()])
    model.trainable = False
    return model


@hookimpl
def tlbench_register_backbones():
    rule = Preprocessing((24, 32), (-1.0, 1.0))
    loads = {"averaged": load_averaged, "projected": load_projected, "flat": load_flat}
    return [
        BackboneSpec(name, f"a small network, {name}", 6, rule, load, framework="keras")
        for name, load in loads.items()
    ]
