"""Small picture files for tests of the harness, where the real thing would only be slower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tlbench.streams import stream

BLOCKS = Path(__file__).parents[1] / "plugins" / "examples" / "blocks.py"
"""A small real backbone: the example of the plugin tutorial."""


def make_folder(root: Path, per_class: int = 60, size: int = 72) -> Path:
    """Write a folder per class of noisy pictures; those with a fracture have a darker middle."""
    for label, name in enumerate(("no_fracture", "fracture")):
        folder = root / name
        folder.mkdir(parents=True)
        for i in range(per_class):
            rng = stream(0, f"picture/{label}/{i}")
            pixels = rng.normal(120, 30, (size, size))
            pixels[size // 3 : size // 2] -= 14 * label * rng.random()
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(folder / f"{i:03d}.png")
    return root
