"""Extraction: from radiographs to cached features, making only what is missing."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.augment import Views
from tlbench.blocks import places
from tlbench.errors import PluginError, UnreadableImageError
from tlbench.features.engines.base import BATCH, Engine, EngineKey, Network
from tlbench.features.rows import RowStore
from tlbench.features.spaces import explain, hold
from tlbench.images import LEAST_SIDE, Pixels, pixels_version, prepare, prepare_decoded
from tlbench.preparation import order_steps
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
    layer: str | None
    feature_size: int
    cached_as: str = "float32"
    preparation: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        network: Network,
        engine: EngineKey,
        cached_as: str = "float32",
        preparation: tuple[str, ...] = (),
    ) -> FeatureSpace:
        """Return the space of what `engine` makes of `network`, after steps of preparation."""
        spec = network.spec
        return cls(
            backbone=spec.name,
            backbone_version=spec.version,
            plugin_sha256=network.plugin_sha256,
            weights_sha256=network.weights_sha256,
            preprocessing=network.preprocessing,
            pixels=pixels_version(),
            engine=engine.describe(),
            layer=spec.layer,
            feature_size=spec.feature_size,
            cached_as=cached_as,
            preparation=preparation,
        )

    @property
    def digest(self) -> str:
        """The first 32 hexadecimal digits of the SHA-256 of the sorted JSON."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


def row_key(wanted: Wanted) -> bytes:
    """Return the 32-byte key under which a view of an image is cached."""
    return sha256("\0".join(wanted).encode()).digest()


CACHED_AS = {"float32": "<f4", "float16": "<f2"}
"""The numbers that features may be cached in, and what NumPy calls them."""


class FeatureStore:
    """The cached features of one feature space."""

    def __init__(self, cache: Path, space: FeatureSpace, progress: Progress) -> None:
        folder = cache / "features" / space.digest
        explain(folder, asdict(space))
        self.space = space
        self._folder, self._say = folder, progress.say
        dtype = CACHED_AS[space.cached_as]
        self._largest = float(np.finfo(dtype).max)
        self._rows = RowStore(folder, (space.feature_size,), dtype, progress.say, read_as="<f4")

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
        """Return the features (n, d), float32, of what is cached; where large, mapped from disk."""
        return self._rows.read([row_key(w) for w in wanted])

    def add(self, wanted: Wanted, features: NDArray[np.float32]) -> None:
        """Take the features (d,) of one view of one image; raises `PluginError` if too large."""
        if np.abs(features).max() > self._largest:
            raise PluginError(
                f'features of backbone "{self.space.backbone}" are too large for '
                f"{self.space.cached_as}",
                "leave out --cached-as",
            )
        self._rows.add(row_key(wanted), features)

    def flush(self) -> None:
        """Write what is not on disk yet."""
        self._rows.flush()


class PixelStore:
    """Radiographs read, prepared and resized once, for all views and backbones of one input size.

    `preparation` names steps of `tlbench.preparation`. With `size` None radiographs keep the size
    these leave them in, and are not kept: the files themselves hold them.
    """

    def __init__(
        self,
        cache: Path,
        size: tuple[int, int] | None,
        progress: Progress,
        preparation: Sequence[str] = (),
    ) -> None:
        self._size, self._say = size, progress.say
        self.preparation = order_steps(preparation)
        version = {"size": size, "pixels": pixels_version(), "preparation": self.preparation}
        name = sha256(json.dumps(version, sort_keys=True).encode()).hexdigest()[:32]
        self._folder = cache / "pixels" / name
        if size is not None:
            explain(self._folder, version)

    @cached_property
    def _stores(self) -> list[RowStore]:
        """Grey and colour, 8 and 16 bit: rows of one store have one shape and depth.

        Opened when first needed: a run whose features are cached needs no pixels.
        """
        if self._size is None:
            return []
        return [
            RowStore(self._folder / kind, (*self._size, *colour), dtype, self._say)
            for kind, colour, dtype in (
                ("grey8", (), "|u1"),
                ("grey16", (), "<u2"),
                ("rgb8", (3,), "|u1"),
                ("rgb16", (3,), "<u2"),
            )
        ]

    def obtain(self, digest: str, path: Path) -> NDArray[Any]:
        """Return the pixels of one radiograph, reading its file if that was never done.

        Raises `UnreadableImageError`.
        """
        key = bytes.fromhex(digest)
        for store in self._stores:
            if not store.missing([key]):
                return np.asarray(store.read([key])[0])
        pixels = prepare(path, self._size, self.preparation)
        self.add(digest, pixels)
        return pixels

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Return those of the digests without sound pixels; none where they are not kept."""
        absent = [bytes.fromhex(digest) for digest in digests] if self._size else []
        for store in self._stores:
            absent = store.missing(absent)
        return {key.hex() for key in absent}

    def prepare(
        self, path: Path, decoded: Pixels | None = None, whole: bool = False
    ) -> Pixels | None:
        """Return the prepared pixels of one radiograph, or None where they are not kept.

        `decoded` is what `read_reduced` made of the file with `LEAST_SIDE`, at its `whole` size or
        not; it is decoded anew only where that is not enough. Raises `UnreadableImageError`.
        """
        if self._size is None:
            return None
        enough = whole or (2 * max(self._size) <= LEAST_SIDE and "crop" not in self.preparation)
        if decoded is None or not enough:
            return prepare(path, self._size, self.preparation)
        return prepare_decoded(decoded, self._size, self.preparation)

    def add(self, digest: str, pixels: Pixels) -> None:
        """Take the prepared pixels of one radiograph."""
        for store in self._stores:
            if store.shape == pixels.shape and np.dtype(store.dtype) == pixels.dtype:
                store.add(bytes.fromhex(digest), pixels)

    def flush(self) -> None:
        """Write what is not on disk yet."""
        for store in self._stores:
            store.flush()


@dataclass(frozen=True)
class Extraction:
    """How many features were made, and in how many seconds from the first file to the last row.

    Of these, `reading` went into reading files before.
    """

    made: int = 0
    seconds: float = 0.0
    reading: float = 0.0

    def __add__(self, other: Extraction) -> Extraction:
        return Extraction(
            self.made + other.made, self.seconds + other.seconds, self.reading + other.reading
        )


def extract_features(
    wanted: Sequence[Wanted],
    radiographs: Radiographs,
    store: FeatureStore,
    load_engine: Callable[[], Engine],
    progress: Progress,
    spec: BackboneSpec,
) -> Extraction:
    """Bring the features of all `wanted` into `store`, making those that are missing.

    Whatever ends it early, what was made until then is kept. The engine is loaded only if
    something is missing. Raises `PluginError` where features have another shape or are not finite.
    """
    if not store.missing(wanted):
        return Extraction()
    with store.alone():
        absent = store.missing(wanted)  # another process may have made them meanwhile
        if not absent:
            return Extraction()
        engine = load_engine()
        began, made = time.perf_counter(), 0
        try:
            with progress.task("extracting features", len(absent), "images") as advance:
                for names, features in run_batches(engine, absent, radiographs, spec):
                    for name, row in zip(names, features, strict=True):
                        store.add(name, row)
                    made += len(names)
                    advance(len(names))
        finally:
            store.flush()
            radiographs.flush()
        return Extraction(made, time.perf_counter() - began)


class Radiographs:
    """The radiographs of a data set, by SHA-256, each decoded once and kept as prepared pixels.

    What can't be read is noted in `unreadable`. Unless `skip_unreadable`, nothing is handed out
    any more from then on; the remaining files are still read, so that all of them are named.
    """

    def __init__(
        self, files: Mapping[str, Path], pixels: PixelStore, *, skip_unreadable: bool = False
    ) -> None:
        self._files = files
        self._pixels = pixels
        self._skip = skip_unreadable
        self.unreadable: dict[str, UnreadableImageError] = {}

    @property
    def preparation(self) -> tuple[str, ...]:
        """The steps by which their pixels are prepared."""
        return self._pixels.preparation

    def read(self, digest: str) -> NDArray[Any] | None:
        """Return the pixels of one radiograph, or None where it is to be left out."""
        if digest in self.unreadable:
            return None
        try:
            pixels = self._pixels.obtain(digest, self._files[digest])
        except UnreadableImageError as error:
            self.unreadable[digest] = error
        return None if self.unreadable and (not self._skip or digest in self.unreadable) else pixels

    def flush(self) -> None:
        """Write what is not on disk yet."""
        self._pixels.flush()


def run_batches(
    engine: Engine, wanted: Sequence[Wanted], radiographs: Radiographs, spec: BackboneSpec
) -> Iterator[tuple[list[Wanted], NDArray[np.float32]]]:
    """Yield names and features (n, d) of all `wanted` that can be read.

    The engine takes a batch as soon as it can use one: files are read and views are made while
    it works on those before.
    """
    under_way: deque[list[Wanted]] = deque()
    batch = 1 if spec.preprocessing.size is None else BATCH

    def batches() -> Iterator[NDArray[Any]]:
        for names, rows in make_batches(wanted, radiographs, batch):
            under_way.append(names)
            padding = [(0, batch - len(rows))] + [(0, 0)] * (rows.ndim - 1)
            yield np.pad(rows, padding) if len(rows) < batch else rows

    for out in engine.run(batches()):
        names = under_way.popleft()
        yield names, _checked(out, batch, spec, rows=len(names))


def _checked(out: Any, batch: int, spec: BackboneSpec, rows: int) -> NDArray[np.float32]:
    if not isinstance(out, np.ndarray) or out.dtype.kind != "f":
        kind = f"{out.dtype} numbers" if isinstance(out, np.ndarray) else type(out).__name__
        raise PluginError(
            f'backbone "{spec.name}" yields {kind} instead of an array of float32',
            "see `BackboneSpec.load` in plugins/README.md",
        )
    if out.shape != (batch, spec.feature_size):
        raise PluginError(
            f'backbone "{spec.name}" yields features of shape {out.shape}, but it declares '
            f"{spec.feature_size} numbers for each of {batch} images",
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
    if len(features) > 1 and all(
        (features[place] == features[0]).all() for place in places(*features.shape)
    ):
        raise PluginError(
            f'backbone "{backbone}" yields the same features for every radiograph',
            "check its weights and the scale of its input",
        )


def make_batches(
    wanted: Sequence[Wanted], radiographs: Radiographs, batch: int = BATCH
) -> Iterator[tuple[list[Wanted], NDArray[Any]]]:
    """Gather views into batches of one depth and colour, each radiograph read once."""
    waiting: dict[tuple[Any, ...], tuple[list[Wanted], list[NDArray[Any]]]] = {}
    for digest, named in groupby(wanted, key=lambda each: each[0]):
        image = radiographs.read(digest)
        if image is None:
            continue
        views = Views(image)
        for _, view in named:
            names, rows = waiting.setdefault((image.dtype.name, image.ndim), ([], []))
            names.append((digest, view))
            rows.append(views.make(view))
            if len(rows) == batch:
                yield names, np.stack(rows)
                del waiting[image.dtype.name, image.ndim]
    for names, rows in waiting.values():
        yield names, np.stack(rows)
