"""The first look at a data set: every radiograph read once, in threads, before any engine runs."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import UnreadableImageError
from tlbench.features.extract import PixelStore
from tlbench.features.signatures import SignatureStore, make_signature
from tlbench.images import LEAST_SIDE, Pixels, read_reduced
from tlbench.progress import Progress
from tlbench.threads import in_threads


@dataclass(frozen=True)
class Reading:
    """What came of reading a data set: what can't be read, by SHA-256, and how long it took."""

    seconds: float = 0.0
    unreadable: Mapping[str, UnreadableImageError] = field(default_factory=dict)


def read_radiographs(
    files: Mapping[str, Path],
    signatures: SignatureStore,
    progress: Progress,
    pixels: PixelStore | None = None,
    prepare: Collection[str] = (),
) -> Reading:
    """Bring the signatures of all `files` into the cache, and prepared pixels of some.

    `files` are by SHA-256; those named by `prepare` are also kept as pixels. Only what is missing
    is read, and whatever ends it early, what was read until then is kept.
    """
    if not _find_due(files, signatures, pixels, prepare):
        return Reading()
    with signatures.alone():
        # Another process may have read them meanwhile.
        due = _find_due(files, signatures, pixels, prepare)
        if not due:
            return Reading()
        began = time.perf_counter()
        unreadable: dict[str, UnreadableImageError] = {}
        try:
            with progress.task("reading", len(due), "radiographs") as advance:
                for one, found in zip(due, in_threads(_read, due), strict=True):
                    if isinstance(found, UnreadableImageError):
                        unreadable[one.digest] = found
                    else:
                        signature, prepared = found
                        if signature is not None:
                            signatures.add(one.digest, signature)
                        if pixels is not None and prepared is not None:
                            pixels.add(one.digest, prepared)
                    advance(1)
        finally:
            signatures.flush()
            if pixels is not None:
                pixels.flush()
        return Reading(time.perf_counter() - began, unreadable)


@dataclass(frozen=True)
class _Due:
    """A file to be read: for its signature, for its prepared pixels, or for both."""

    digest: str
    path: Path
    signature: bool
    pixels: PixelStore | None


def _find_due(
    files: Mapping[str, Path],
    signatures: SignatureStore,
    pixels: PixelStore | None,
    prepare: Collection[str],
) -> list[_Due]:
    """What must be read, in the order of the files."""
    unsigned = signatures.missing(files)
    unprepared = set() if pixels is None else pixels.missing(prepare)
    return [
        _Due(digest, path, digest in unsigned, pixels if digest in unprepared else None)
        for digest, path in files.items()
        if digest in unsigned or digest in unprepared
    ]


_Read = tuple[NDArray[np.uint8] | None, Pixels | None] | UnreadableImageError
"""A signature and prepared pixels, or why there are none."""


def _read(due: _Due) -> _Read:
    try:
        if not due.signature:
            return None, None if due.pixels is None else due.pixels.prepare(due.path)
        decoded, shape = read_reduced(due.path, LEAST_SIDE)
        whole = decoded.shape[:2] == shape
        prepared = None if due.pixels is None else due.pixels.prepare(due.path, decoded, whole)
    except UnreadableImageError as error:
        return error
    return make_signature(decoded, shape), prepared
