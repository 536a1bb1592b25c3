"""The folders of the cache: what each holds, when it was last used, and who is at work in it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tlbench.features.rows import RowStore
from tlbench.files import unwritable, write_whole

KINDS = ("features", "pixels", "signatures", "models", "heatmaps")
_EXPLAINED = "space.json"
_LOCK = "lock"
_STALE = 3600
"""Seconds after which a temporary file belongs to no living process."""


@dataclass(frozen=True)
class Space:
    """One folder of the cache: features, pixels, signatures, graphs or heat maps of one kind."""

    kind: str
    folder: Path
    about: Mapping[str, Any]
    used: float
    size: int

    @property
    def title(self) -> str:
        """What it holds, in a few words."""
        about, engine = self.about, self.about.get("engine", "")
        if self.kind in ("pixels", "signatures"):
            return "×".join(str(side) for side in about.get("size", []))
        if isinstance(engine, Mapping):
            engine = f"{engine.get('name')} {engine.get('precision')}"
        weights = str(about.get("weights_sha256", ""))[:8]
        return ", ".join(p for p in (str(about.get("backbone", "?")), weights, str(engine)) if p)


def explain(folder: Path, about: Mapping[str, Any]) -> None:
    """Note in `folder` what it holds, and that it is being used now."""
    file = folder / _EXPLAINED
    if file.is_file():
        with suppress(OSError):  # a cache that can only be read still serves
            os.utime(file)
        return
    text = json.dumps(about, sort_keys=True, indent=1).encode()
    write_whole(file, lambda stream: stream.write(text))


@contextmanager
def hold(folder: Path, wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Be the only process at work in `folder`; `wait` is called where another one is.

    The system gives the lock back when its holder ends, however that may be.
    """
    lock = FileLock(folder / _LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            wait()
            lock.acquire()
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def list_spaces(cache: Path) -> list[Space]:
    """Return the folders of the cache, the one used last first."""
    spaces = []
    for kind in KINDS:
        for folder in (cache / kind).glob("*"):
            if not folder.is_dir():
                continue
            file = folder / _EXPLAINED
            try:
                about, used = json.loads(file.read_bytes()), file.stat().st_mtime
            except (OSError, ValueError):
                about, used = {}, 0.0
            size = sum(path.stat().st_size for path in _files(folder))
            spaces.append(Space(kind, folder, about, used, size))
    return sorted(spaces, key=lambda space: -space.used)


def verify_space(space: Space, say: Callable[[str], None]) -> tuple[int, int]:
    """Read every row of a space; return the number of its shards and of those found damaged.

    Damaged shards are removed, and said; the next run makes them anew.
    """
    import numpy as np

    shards = damaged = 0
    for folder in sorted({file.parent for file in space.folder.rglob("*.npy")}):
        layout = None
        for file in sorted(folder.glob("*.npy")):
            with suppress(OSError, ValueError, EOFError):
                layout = np.load(file, mmap_mode="r", allow_pickle=False).dtype["row"]
                break
        # Without one that can be read, any layout will do: all of them are damaged.
        base, shape = layout.subdtype or (layout, ()) if layout else (np.dtype("<f4"), (1,))
        damaged_here: list[str] = []
        before = len(list(folder.glob("*.npy")))
        store = RowStore(folder, shape, base.str, damaged_here.append)
        store.verify()
        for line in damaged_here:
            say(line)
        shards, damaged = shards + before, damaged + len(damaged_here)
    return shards, damaged


def collect_garbage(cache: Path, largest: int) -> tuple[int, int]:
    """Remove what was used least recently until the cache holds at most `largest` bytes.

    Also removes what killed processes left half-written. Features, pixels and heat maps go shard
    by shard, exported graphs whole; weights stay, and so does what a run is at work in. Returns the
    bytes removed and those left.
    """
    removed = sum(_remove(path) for path in _stale(cache))
    spaces = list_spaces(cache)
    left = sum(space.size for space in spaces)
    for space in reversed(spaces):
        if left <= largest:
            break
        try:
            with FileLock(space.folder / _LOCK, timeout=0):
                gone = _shrink(space, left - largest)
        except Timeout:
            continue
        removed, left = removed + gone, left - gone
    return removed, left


def _shrink(space: Space, excess: int) -> int:
    if space.kind == "models" or excess >= space.size:
        return _remove(space.folder)
    removed = 0
    for file in sorted(space.folder.rglob("*.npy"), key=lambda path: path.stat().st_mtime):
        if removed < excess:
            removed += _remove(file)
    return removed


def _stale(cache: Path) -> list[Path]:
    found = [path for name in (".writing-*", ".part-*", ".draft-*") for path in cache.rglob(name)]
    oldest = time.time() - _STALE
    return [path for path in found if path.stat().st_mtime < oldest]


def _remove(path: Path) -> int:
    size = sum(file.stat().st_size for file in _files(path))
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return size


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
