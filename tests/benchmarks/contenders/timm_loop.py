"""The common loop of timm in float32: `timm_loop.py PICTURES` prints JSON. Random weights.

Runs in an environment of its own, without tlbench.
"""

import json
import sys
import time

import torch

# torchvision's compiled operators need a CUDA build of torch, and its import needs their names.
# Neither the network nor the transforms use them.
if not torch.cuda.is_available():
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        try:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:
            break  # they are there

import timm
import torchvision
from classify import save
from timm.data import create_transform, resolve_data_config


def main(pictures: str) -> None:
    model = timm.create_model("inception_v3", pretrained=False, num_classes=0).eval()
    transform = create_transform(**resolve_data_config({}, model=model))
    images = torchvision.datasets.ImageFolder(pictures, transform)
    loader = torch.utils.data.DataLoader(images, batch_size=32, num_workers=2)
    features = []
    began = time.perf_counter()
    with torch.no_grad():
        for pixels, _labels in loader:
            features.append(model(pixels))
    save(torch.cat(features).numpy())
    seconds = time.perf_counter() - began
    versions = {"torch": torch.__version__, "timm": timm.__version__}
    print(json.dumps({"images": len(images), "seconds": seconds, "versions": versions}))


if __name__ == "__main__":
    main(*sys.argv[1:])
