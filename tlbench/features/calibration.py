"""The radiographs that stand for all: some to check a precision on, some to calibrate int8 on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np

from tlbench.features.engines.base import BATCH, Calibration, EngineKey, Kind, Network, Pixels
from tlbench.features.engines.quantise import RECIPE
from tlbench.features.extract import PixelStore, Radiographs
from tlbench.images import pixels_version

SAMPLE = 2 * BATCH
"""So many radiographs a precision is checked on."""
LARGEST = 16 * BATCH
"""So many radiographs int8 is calibrated on, where there are so many."""


def calibrate(
    network: Network, key: EngineKey, files: Mapping[str, Path], pixels: PixelStore
) -> tuple[Network, EngineKey]:
    """Return `network` and `key` with the radiographs that int8 is calibrated on.

    They are those of `files` that follow, by SHA-256, the ones the self-check takes, so that it
    judges by others; where too few follow, all are used. Some may be of the hold-out, but no label
    is looked at. Any other precision needs none, and nothing changes.
    """
    if key.precision != "int8":
        return network, key
    radiographs = Radiographs(files, pixels, skip_unreadable=True)
    found = first_readable(files, radiographs, SAMPLE + LARGEST)
    if not found:  # the run itself says what is wrong with the files
        return network, key
    rest = found[SAMPLE:]
    calibration = calibration_of(rest if len(rest) >= BATCH else found[:LARGEST], radiographs)
    return replace(network, calibration=calibration), replace(key, calibration=calibration.digest)


def calibration_of(sample: Sequence[str], radiographs: Radiographs) -> Calibration:
    """Return the calibration on radiographs that have been read, by their SHA-256."""
    decides = {
        "recipe": RECIPE,
        "pixels": pixels_version(),
        "preparation": radiographs.preparation,
        "radiographs": sample,
    }
    digest = sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:32]

    def batches(kind: Kind) -> list[Pixels]:
        # Padding would count as a black radiograph, so a batch is filled up from the start.
        whole = range(-(-len(sample) // BATCH) * BATCH)
        images = [radiographs.read(sample[i % len(sample)]) for i in whole]
        rows = [as_kind(image, kind) for image in images if image is not None]
        return [np.stack(rows[i : i + BATCH]) for i in range(0, len(rows), BATCH)]

    return Calibration(digest, batches)


def as_kind(image: Pixels, kind: Kind) -> Pixels:
    """Return one radiograph in the depth and colour of `kind`.

    Every kind has a graph of its own, and a data set may hold a single radiograph of one of them.
    """
    colour = len(kind.shape) == 4
    if image.ndim == 3 and not colour:
        image = image.mean(axis=2).round().astype(image.dtype)
    elif image.ndim == 2 and colour:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.dtype == kind.dtype:
        return image
    if kind.dtype == "uint16":
        return image.astype(np.uint16) * np.uint16(257)
    return (image // 257).astype(np.uint8)


def first_readable(files: Iterable[str], radiographs: Radiographs, number: int) -> list[str]:
    """Return the first `number` radiographs that can be read, in the order of their checksums."""
    readable = (digest for digest in sorted(files) if radiographs.read(digest) is not None)
    return list(islice(readable, number))
