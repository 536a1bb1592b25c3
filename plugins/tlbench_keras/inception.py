"""Inception v3 as a frozen feature extractor, built by Keras.

Importing this module is light; Keras is imported when a network is built.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tlbench.errors import WeightsError
from tlbench.quiet import quiet_framework

NAME = "inception_v3"
SIZE = (299, 299)
FEATURE_SIZE = 2048
PARAMETERS = 21_802_784
CONVOLUTIONS = 94
LAYERS = {
    "mixed0": 256,
    "mixed1": 288,
    "mixed2": 288,
    "mixed3": 768,
    "mixed4": 768,
    "mixed5": 768,
    "mixed6": 768,
    "mixed7": 768,
    "mixed8": 1280,
    "mixed9": 2048,
}
"""Ends of the blocks before the last one, and their channels."""


def load(file: Path | None) -> Any:
    """Return the frozen network with the weights in `file`, a Keras weights file without top.

    The `keras.Model` maps float images (n, 299, 299, 3), scaled as the weights' preprocessing
    says, to features (n, 2048), the average-pooled last layer. Nothing is downloaded. Raises
    `WeightsError` if the file is missing, no HDF5 file, or of another architecture.
    Source: Szegedy et al. 2016, doi 10.1109/CVPR.2016.308, as in `keras.applications`.
    """
    from tlbench_keras.weights_files import check_weights_file, load_weights

    if file is None:
        raise WeightsError(
            f'backbone "{NAME}" needs a weights file, and none was given',
            "choose one of its weights by name, or give a file with --weights FILE",
        )
    check_weights_file(file)
    network = build()
    load_weights(network, file, what="Inception v3 without its top layer")
    # Frozen only now: freezing changes the order in which Keras matches legacy files.
    network.trainable = False
    return network


def build() -> Any:
    """Return Inception v3 without top layer, average-pooled, with Keras's initial weights."""
    keras = import_keras()
    if keras.config.image_data_format() != "channels_last":
        raise WeightsError(
            f'Keras is set to image_data_format "{keras.config.image_data_format()}"',
            'set it to "channels_last" in keras.json, in the folder that KERAS_HOME names',
        )
    with quiet_framework():
        return keras.applications.InceptionV3(
            weights=None, include_top=False, pooling="avg", input_shape=(*SIZE, 3)
        )


def import_keras() -> Any:
    """Return the `keras` module, imported without TensorFlow's start-up notes on stderr."""
    with quiet_framework():
        import keras

    return keras


def numbered_layers(network: Any, kind: str) -> list[Any]:
    """Return the network's layers of class `kind`, such as `Conv2D`, in the order of creation.

    Keras numbers layers as it makes them, counting on over all networks of a process, while
    `network.layers` is sorted by depth: only the numbers tell the order in which a network of
    parallel branches was written down.
    """
    layers = [layer for layer in network.layers if type(layer).__name__ == kind]
    return sorted(layers, key=_number)


def _number(layer: Any) -> int:
    found = re.search(r"_(\d+)$", layer.name)
    return int(found.group(1)) if found else 0
