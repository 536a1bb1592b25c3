"""Reads mutated files in a process of its own, and prints what came of it as JSON.

`python -m tests.fuzz COUNT [FIRST]`: each file is a JPEG, PNG, TIFF or DICOM file of which bits
were flipped, the end cut off, another's end put in its place, or the size in the header enlarged.
"""

from __future__ import annotations

import faulthandler
import json
import random
import struct
import sys
import tempfile
import zlib
from collections import Counter
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import uid

from tests.dicom.files import PYDICOMS_OWN, write_dicom
from tlbench.dicom import read_dicom_facts
from tlbench.errors import UnreadableImageError
from tlbench.images import prepare, read_pixels

HANG = 60
"""A file that takes so many seconds ends the process, with the place where it hangs."""
SIZES = (0, 1, 3, 255, 3000, 9000, 30000, 65535)
LARGEST_BASE = 40_000
DICOM_SIZES = (b"\x28\0\x10\0", b"\x28\0\x11\0", b"\x28\0\x00\x01", b"\x28\0\x02\0")


def pictures() -> dict[str, list[bytes]]:
    """Return whole files by format."""
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (40, 50), dtype=np.uint8)
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    colour = np.stack([grey, grey[::-1], grey.T[:40, :40].repeat(2, 1)[:, :50]], axis=-1)
    deep = (grey.astype(np.uint16) << 4) + 3

    def saved(pixels: np.ndarray, form: str, mode: str = "", **options: object) -> bytes:
        buffer = BytesIO()
        image = Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(buffer, form, **options)
        return buffer.getvalue()

    tiffs = [("raw", {})] + [
        (name, {"compression": name}) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits")
    ]
    return {
        "jpeg": [
            saved(grey, "JPEG"),
            saved(smooth, "JPEG", progressive=True),
            saved(colour, "JPEG"),
            saved(colour, "JPEG", mode="CMYK"),
        ],
        "png": [
            saved(grey, "PNG"),
            saved(deep, "PNG"),
            saved(colour, "PNG"),
            saved(colour, "PNG", mode="P"),
            saved(smooth, "PNG", mode="1"),
        ],
        "tiff": [
            saved(pixels, "TIFF", **options)
            for pixels in (grey, deep, colour)
            for _, options in tiffs
        ],
        "dicom": [*written(deep), *readable()],
    }


def written(deep: np.ndarray) -> list[bytes]:
    """DICOM files of the codes that pydicom ships no small pictures of."""
    codes = {
        uid.HTJ2KLossless: imagecodecs.htj2k_encode(deep),
        uid.JPEGLossless: imagecodecs.jpeg_encode(
            deep, lossless=True, predictor=4, bitspersample=12
        ),
        uid.JPEGExtended12Bit: imagecodecs.jpeg_encode(deep, bitspersample=12),
    }
    with tempfile.TemporaryDirectory() as folder:
        return [
            write_dicom(
                Path(folder) / "x.dcm", deep, bits=12, syntax=syntax, code=bytes(code)
            ).read_bytes()
            for syntax, code in codes.items()
        ]


def readable() -> list[bytes]:
    """Those of pydicom's files that are small and can be read."""
    found = []
    for file in PYDICOMS_OWN.values():
        if file.stat().st_size <= LARGEST_BASE:
            try:
                read_pixels(file)
            except UnreadableImageError:
                continue
            found.append(file.read_bytes())
    return found


def mutate(rng: random.Random, whole: bytes, other: bytes) -> bytes:
    """Return a mutated copy of a file."""
    kind = rng.choice(("flip", "flip", "cut", "splice", "enlarge", "rewrite"))
    data = bytearray(whole)
    if kind == "flip":
        for _ in range(rng.choice((1, 2, 8, 64))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[rng.randrange(len(data)) :]
    elif kind == "splice":
        place = rng.randrange(min(len(data), len(other)))
        data = data[:place] + bytearray(other[place:])
    elif kind == "enlarge":
        enlarge(rng, data)
    else:
        start = rng.randrange(len(data))
        data[start : start + rng.choice((1, 4, 30))] = rng.randbytes(rng.choice((1, 4, 30)))
    return bytes(data)


def enlarge(rng: random.Random, data: bytearray) -> None:
    """Write other sizes into the header of a file, and make its checksum right again."""
    if data.startswith(b"\x89PNG"):
        data[16:24] = struct.pack(">II", rng.choice(SIZES), rng.choice(SIZES))
        data[24:26] = bytes((rng.choice((8, 16)), rng.choice((0, 2, 3, 4, 6))))
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif data.startswith(b"\xff\xd8"):
        place = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        data[place + 5 : place + 9] = struct.pack(">HH", rng.choice(SIZES), rng.choice(SIZES))
    elif data.startswith((b"II*\0", b"MM\0*")):
        for tag in (256, 257, 258, 277, 278, 322, 323):
            place = data.find(struct.pack("<H", tag))
            if place > 0 and rng.random() < 0.5:
                data[place + 8 : place + 12] = struct.pack("<I", rng.choice(SIZES))
    else:
        for tag in DICOM_SIZES:
            place = data.find(tag)
            if place > 0 and rng.random() < 0.6:
                data[place + 8 : place + 10] = struct.pack("<H", rng.choice(SIZES))


def most_memory() -> int | None:
    """The most bytes this process ever had in memory, where the system says."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main(count: int, first: int = 0) -> None:
    """Read `count` mutated files, of seeds from `first` on, and print what came of them."""
    formats = pictures()
    outcomes: Counter[str] = Counter()
    nameless: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(first, first + count):
            rng = random.Random(i)
            form = sorted(formats)[i % len(formats)]
            whole = formats[form]
            path = Path(folder) / f"mutated.{form}"
            faulthandler.dump_traceback_later(HANG, exit=True)
            path.write_bytes(mutate(rng, rng.choice(whole), rng.choice(whole)))
            try:
                # Some by way of a run's own door, where a JPEG is decoded at a smaller scale.
                pixels = prepare(path, (8, 9)) if i % 3 == 0 else read_pixels(path)
                assert pixels.dtype in (np.uint8, np.uint16)
                assert pixels.ndim == 2 or pixels.shape[2:] == (3,)
                outcomes[f"{form} read"] += 1
            except UnreadableImageError as error:
                outcomes[f"{form} refused"] += 1
                if path.name not in error.message or "\n" in error.message:
                    nameless.append(error.message)
            if form == "dicom":
                try:
                    read_dicom_facts(path)
                except UnreadableImageError:
                    outcomes["facts refused"] += 1
    faulthandler.cancel_dump_traceback_later()
    found = {"outcomes": outcomes, "nameless": nameless, "memory": most_memory()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
