"""Copies planted among radiographs, as data sets come to hold them; and how many are found.

`python -m tests.audit.planted` measures that on FracAtlas, and prints the table in
datasets/README.md.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.shared_data import find_shared
from tlbench.audit.alike import find_alike, group_alike
from tlbench.audit.text import count_text, find_text
from tlbench.augment import VIEWS, make_view
from tlbench.datasets.table import build_table
from tlbench.features.reading import read_radiographs
from tlbench.features.signatures import SignatureStore, as_grey
from tlbench.images import read_pixels
from tlbench.progress import Progress
from tlbench.specs import Radiograph
from tlbench.streams import stream
from tlbench.threads import in_threads

Picture = NDArray[np.uint8]

ALIKE_IN_FRACATLAS = tuple(
    (f"IMG{one:07}.jpg", f"IMG{other:07}.jpg")
    for one, other in (
        # Equal pixels.
        *((2626, 4081), (2667, 4060), (2682, 4105), (2683, 4106), (2693, 4097), (2694, 4096)),
        *((2741, 4118), (2745, 4116), (2762, 4172), (2808, 4138), (2822, 4182), (2849, 4207)),
        *((2882, 4245), (2883, 4244), (2886, 4243), (2897, 4236), (2905, 4233), (2919, 4225)),
        *((2922, 4223), (2948, 4265), (2988, 4287), (2994, 4284), (2998, 4280), (3012, 4274)),
        *((4042, 4375), (4044, 4374)),
        # The same picture, saved again or with a part blanked out.
        *((2647, 4071), (2653, 4068), (2834, 4187), (2848, 4206), (2904, 4232), (2935, 4217)),
        # The same arm in the same position, exposed or processed again.
        *((25, 2310), (1364, 1365), (2516, 2518)),
    )
)
"""The pairs among the radiographs tagged `hand` that show the same, each looked at by a person."""


def _resized(picture: Picture, factor: float) -> Picture:
    image = Image.fromarray(picture)
    size = (round(image.width * factor), round(image.height * factor))
    return np.array(image.resize(size, Image.Resampling.BICUBIC))


def _cropped(picture: Picture, upper: float, left: float, lower: float, right: float) -> Picture:
    rows, columns = picture.shape
    down = slice(round(upper * rows), rows - round(lower * rows))
    return picture[down, round(left * columns) : columns - round(right * columns)]


def _shifted(picture: Picture, down: float, right: float) -> Picture:
    """Moved, what opens is black."""
    rows, columns = picture.shape
    y, x = round(down * rows), round(right * columns)
    out = np.zeros_like(picture)
    out[max(y, 0) : rows + min(y, 0), max(x, 0) : columns + min(x, 0)] = picture[
        max(-y, 0) : rows - max(y, 0), max(-x, 0) : columns - max(x, 0)
    ]
    return out


def _levels(picture: Picture, gain: float, middle: float) -> Picture:
    levels = (picture.astype(np.float64) - middle) * gain + middle
    return np.asarray(np.clip(np.rint(levels), 0, 255), dtype=np.uint8)


def _unchanged(picture: Picture) -> Picture:
    return picture


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "JPEG of quality 70": _unchanged,
    "resized to 90 %": lambda p: _resized(p, 0.9),
    "resized to 110 %": lambda p: _resized(p, 1.1),
    "cropped by 3 % at each edge": lambda p: _cropped(p, 0.03, 0.03, 0.03, 0.03),
    "cropped by 3 % at two edges": lambda p: _cropped(p, 0.03, 0.03, 0, 0),
    "shifted by 3 %": lambda p: _shifted(p, 0.03, -0.03),
    "shifted by 5 %": lambda p: _shifted(p, -0.05, 0.05),
    "10 % brighter": lambda p: _levels(p, 1.1, 0),
    "10 % darker": lambda p: _levels(p, 0.9, 0),
    "10 % more contrast": lambda p: _levels(p, 1.1, 127.5),
    "10 % less contrast": lambda p: _levels(p, 0.9, 127.5),
    **{view: (lambda p, view=view: make_view(p, view)) for view in VIEWS[1:]},
}
"""What may have become of a copy; all are then saved as JPEG."""


def plant(picture: Picture, change: str) -> bytes:
    """Return a changed copy of a picture (rows, columns) as a JPEG file."""
    out = io.BytesIO()
    quality = 70 if change == "JPEG of quality 70" else 90
    Image.fromarray(CHANGES[change](picture)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def draw(seed: int, rows: int = 240, columns: int = 180) -> Picture:
    """Return a picture of a few blurred strokes and some grain, like no other."""
    rng = stream(seed, "picture")
    y, x = np.mgrid[:rows, :columns] / np.array([rows, columns])[:, None, None]
    levels = np.zeros((rows, columns))
    for _ in range(14):
        a, b, angle = rng.random(), rng.random(), rng.random() * np.pi
        along = (x - a) * np.cos(angle) + (y - b) * np.sin(angle)
        across = (y - b) * np.cos(angle) - (x - a) * np.sin(angle)
        wide, long = rng.uniform(0.01, 0.06), rng.uniform(0.05, 0.3)
        levels += rng.uniform(40, 120) * np.exp(-((across / wide) ** 2) - (along / long) ** 2)
    levels += rng.normal(20, 3, levels.shape)
    return np.asarray(np.clip(levels, 0, 255), dtype=np.uint8)


@dataclass(frozen=True)
class Measured:
    """How many planted copies were found, by change, and who was joined wrongly.

    `wrong` are radiographs joined with one that shows something else; `known` pairs that were
    there before and were found.
    """

    planted: dict[str, int]
    found: dict[str, int]
    radiographs: int
    wrong: frozenset[str]
    known: int
    seconds: float


def measure(root: Path, folder: Path, per_change: int, cache: Path) -> Measured:
    """Plant copies of every kind among the radiographs under `root`, and look for them.

    Each copy is of another radiograph, drawn by name; the copies are written to `folder`.
    """
    files = sorted(root.rglob("*.jpg"))
    copies: list[tuple[Path, str, Path]] = []
    for change in CHANGES:
        chosen = stream(0, f"planted/{change}").choice(len(files), per_change, replace=False)
        for place in sorted(chosen.tolist()):
            name = f"{change.replace(' ', '_')}_{files[place].name}"
            copies.append((files[place], change, folder / name))
    list(in_threads(_write, copies))
    radiographs = [Radiograph(file.name, file, 0) for file in files]
    radiographs += [Radiograph(path.name, path, 0) for _, _, path in copies]
    table = build_table(radiographs)
    began = time.perf_counter()
    signatures = SignatureStore(cache, Progress())
    read_radiographs(table.files, signatures, Progress())
    groups = group_alike(table, find_alike(table, signatures, Progress()))
    seconds = time.perf_counter() - began
    cases = [[table.radiographs[row].case for row in group.rows] for group in groups]
    return _judge(files, copies, cases, seconds)


def _write(copy: tuple[Path, str, Path]) -> None:
    source, change, path = copy
    pixels = read_pixels(source)
    path.write_bytes(plant(np.asarray(pixels, dtype=np.uint8), change))


def _judge(
    files: Sequence[Path],
    copies: Sequence[tuple[Path, str, Path]],
    groups: Sequence[Sequence[str]],
    seconds: float,
) -> Measured:
    group_of = {case: number for number, cases in enumerate(groups) for case in cases}
    source_of = {file.name: file.name for file in files}
    source_of |= {path.name: source.name for source, _, path in copies}
    first = {other: one for one, other in ALIKE_IN_FRACATLAS}
    shows = {case: first.get(source, source) for case, source in source_of.items()}
    planted = dict.fromkeys(CHANGES, 0)
    found = dict.fromkeys(CHANGES, 0)
    for source, change, path in copies:
        planted[change] += 1
        number = group_of.get(path.name)
        found[change] += number is not None and number == group_of.get(source.name)
    wrong = set()
    for cases in groups:
        counts = {what: sum(shows[c] == what for c in cases) for what in {shows[c] for c in cases}}
        most = max(counts, key=lambda what: counts[what])
        wrong |= {case for case in cases if shows[case] != most}
    known = sum(
        one in group_of and group_of[one] == group_of.get(other)
        for one, other in ALIKE_IN_FRACATLAS
    )
    return Measured(planted, found, len(source_of), frozenset(wrong), known, seconds)


def measure_text(root: Path, count: int) -> tuple[int, list[str]]:
    """Return in how many of `count` radiographs planted text is found, and where there was none."""
    files = sorted(root.rglob("*.jpg"))
    without = [f.name for f, n in zip(files, in_threads(count_text, files), strict=True) if n]
    rng = stream(0, "planted/text")
    chosen = [files[place] for place in sorted(rng.choice(len(files), count, replace=False))]
    found = sum(bool(find_text(write_text(path, rng))) for path in chosen)
    return found, without


def write_text(path: Path, rng: np.random.Generator) -> Picture:
    """Return a radiograph of at most 640 pixels with a white line of text in a corner."""
    image = Image.fromarray(as_grey(read_pixels(path)))
    image.thumbnail((640, 640))
    text, size = str(rng.choice(TEXTS)), int(rng.integers(12, 22))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=size)
    right = image.width - 6 - int(pen.textlength(text, font))
    place = (max(3, int(rng.choice([6, right]))), int(rng.choice([6, image.height - size - 8])))
    pen.text(place, text, fill=255, font=font)
    return np.asarray(image)


TEXTS = ("PORTABLE", "L WRIST LAT", "12.03.2017 14:05", "KV 55 MAS 3.2", "ACC 100234")


def main() -> None:
    """Print the table of what was found."""
    root = find_shared("fracatlas")
    text, other = measure_text(root, 150)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        measured = measure(root, Path(folder), per_change=60, cache=Path(cache))
    lines = ["| planted copies | found |", "|---|---|"]
    lines += [f"| {c} | {measured.found[c]} of {n} |" for c, n in measured.planted.items()]
    lines.append(f"\nwrongly joined: {len(measured.wrong)} of {measured.radiographs:,}")
    lines.append(f"known pairs found: {measured.known} of {len(ALIKE_IN_FRACATLAS)}")
    lines.append(f"planted text found: {text} of 150; text where none was planted: {len(other)}")
    lines.append(f"reading and comparing: {measured.seconds:.0f} s")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
