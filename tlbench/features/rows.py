"""Rows of numbers on disk under 32-byte keys: written whole or not at all, verified when read."""

from __future__ import annotations

import io
import mmap
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.files import unwritable, write_whole

SHARD_BYTES = 4 * 2**20
"""A shard is written when this much has gathered: it is what a killed run loses at most."""


def memory_share() -> int:
    """Return how many bytes of rows may be read at once: an eighth of the machine's memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8
    except (AttributeError, ValueError, OSError):
        return 2**30  # where the system does not tell


@dataclass
class RowStore:
    """Fixed-size rows in `folder`, one file per shard, each row with its key and CRC-32.

    Shards are never changed once written, and named after their content, so that any number of
    processes may add to a folder at once. `say` hears of damaged shards, which are removed.
    `read_as` is the dtype that `read` returns, where it is another than the one on disk.
    """

    folder: Path
    shape: tuple[int, ...]
    dtype: str
    say: Callable[[str], None] = lambda _line: None
    read_as: str = ""
    _index: dict[bytes, tuple[Path, int]] = field(default_factory=dict)
    _shards: dict[Path, NDArray[Any]] = field(default_factory=dict)
    _gathered: dict[bytes, NDArray[Any]] = field(default_factory=dict)
    _verified: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Take note of shards that other processes have added."""
        for file in sorted(self.folder.glob("*.npy")):
            if file not in self._shards:
                self._admit(file)

    def verify(self) -> tuple[int, int]:
        """Read every row on disk; return the number of shards and of those found damaged."""
        shards = list(self._shards)
        self.missing(list(self._index))
        return len(shards), sum(file not in self._shards for file in shards)

    @property
    def _record(self) -> np.dtype[Any]:
        return np.dtype([("key", "V32"), ("crc", "<u4"), ("row", self.dtype, self.shape)])

    def _admit(self, file: Path) -> None:
        try:
            shard = np.load(file, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            return  # another process removed it as damaged
        except (ValueError, OSError, EOFError) as error:
            self._discard(file, str(error))
            return
        if shard.dtype != self._record or shard.ndim != 1:
            self._discard(file, "its rows have another layout")
            return
        self._shards[file] = shard
        keys = shard["key"].tobytes()
        for row in range(len(shard)):
            self._index[keys[32 * row : 32 * row + 32]] = (file, row)
        _let_go(shard)

    def _discard(self, file: Path, reason: str) -> None:
        self.say(f'cached shard "{file.name}" is damaged ({reason}); making it anew')
        self._shards.pop(file, None)
        self._index = {k: place for k, place in self._index.items() if place[0] != file}
        self._verified &= self._index.keys()
        file.unlink(missing_ok=True)

    def missing(self, keys: Iterable[bytes]) -> list[bytes]:
        """Return the keys without a sound row, in order; damaged shards are removed on the way."""
        wanted = list(keys)
        absent = {key for key in wanted if not self._is_sound(key)}
        for file in {self._index[key][0] for key in wanted if key in self._index}:
            _let_go(self._shards[file])
        # A shard found damaged takes rows with it that had passed before.
        return [k for k in wanted if k in absent or not (k in self._index or k in self._gathered)]

    def _is_sound(self, key: bytes) -> bool:
        if key in self._gathered or key in self._verified:
            return True
        place = self._index.get(key)
        if place is None:
            return False
        file, row = place
        entry = self._shards[file][row]
        if zlib.crc32(entry["row"].tobytes()) != int(entry["crc"]):
            self._discard(file, "a checksum does not match")
            return False
        self._verified.add(key)
        return True

    def read(self, keys: Sequence[bytes]) -> NDArray[Any]:
        """Return the rows of `keys` in order; every key must have passed `missing`.

        More than `memory_share()` bytes are not read but laid out in a file without a name and
        mapped, read-only: the system keeps in memory what fits, and removes the file in the end.
        """
        out_bytes = len(keys) * self._row_bytes
        return self._laid_out(keys) if out_bytes > memory_share() else self._gather(keys)

    @property
    def _row_bytes(self) -> int:
        return int(np.dtype(self.read_as or self.dtype).itemsize * np.prod(self.shape))

    def _gather(self, keys: Sequence[bytes]) -> NDArray[Any]:
        out = np.empty((len(keys), *self.shape), dtype=self.read_as or self.dtype)
        on_disk: dict[Path, tuple[list[int], list[int]]] = {}
        for i, key in enumerate(keys):
            if key in self._gathered:
                out[i] = self._gathered[key]
            else:
                file, row = self._index[key]
                to, of = on_disk.setdefault(file, ([], []))
                to.append(i)
                of.append(row)
        for file, (to, of) in on_disk.items():
            out[to] = self._shards[file]["row"][of]
            _let_go(self._shards[file])
        return out

    def _laid_out(self, keys: Sequence[bytes]) -> NDArray[Any]:
        step = max(1, SHARD_BYTES // self._row_bytes)
        try:
            # Written and not mapped for writing: a full disk is then an error and not a crash.
            with tempfile.TemporaryFile(dir=self.folder, prefix=".writing-") as stream:
                for start in range(0, len(keys), step):
                    stream.write(self._gather(keys[start : start + step]).data)
                stream.flush()
                shape = (len(keys), *self.shape)
                dtype = self.read_as or self.dtype
                mapped = np.memmap(stream, dtype=dtype, mode="r", shape=shape)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        return mapped.view(np.ndarray)

    def add(self, key: bytes, row: NDArray[Any]) -> None:
        """Take one row; it is on disk after the next `flush`, which full shards trigger."""
        self._gathered[key] = np.array(row, dtype=self.dtype)
        if len(self._gathered) * self._record.itemsize >= SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered as one shard: to a temporary file, synced, then renamed."""
        if not self._gathered:
            return
        shard = np.zeros(len(self._gathered), dtype=self._record)
        for i, (key, row) in enumerate(self._gathered.items()):
            shard[i] = (np.void(key), zlib.crc32(row.tobytes()), row)
        name = sha256(shard.tobytes()).hexdigest()[:32] + ".npy"
        file = self.folder / name
        write_whole(file, lambda stream: _save(stream, shard))
        self._gathered = {}
        self._admit(file)


def _save(stream: Any, shard: NDArray[Any]) -> None:
    """Write a shard by way of memory: straight to a file, NumPy hides that the disk is full."""
    content = io.BytesIO()
    np.save(content, shard, allow_pickle=False)
    stream.write(content.getbuffer())


def _let_go(shard: NDArray[Any]) -> None:
    """Give back the memory that reading a mapped shard took; the file itself stays mapped.

    The system would do so when it runs short, but until then it counts as this process's own.
    """
    mapped = getattr(shard, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
