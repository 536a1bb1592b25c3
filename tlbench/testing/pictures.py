"""Photographs to check backbones with: those that scikit-learn and Matplotlib bring along."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.streams import stream

MEAN = (0.485, 0.456, 0.406)
SD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's red, green and blue, from black (0) to white (1)."""

_FILES = (
    ("sklearn", "datasets/images/china.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
)
_WHOLE = (240, 320)


@lru_cache(maxsize=1)
def photographs() -> tuple[NDArray[np.uint8], ...]:
    """Return photographs (rows, columns, 3), their colours balanced like ImageNet's.

    Three photographs have colours of their own; balanced, they stand for the photographs that
    networks are trained with, so that swapped channels show. Where their packages left them out,
    noise with the spectrum of photographs takes their place.
    """
    files = [file for package, name in _FILES if (file := _shipped(package, name)) is not None]
    found = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    return tuple(_balanced(image) for image in found or [_noise(seed) for seed in range(3)])


def pictures(number: int, size: tuple[int, int] | None) -> list[NDArray[np.uint8]]:
    """Return `number` different pictures (rows, columns, 3), always the same ones.

    They are parts of photographs in many sizes, every other one mirrored. Without a `size` each
    has another one, as whole radiographs do.
    """
    draws = stream(0, "testing/pictures")
    made = []
    for place in range(number):
        source = photographs()[place % len(photographs())]
        side = int(draws.integers(min(source.shape[:2]) // 2, min(source.shape[:2]) + 1))
        top = int(draws.integers(0, source.shape[0] - side + 1))
        left = int(draws.integers(0, source.shape[1] - side + 1))
        part = Image.fromarray(source[top : top + side, left : left + side])
        rows, columns = size or (_WHOLE[0] + 8 * place, _WHOLE[1] - 5 * (place % 7))
        image = np.asarray(part.resize((columns, rows), Image.Resampling.BILINEAR))
        made.append(np.ascontiguousarray(image[:, ::-1] if place % 2 else image))
    return made


def grey(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pictures (..., 3) without colour and without the last axis."""
    result: NDArray[np.uint8] = images.mean(axis=-1).round().astype(np.uint8)
    return result


def _shipped(package: str, name: str) -> Path | None:
    found = find_spec(package)  # finds the folder without importing the package
    if found is None or found.origin is None:
        return None
    file = Path(found.origin).parent / name
    return file if file.is_file() else None


def _balanced(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    values = image.astype(np.float32)
    values = (values - values.mean(axis=(0, 1))) / (values.std(axis=(0, 1)) + 1e-6)
    values = (values * np.array(SD) + np.array(MEAN)).clip(0, 1) * 255
    result: NDArray[np.uint8] = values.round().astype(np.uint8)
    return result


def _noise(seed: int) -> NDArray[np.uint8]:
    """Noise (400, 400, 3) whose amplitudes fall with the frequency, as those of photographs do."""
    draws: Any = stream(seed, "testing/noise")
    spectrum = np.fft.fft2(draws.normal(size=(400, 400, 3)), axes=(0, 1))
    row, column = np.meshgrid(np.fft.fftfreq(400), np.fft.fftfreq(400), indexing="ij")
    frequency = np.hypot(row, column)
    frequency[0, 0] = 1
    shaped = np.fft.ifft2(spectrum / frequency[..., None], axes=(0, 1)).real
    # Colours of photographs go mostly together.
    shaped = shaped.mean(axis=2, keepdims=True) * 2 + shaped
    low, high = shaped.min(), shaped.max()
    result: NDArray[np.uint8] = ((shaped - low) / (high - low) * 255).astype(np.uint8)
    return result
