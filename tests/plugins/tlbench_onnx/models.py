"""Small ONNX files whose features are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Node = tuple[str, list[str], list[str], dict[str, Any]]
WORDS: list[Node] = [("Cast", ["images"], ["features"], {"to": 1})]
MAPS: list[Node] = [
    ("Conv", ["images", "kernel"], ["maps"], {"kernel_shape": [3, 3], "strides": [2, 2]}),
    ("GlobalAveragePool", ["maps"], ["pooled"], {}),
    ("Flatten", ["pooled"], ["features"], {}),
]


def save_model(
    file: Path,
    shape: tuple[Any, ...] = ("n", 3, 16, 16),
    nodes: list[Node] = MAPS,
    outputs: tuple[str, ...] = ("features",),
    dtype: int = TensorProto.FLOAT,
    **options: Any,
) -> Path:
    """Write a model of one input, `images`; `options` are those of `onnx.save`."""
    channels = 1 if shape[1] == 1 else 3
    kernel = np.random.RandomState(3).normal(size=(5, channels, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node(kind, ins, outs, **more) for kind, ins, outs, more in nodes],
        "tiny",
        [helper.make_tensor_value_info("images", dtype, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(file), **options)
    return file


def state(file: Path, *lines: str) -> Path:
    """Write the TOML file beside a model, and return the model."""
    file.with_suffix(".toml").write_text("\n".join(lines), encoding="utf-8")
    return file


def expected(images: np.ndarray, channels: int = 3) -> np.ndarray:
    """The features of `MAPS`, calculated in NumPy, of images (n, channels, 16, 16)."""
    kernel = np.random.RandomState(3).normal(size=(5, channels, 3, 3)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    return np.einsum("ncijkl,fckl->nfij", windows, kernel).mean(axis=(2, 3))
