"""Quality: what of a data set is odd in itself, with or without labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.audit.text import count_text
from tlbench.datasets.table import Table
from tlbench.progress import Progress
from tlbench.threads import in_threads

_SATURATED = 0.25
"""A picture with this share of pixels in the brightest two levels is saturated."""
_EMPTY = 1.0
"""Levels, of 256, by which an empty picture's pixels vary at most (standard deviation)."""
_SMALL = 224
"""Fewer pixels to the shorter side than the usual input of a backbone."""


def describe_quality(table: Table, signatures: NDArray[Any]) -> dict[str, Any]:
    """Return counts of a data set; `signatures` (n,) are those of its radiographs."""
    levels = np.arange(256)
    histogram = signatures["histogram"]
    mean = histogram @ levels
    spread = np.sqrt(np.maximum(histogram @ levels**2 - mean**2, 0))
    shorter = np.minimum(signatures["rows"], signatures["columns"])
    longer = np.maximum(signatures["rows"], signatures["columns"])
    sizes = np.array([*Counter(r.patient for r in table.radiographs).values()])
    return {
        "empty": _named(table, spread < _EMPTY),
        "saturated": _named(table, histogram[:, 254:].sum(axis=1) > _SATURATED),
        "small": _named(table, shorter < _SMALL),
        "shorter_side": _range(shorter),
        "longer_side": _range(longer),
        "bits": _counts(signatures["bits"]),
        "colour": int(signatures["colour"].sum()),
        "positives": int(table.labels.sum()),
        "positive_share": round(float(table.labels.mean()), 4),
        "patients": table.count_patients(),
        "images_per_patient": _range(sizes) if table.has_patients else None,
    }


def find_texts(files: Mapping[str, Path], progress: Progress) -> list[str]:
    """Return the files, by SHA-256, that have what looks like text near their edges."""
    digests = list(files)
    with progress.task("looking for text", len(digests), "radiographs") as advance:
        found = []
        paths = [files[digest] for digest in digests]
        for digest, places in zip(digests, in_threads(count_text, paths), strict=True):
            found += [digest] * (places > 0)
            advance(1)
    return found


def _named(table: Table, which: NDArray[np.bool_]) -> list[str]:
    return [table.radiographs[row].case for row in np.flatnonzero(which)]


def _range(values: NDArray[Any]) -> dict[str, float]:
    return {
        "least": int(values.min()),
        "median": float(np.median(values)),
        "most": int(values.max()),
    }


def _counts(values: NDArray[Any]) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values.tolist()).items())}
