"""Weights that were never trained, as timm draws them: what the architecture alone is worth."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

from tlbench.files import write_whole
from tlbench.specs import WeightsRequest

_DECIDE = ("timm", "torch")


def find(name: str, request: WeightsRequest) -> Path | None:
    """Return the weights file if it has been made already."""
    file = _file(name, request)
    return file if file.is_file() else None


def obtain(name: str, request: WeightsRequest) -> Path:
    """Return the weights file, making it first if need be; no network is used."""
    file = _file(name, request)
    if file.is_file():
        return file
    import timm
    import torch
    from safetensors.torch import save

    request.say("drawing random weights (once)")
    seed = int.from_bytes(hashlib.sha256(f"tlbench/timm/{name}/random".encode()).digest()[:4])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = timm.create_model(name, num_classes=0).state_dict()
    content = save({key: value.clone().contiguous() for key, value in state.items()})
    write_whole(file, lambda stream: stream.write(content))
    return file


def _file(name: str, request: WeightsRequest) -> Path:
    made_by = "-".join(f"{each}{importlib.metadata.version(each)}" for each in _DECIDE)
    return request.folder / f"{name}-random-{made_by}.safetensors"
