"""How far less than float32 moves features: measured on the user's own images, before any run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.features.calibration import SAMPLE, first_readable
from tlbench.features.engines.base import EngineKey, Features, Network
from tlbench.features.engines.choose import AUTO, load_engine
from tlbench.features.extract import PixelStore, Radiographs, run_batches
from tlbench.files import write_whole
from tlbench.images import pixels_version
from tlbench.progress import Progress

LEAST_COSINE = 0.999


def settle_precision(
    network: Network,
    key: EngineKey,
    files: Mapping[str, Path],
    pixels: PixelStore,
    progress: Progress,
) -> tuple[EngineKey, dict[str, Any] | None]:
    """Return `key` with its precision settled, and the self-check that a record keeps.

    Precision "auto" becomes bfloat16 where, on the first radiographs of `files` (by SHA-256), the
    features are as good as float32's: cosine at least 0.999. One that was asked for is checked
    too, and stays; int8 is always warned of. Float32 needs no check. The result is kept in the
    cache.
    """
    if key.precision == "float32":
        return key, None
    lower = replace(key, precision="bfloat16" if key.precision == AUTO else key.precision)
    reference = replace(key, precision="float32", quantiser="", calibration="")
    radiographs = Radiographs(files, pixels, skip_unreadable=True)
    sample = first_readable(files, radiographs, SAMPLE)
    if not sample:  # the run itself says what is wrong with the files
        return reference, None
    decides = [lower.precision, lower.quantiser, lower.calibration, pixels_version()]
    decides += [*pixels.preparation, *sample]
    name = sha256("".join(decides).encode()).hexdigest()[:16]
    file = network.folder(key.name) / f"check-{name}.json"
    check = _stored(file)
    if check is None:
        progress.say(f"comparing {lower.precision} with float32 on {len(sample)} radiographs")
        cosines = _cosines(network, lower, reference, sample, radiographs)
        check = {
            "precision": lower.precision,
            "least_cosine": float(cosines.min()),
            "median_cosine": float(np.median(cosines)),
            "needed": LEAST_COSINE,
            "radiographs": len(sample),
            "passed": bool(cosines.min() >= LEAST_COSINE),
        }
        text = json.dumps(check, sort_keys=True).encode()
        write_whole(file, lambda stream: stream.write(text))
    if lower.precision == "int8":
        progress.warn(describe_int8(check))
        return lower, check
    said = f"{lower.precision}: least cosine to float32 {check['least_cosine']:.5f}"
    if check["passed"]:
        progress.say(said)
        return lower, check
    progress.warn(f"{said}, less than {LEAST_COSINE}")
    return (reference if key.precision == AUTO else lower), check


def describe_int8(check: Mapping[str, Any]) -> str:
    """Return the warning that stands beside everything made in int8."""
    return (
        f"int8 is experimental: cosine of features to float32's, on {check['radiographs']} "
        f"radiographs: least {check['least_cosine']:.3f}, median {check['median_cosine']:.3f}"
    )


def _cosines(
    network: Network,
    lower: EngineKey,
    reference: EngineKey,
    sample: list[str],
    radiographs: Radiographs,
) -> NDArray[np.float32]:
    wanted = [(digest, "as is") for digest in sample]
    found: list[Features] = []
    for key in (lower, reference):
        batches = run_batches(load_engine(network, key), wanted, radiographs, network.spec)
        rows = {
            name: row
            for names, features in batches
            for name, row in zip(names, features, strict=True)
        }
        found.append(np.stack([rows[name] for name in wanted]))
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in found)
    cosines: NDArray[np.float32] = np.minimum(1, (a * b).sum(axis=1))
    return cosines


def _stored(file: Path) -> dict[str, Any] | None:
    try:
        check: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return check if "median_cosine" in check else None
