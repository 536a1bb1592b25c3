"""Small networks that know their input scale, and what authors do wrong with them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

from tlbench.specs import BackboneSpec, Preprocessing, WeightsRequest, WeightsSpec
from tlbench.testing.pictures import MEAN, SD
from tlbench.testing.scale import scaled

SIZE = (64, 64)


def _obtain(request: WeightsRequest) -> Path:
    request.folder.mkdir(parents=True, exist_ok=True)
    file = request.folder / "weights"
    file.write_bytes(b"weights")
    return file


WEIGHTS = WeightsSpec("trained", "trained", "photographs", "none", _obtain, _obtain, None)


@lru_cache
def photographs() -> np.ndarray:
    """Other photographs than the kit's, with colours that average to those of ImageNet."""
    parts = []
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        image = Image.fromarray(getattr(skimage.data, name)()[..., :3])
        parts.append(np.asarray(image.resize((256, 256))))
    values = np.stack(parts).astype(np.float32)
    values = (values - values.mean((0, 1, 2))) / values.std((0, 1, 2)) * np.array(SD)
    pixels = ((values + np.array(MEAN)).clip(0, 1) * 255).round().astype(np.uint8)
    return np.concatenate([pixels[:, r : r + 64, c : c + 64] for r in (0, 96) for c in (0, 96)])


def network(rule: Preprocessing, *, rescaling: Any = None, normalised: bool = True) -> Any:
    """A network whose layers are fitted to photographs scaled by `rule`, as training would."""
    import keras

    draws = np.random.default_rng(0)
    inputs = keras.Input((*SIZE, 3))
    x = inputs if rescaling is None else rescaling(inputs)
    first = keras.layers.Conv2D(16, 3, strides=2, use_bias=not normalised)
    x = first(x)
    norm = keras.layers.BatchNormalization() if normalised else None
    x = keras.layers.ReLU()(norm(x) if norm else x)
    second = keras.layers.Conv2D(24, 3, strides=2)
    x = keras.layers.ReLU()(second(x))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    kernel = draws.normal(size=first.kernel.shape)
    first.kernel.assign(kernel)
    # What reaches the end of the first convolution where the input is on its scale:
    before = keras.Model(inputs, first.output)
    photos = scaled(photographs(), rule)
    values = before.predict_on_batch(photos).reshape(-1, 16)
    if norm:
        norm.moving_mean.assign(values.mean(axis=0))
        norm.moving_variance.assign(values.var(axis=0))
    else:
        scale = values.std(axis=0)
        first.kernel.assign(kernel / scale)
        first.bias.assign(draws.normal(size=16) - values.mean(axis=0) / scale)
    second.kernel.assign(draws.normal(size=second.kernel.shape) / 12)
    second.bias.assign(draws.normal(size=24))
    model.trainable = False
    return model


def keras_backbone(load: Any, rule: Preprocessing, **fields: Any) -> BackboneSpec:
    """A backbone of Keras that declares `rule`."""
    defaults = {
        "name": "small",
        "title": "small",
        "feature_size": 24,
        "preprocessing": rule,
        "load": load,
        "framework": "keras",
        "weights": (WEIGHTS,),
        "reference": "none",
        "licence": "none",
    }
    return BackboneSpec(**(defaults | fields))


def python_backbone(load: Any, **fields: Any) -> BackboneSpec:
    """A backbone in plain Python with all metadata."""
    defaults = {
        "name": "plain",
        "title": "plain",
        "feature_size": 64,
        "preprocessing": Preprocessing(SIZE),
        "load": load,
        "parameters": 0,
        "reference": "none",
        "licence": "none",
    }
    return BackboneSpec(**(defaults | fields))
