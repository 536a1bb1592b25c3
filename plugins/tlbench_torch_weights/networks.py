"""EfficientNet-Lite and MobileNetV2 as frozen feature extractors, rebuilt in Keras.

Both are chains of inverted residuals (Sandler et al. 2018, doi 10.1109/CVPR.2018.00474): a block
widens its input by a 1 x 1 convolution, filters each channel by itself, and narrows it again.
They differ in a table of stages, in how borders are padded, and in one constant.

Importing this module is light; Keras is imported when a network is built.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tlbench.quiet import quiet_framework

STEM = 32
FEATURE_SIZE = 1280
LAYERS = ("Conv2D", "DepthwiseConv2D", "BatchNormalization")
"""Kinds of layers that have weights."""


class Stage(NamedTuple):
    """Blocks of one width; the first may halve the image (stride 2)."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


@dataclass(frozen=True)
class Architecture:
    """A chain of inverted residuals: its stages, and what else it takes to compute the same.

    `symmetric` is PyTorch's padding, one row on each side even where the image is halved;
    otherwise it is TensorFlow's "same", which then adds a row at the far side only. `epsilon` is
    batch normalisation's. `parameters` counts those of the network without classifier.
    """

    name: str
    title: str
    size: tuple[int, int]
    stages: tuple[Stage, ...]
    epsilon: float
    symmetric: bool
    parameters: int


def efficientnet_lite(
    number: int, *, width: float, depth: float, size: int, parameters: int
) -> Architecture:
    """Return EfficientNet-Lite `number`, whose stages are those of Lite0 scaled.

    Other than in EfficientNet, stem, head, and the number of blocks of the first and the last
    stage are not scaled, activations are ReLU6, and there is no squeeze-and-excitation.
    """
    stages = [
        Stage(
            blocks if place in (0, len(_LITE0) - 1) else math.ceil(depth * blocks),
            kernel,
            stride,
            expansion,
            _scaled(width * channels),
        )
        for place, (blocks, kernel, stride, expansion, channels) in enumerate(_LITE0)
    ]
    return Architecture(
        name=f"efficientnet_lite{number}",
        title=f"EfficientNet-Lite{number}",
        size=(size, size),
        stages=tuple(stages),
        epsilon=1e-3,
        symmetric=False,
        parameters=parameters,
    )


def _scaled(channels: float) -> int:
    """Return the multiple of 8 nearest to `channels`, but not less than nine tenths of them."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


_LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
EFFICIENTNET_LITE = (
    efficientnet_lite(0, width=1.0, depth=1.0, size=224, parameters=3_413_024),
    efficientnet_lite(1, width=1.0, depth=1.1, size=240, parameters=4_189_344),
    efficientnet_lite(2, width=1.1, depth=1.2, size=260, parameters=4_869_168),
)
MOBILENET_V2 = Architecture(
    name="mobilenet_v2_torch",
    title="MobileNetV2 (PyTorch's padding)",
    size=(224, 224),
    stages=(
        Stage(1, 3, 1, 1, 16),
        Stage(2, 3, 2, 6, 24),
        Stage(3, 3, 2, 6, 32),
        Stage(4, 3, 2, 6, 64),
        Stage(3, 3, 1, 6, 96),
        Stage(3, 3, 2, 6, 160),
        Stage(1, 3, 1, 6, 320),
    ),
    epsilon=1e-5,
    symmetric=True,
    parameters=2_257_984,
)


def load(architecture: Architecture, file: Path | None) -> Any:
    """Return the frozen network with the weights in `file`, a Keras weights file without top.

    The `keras.Model` maps float images (n, rows, columns, 3), scaled as the weights'
    preprocessing says, to features (n, 1280), the average-pooled last layer. Nothing is
    downloaded. Raises `WeightsError` if the file is missing, no HDF5 file, or of another network.
    """
    from tlbench_keras.networks import load_frozen

    return load_frozen(architecture.name, architecture.title, lambda: build(architecture), file)


def build(architecture: Architecture) -> Any:
    """Return the network without classifier, average-pooled, with Keras's initial weights."""
    from tlbench_keras.networks import import_keras

    keras = import_keras()
    with quiet_framework():
        inputs = keras.Input((*architecture.size, 3))
        values = _Builder(architecture).chain(inputs)
        return keras.Model(inputs, values, name=architecture.name)


class _Builder:
    """Adds layers to a chain, each kind the way the architecture wants it."""

    def __init__(self, architecture: Architecture) -> None:
        from keras import layers

        self.architecture = architecture
        self.layers = layers

    def chain(self, values: Any) -> Any:
        """Return the average-pooled last layer of the whole network."""
        values = self.convolve(values, STEM, kernel=3, stride=2)
        for stage in self.architecture.stages:
            for block in range(stage.blocks):
                values = self.block(values, stage, stage.stride if block == 0 else 1)
        values = self.convolve(values, FEATURE_SIZE)
        return self.layers.GlobalAveragePooling2D()(values)

    def block(self, values: Any, stage: Stage, stride: int) -> Any:
        """Widen, filter each channel, narrow; add the input where shapes allow."""
        before, width = values, values.shape[-1]
        if stage.expansion != 1:
            values = self.convolve(values, width * stage.expansion)
        values, padding = self.pad(values, stage.kernel, stride)
        values = self.layers.DepthwiseConv2D(stage.kernel, stride, padding, use_bias=False)(values)
        values = self.layers.ReLU(6.0)(self.normalise(values))
        values = self.layers.Conv2D(stage.channels, 1, use_bias=False)(values)
        values = self.normalise(values)
        same = stride == 1 and width == stage.channels
        return self.layers.Add()([before, values]) if same else values

    def convolve(self, values: Any, channels: int, kernel: int = 1, stride: int = 1) -> Any:
        values, padding = self.pad(values, kernel, stride)
        values = self.layers.Conv2D(channels, kernel, stride, padding, use_bias=False)(values)
        return self.layers.ReLU(6.0)(self.normalise(values))

    def normalise(self, values: Any) -> Any:
        return self.layers.BatchNormalization(epsilon=self.architecture.epsilon)(values)

    def pad(self, values: Any, kernel: int, stride: int) -> tuple[Any, str]:
        """Return values and the padding that their convolution still has to do."""
        if stride == 1 or not self.architecture.symmetric:
            return values, "same"  # at stride 1 both ways of padding are one
        return self.layers.ZeroPadding2D(kernel // 2)(values), "valid"
