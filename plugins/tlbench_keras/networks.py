"""Networks of Keras Applications as frozen feature extractors.

Importing this module is light; Keras is imported when a network is built.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tlbench.errors import WeightsError
from tlbench.quiet import quiet_framework
from tlbench_keras.applications import Application


def load(application: Application, file: Path | None) -> Any:
    """Return the frozen network with the weights in `file`, a Keras weights file without top.

    The `keras.Model` maps float images (n, size, size, 3), scaled as the weights' preprocessing
    says, to features (n, feature_size), the average-pooled last layer. Nothing is downloaded.
    Raises `WeightsError` if the file is missing, no HDF5 file, or of another architecture.
    """
    return load_frozen(application.name, application.title, lambda: build(application), file)


def load_frozen(name: str, title: str, make: Callable[[], Any], file: Path | None) -> Any:
    """Return the network that `make` builds, frozen, with the weights in `file`; see `load`."""
    from tlbench_keras.weights_files import check_weights_file, load_weights

    if file is None:
        raise WeightsError(
            f'backbone "{name}" needs a weights file, and none was given',
            "choose one of its weights by name, or give a file with --weights FILE",
        )
    check_weights_file(file)
    network = make()
    load_weights(network, file, what=f"{title} without its top layer")
    # Frozen only now: freezing changes the order in which Keras matches legacy files.
    network.trainable = False
    return network


def build(application: Application) -> Any:
    """Return the network without top layer, average-pooled, with Keras's initial weights."""
    keras = import_keras()
    if keras.config.image_data_format() != "channels_last":
        raise WeightsError(
            f'Keras is set to image_data_format "{keras.config.image_data_format()}"',
            'set it to "channels_last" in keras.json, in the folder that KERAS_HOME names',
        )
    with quiet_framework():
        network = getattr(keras.applications, application.function)(
            weights=None,
            include_top=False,
            pooling="avg",
            input_shape=(application.size, application.size, 3),
        )
        insert = _INSERTED.get(application.family.module)
        return keras.models.clone_model(network, call_function=insert) if insert else network


def import_keras() -> Any:
    """Return the `keras` module, imported without TensorFlow's start-up notes on stderr."""
    with quiet_framework():
        import keras

    return keras


def in_order_of_creation(layers: Iterable[Any]) -> list[Any]:
    """Return layers of one network, those that Keras named by itself in the order of creation.

    Keras numbers such layers as it makes them, counting on over all networks of a process, while
    `network.layers` is sorted by depth: only the numbers tell the order in which a network of
    parallel branches was written down. Layers that the network names come first, as they were.
    """
    return sorted(layers, key=lambda layer: (is_numbered(layer), _number(layer)))


def is_numbered(layer: Any) -> bool:
    """Tell whether Keras named the layer by itself, `conv2d_7` or so, and not the network."""
    words = re.sub(r"_\d+$", "", layer.name).replace("_", "")
    return words == type(layer).__name__.lower()


def _number(layer: Any) -> int:
    found = re.search(r"_(\d+)$", layer.name) if is_numbered(layer) else None
    return int(found.group(1)) if found else 0


def _scale_as_published(layer: Any, *inputs: Any, **options: Any) -> Any:
    """Call a layer of EfficientNet as Keras does where it takes ImageNet's weights.

    These were trained with images divided by their variance, and the network's normalisation
    divides by the standard deviation; Keras adds the rest only with `weights="imagenet"`.
    """
    result = layer(*inputs, **options)
    if type(layer).__name__ != "Normalization":
        return result
    scale = [1 / math.sqrt(deviation) for deviation in (0.229, 0.224, 0.225)]
    return import_keras().layers.Rescaling(scale)(result)


def _name_ends_of_stages(layer: Any, *inputs: Any, **options: Any) -> Any:
    """Call a layer of ConvNeXt, naming what goes into it where a stage has ended.

    Stages end in a bare sum, which is no layer of Keras and can't be asked for by name.
    """
    found = re.search(r"_downsampling_block_(\d)$", layer.name)
    if found:
        name = f"stage_{found.group(1)}"
        inputs = (import_keras().layers.Identity(name=name)(inputs[0]), *inputs[1:])
    return layer(*inputs, **options)


_INSERTED = {"efficientnet": _scale_as_published, "convnext": _name_ends_of_stages}
"""How layers are called in networks that lack something; none of it has weights."""
