"""Signatures: what is kept of each radiograph for looking through a whole data set at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.features.rows import RowStore
from tlbench.features.spaces import explain, hold
from tlbench.images import Pixels, pixels_version
from tlbench.progress import Progress

SIDE = 128
LAYOUT = np.dtype(
    [
        ("thumbnail", "u1", (SIDE, SIDE)),
        ("content", "u1", (32,)),
        ("rows", "<u4"),
        ("columns", "<u4"),
        ("bits", "u1"),
        ("colour", "u1"),
        ("histogram", "<f4", (256,)),
    ]
)
"""One signature.

`thumbnail` is grey, squeezed to a square; `content` the SHA-256 of the decoded pixels; `rows` and
`columns` are those of the whole image; `bits` is 8 or 16, `colour` 0 or 1; `histogram` holds
shares of 256 levels of grey.
"""


def make_signature(pixels: Pixels, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the signature of one radiograph as bytes (`LAYOUT.itemsize`,).

    `pixels` are what `read_reduced` makes of it with `LEAST_SIDE`, `shape` rows and columns of
    the whole image. No backbone has a say in it.
    """
    signature = np.zeros((), dtype=LAYOUT)
    grey = as_grey(pixels)
    image = Image.fromarray(grey)
    signature["thumbnail"] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    content = hashlib.sha256(f"{pixels.shape} {pixels.dtype.name}".encode())
    content.update(pixels.data)
    signature["content"] = np.frombuffer(content.digest(), dtype=np.uint8)
    signature["rows"], signature["columns"] = shape
    signature["bits"] = 8 * pixels.itemsize
    signature["colour"] = pixels.ndim == 3
    signature["histogram"] = np.array(image.histogram()) / grey.size
    return np.frombuffer(signature.tobytes(), dtype=np.uint8)


def as_grey(pixels: Pixels) -> NDArray[np.uint8]:
    """Return pixels in 256 levels of grey, the mean of colours."""
    if pixels.ndim == 2 and pixels.dtype == np.uint8:
        return np.asarray(pixels, dtype=np.uint8)
    grey = pixels.mean(axis=2, dtype=np.float32) if pixels.ndim == 3 else pixels
    return np.asarray(np.rint(grey / (np.iinfo(pixels.dtype).max / 255)), dtype=np.uint8)


class SignatureStore:
    """The signatures in a cache, by the SHA-256 of the files' bytes."""

    def __init__(self, cache: Path, progress: Progress) -> None:
        source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
        about = {"size": [SIDE, SIDE], "pixels": pixels_version(), "signature": source}
        name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
        self.folder = cache / "signatures" / name
        explain(self.folder, about)
        self._say = progress.say
        self._rows = RowStore(self.folder, (LAYOUT.itemsize,), "|u1", progress.say)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from reading the same files; those then find them read."""
        with hold(self.folder, lambda: self._say("waiting for a run that reads radiographs")):
            self._rows.refresh()
            yield

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Return those of the digests without a sound signature."""
        return {key.hex() for key in self._rows.missing([bytes.fromhex(d) for d in digests])}

    def add(self, digest: str, signature: NDArray[np.uint8]) -> None:
        """Take one signature."""
        self._rows.add(bytes.fromhex(digest), signature)

    def read(self, digests: Sequence[str]) -> NDArray[Any]:
        """Return the signatures (n,) of radiographs that have one, as records of `LAYOUT`."""
        rows = self._rows.read([bytes.fromhex(digest) for digest in digests])
        return np.asarray(rows.view(LAYOUT)[:, 0])

    def flush(self) -> None:
        """Write what is not on disk yet."""
        self._rows.flush()
