"""Extraction: from radiographs to cached features, making only what is missing."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.augment import make_view
from tlbench.errors import PluginError, UnreadableImageError
from tlbench.features.engines.base import BATCH, Engine
from tlbench.features.rows import RowStore
from tlbench.features.spaces import explain, hold
from tlbench.images import pixels_version, prepare
from tlbench.progress import Progress
from tlbench.specs import BackboneSpec, Preprocessing

Wanted = tuple[str, str]
"""The SHA-256 of an image's bytes and the name of a view."""


@dataclass(frozen=True)
class FeatureSpace:
    """All that decides features beside the image and its view; its digest names a cache folder."""

    backbone: str
    backbone_version: str
    plugin_sha256: str
    weights_sha256: str
    preprocessing: Preprocessing
    pixels: str
    engine: dict[str, str]
    feature_size: int

    @property
    def digest(self) -> str:
        """The first 32 hexadecimal digits of the SHA-256 of the sorted JSON."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


def row_key(wanted: Wanted) -> bytes:
    """Return the 32-byte key under which a view of an image is cached."""
    return sha256("\0".join(wanted).encode()).digest()


class FeatureStore:
    """The cached features of one feature space."""

    def __init__(self, cache: Path, space: FeatureSpace, progress: Progress) -> None:
        folder = cache / "features" / space.digest
        explain(folder, asdict(space))
        self.space = space
        self._folder, self._say = folder, progress.say
        self._rows = RowStore(folder, (space.feature_size,), "<f4", progress.say)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from making the same features; those then find them made."""
        with hold(self._folder, lambda: self._say("waiting for a run that makes these features")):
            self._rows.refresh()
            yield

    def missing(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Return what is not cached, or was and is damaged, in order."""
        absent = set(self._rows.missing([row_key(w) for w in wanted]))
        return [w for w in wanted if row_key(w) in absent]

    def read(self, wanted: Sequence[Wanted]) -> NDArray[np.float32]:
        """Return the features (n, d), float32, of what is cached."""
        return self._rows.read([row_key(w) for w in wanted])

    def add(self, wanted: Wanted, features: NDArray[np.float32]) -> None:
        """Take the features (d,) of one view of one image."""
        self._rows.add(row_key(wanted), features)

    def flush(self) -> None:
        """Write what is not on disk yet."""
        self._rows.flush()


class PixelStore:
    """Radiographs read and resized once, for all views and for all backbones of one input size."""

    def __init__(self, cache: Path, size: tuple[int, int], progress: Progress) -> None:
        version = {"size": size, "pixels": pixels_version()}
        name = sha256(json.dumps(version, sort_keys=True).encode()).hexdigest()[:32]
        explain(cache / "pixels" / name, version)
        self._size = size
        # Grey and colour, 8 and 16 bit: rows of one store have one shape and depth.
        self._stores = [
            RowStore(cache / "pixels" / name / kind, (*size, *colour), dtype, progress.say)
            for kind, colour, dtype in (
                ("grey8", (), "|u1"),
                ("grey16", (), "<u2"),
                ("rgb8", (3,), "|u1"),
                ("rgb16", (3,), "<u2"),
            )
        ]

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Return the images that have not been read yet, in order."""
        absent = list(digests)
        for store in self._stores:
            keys = set(store.missing([bytes.fromhex(digest) for digest in absent]))
            absent = [digest for digest in absent if bytes.fromhex(digest) in keys]
        return absent

    def add(self, digest: str, path: Path) -> None:
        """Read and resize one radiograph; raises `UnreadableImageError`."""
        pixels = prepare(path, self._size)
        for store in self._stores:
            if store.shape == pixels.shape and np.dtype(store.dtype) == pixels.dtype:
                store.add(bytes.fromhex(digest), pixels)

    def read(self, digest: str) -> NDArray[Any]:
        """Return the pixels of one radiograph that has been read."""
        key = bytes.fromhex(digest)
        store = next(store for store in self._stores if not store.missing([key]))
        return np.asarray(store.read([key])[0])

    def flush(self) -> None:
        """Write what is not on disk yet."""
        for store in self._stores:
            store.flush()


def read_radiographs(
    files: Mapping[str, Path], pixels: PixelStore, progress: Progress
) -> dict[str, UnreadableImageError]:
    """Read all `files` (by SHA-256) that have not been read; return those that can't be."""
    absent = pixels.missing(files)
    unreadable = {}
    if not absent:
        return {}
    try:
        for digest in progress.track(absent, "reading radiographs", len(absent)):
            try:
                pixels.add(digest, files[digest])
            except UnreadableImageError as error:
                unreadable[digest] = error
    finally:
        pixels.flush()
    return unreadable


def extract_features(
    wanted: Sequence[Wanted],
    files: Mapping[str, Path],
    store: FeatureStore,
    pixels: PixelStore,
    load_engine: Callable[[], Engine],
    progress: Progress,
    spec: BackboneSpec,
) -> int:
    """Bring the features of all `wanted` into `store` and return how many had to be made.

    `files` says where each image lies, by its SHA-256. Whatever ends it early, what was made until
    then is kept. The engine is loaded only if something is missing. Raises `PluginError` where
    features have another shape or are not finite.
    """
    if not store.missing(wanted):
        return 0
    with store.alone():
        return _extract(store.missing(wanted), files, store, pixels, load_engine, progress, spec)


def _extract(
    absent: list[Wanted],
    files: Mapping[str, Path],
    store: FeatureStore,
    pixels: PixelStore,
    load_engine: Callable[[], Engine],
    progress: Progress,
    spec: BackboneSpec,
) -> int:
    if not absent:
        return 0
    unreadable = read_radiographs({w[0]: files[w[0]] for w in absent}, pixels, progress)
    if unreadable:
        raise next(iter(unreadable.values()))
    engine = load_engine()
    try:
        with progress.task("extracting features", len(absent), "images") as advance:
            for names, features in run_batches(engine, absent, pixels, spec):
                for name, row in zip(names, features, strict=True):
                    store.add(name, row)
                advance(len(names))
    finally:
        store.flush()
    return len(absent)


def run_batches(
    engine: Engine, wanted: Sequence[Wanted], pixels: PixelStore, spec: BackboneSpec
) -> Iterator[tuple[list[Wanted], NDArray[np.float32]]]:
    """Yield names and features (n, d) of all `wanted`, whose radiographs have been read.

    The engine takes a batch as soon as it can use one, so that views are made while it works.
    """
    under_way: deque[list[Wanted]] = deque()

    def batches() -> Iterator[NDArray[Any]]:
        for names, rows in _batches(wanted, pixels):
            under_way.append(names)
            padding = [(0, BATCH - len(rows))] + [(0, 0)] * (rows.ndim - 1)
            yield np.pad(rows, padding) if len(rows) < BATCH else rows

    for out in engine.run(batches()):
        names = under_way.popleft()
        yield names, _checked(out, len(names), spec)


def _checked(out: Any, rows: int, spec: BackboneSpec) -> NDArray[np.float32]:
    if not isinstance(out, np.ndarray) or out.dtype.kind != "f":
        kind = f"{out.dtype} numbers" if isinstance(out, np.ndarray) else type(out).__name__
        raise PluginError(
            f'backbone "{spec.name}" yields {kind} instead of an array of float32',
            "see `BackboneSpec.load` in plugins/README.md",
        )
    if out.shape != (BATCH, spec.feature_size):
        raise PluginError(
            f'backbone "{spec.name}" yields features of shape {out.shape}, but it declares '
            f"{spec.feature_size} numbers for each of {BATCH} images",
            "its plugin must declare the real feature_size; `tlbench show backbone` shows both",
        )
    features = out[:rows].astype(np.float32)  # what lies below is padding
    if not np.isfinite(features).all():
        raise PluginError(
            f'backbone "{spec.name}" yields features that are not finite numbers',
            "check its weights and the scale of its input",
        )
    return features


def check_varied(features: NDArray[np.float32], backbone: str) -> None:
    """Raise `PluginError` where all radiographs have the same features (n, d)."""
    if len(features) > 1 and (features == features[0]).all():
        raise PluginError(
            f'backbone "{backbone}" yields the same features for every radiograph',
            "check its weights and the scale of its input",
        )


def _batches(
    absent: Sequence[Wanted], pixels: PixelStore
) -> Iterator[tuple[list[Wanted], NDArray[Any]]]:
    """Gather views into batches of one depth and colour, each radiograph read once."""
    waiting: dict[tuple[Any, ...], tuple[list[Wanted], list[NDArray[Any]]]] = {}
    for digest, views in groupby(absent, key=lambda wanted: wanted[0]):
        image = pixels.read(digest)
        for _, view in views:
            names, rows = waiting.setdefault((image.dtype.name, image.ndim), ([], []))
            names.append((digest, view))
            rows.append(make_view(image, view))
            if len(rows) == BATCH:
                yield names, np.stack(rows)
                del waiting[image.dtype.name, image.ndim]
    for names, rows in waiting.values():
        yield names, np.stack(rows)
