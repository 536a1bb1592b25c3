"""A contact sheet: some radiographs of each class in one picture, as a network gets them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tlbench.backbones import find_backbone
from tlbench.datasets.table import Table
from tlbench.errors import UnreadableImageError
from tlbench.files import write_whole
from tlbench.images import Pixels, prepare
from tlbench.overview import Overview
from tlbench.plugins import PluginHost
from tlbench.preparation import order_steps
from tlbench.streams import stream

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

CLASSES = ((1, "positive"), (0, "negative"))
_SIZE = (299, 299)
_COLUMNS = 6
_GAP, _MARGIN, _CAPTION, _BAND = 12, 28, 30, 52
_NARROWEST = 900
"""Pixels in width that a title needs."""
_GROUND, _TEXT, _FAINT, _ALARM = "#14171a", "#f2f2f2", "#a9b0b7", "#ffb000"
_COLOURS = {1: "#ff8c5a", 0: "#6cb4ee"}  # told apart by the colour-blind, and on black


@dataclass(frozen=True)
class Tile:
    """A radiograph on the sheet: its row in the table, its number in its class, and its pixels."""

    row: int
    label: int
    number: int
    pixels: Pixels

    @property
    def name(self) -> str:
        """What to call it without naming its case."""
        return f"{dict(CLASSES)[self.label]} {self.number}"


@dataclass(frozen=True)
class Look:
    """What a network sees of a radiograph: `size` pixels, after the `steps` of preparation.

    `backbone` names the network whose size that is, None where none was chosen.
    """

    size: tuple[int, int]
    steps: Sequence[str]
    backbone: str | None

    def prepare(self, path: Path) -> Pixels:
        """Return the pixels of a radiograph as the network gets them."""
        return prepare(path, self.size, self.steps)

    @property
    def text(self) -> str:
        """What it is in words."""
        whose = f", as {self.backbone} gets them" if self.backbone else ""
        return ", ".join([*self.steps, f"at {self.size[0]}×{self.size[1]} pixels{whose}"])


def choose_look(host: PluginHost, backbone: str | None, steps: Sequence[str]) -> Look:
    """Return what a backbone sees; 299 by 299 where it takes any size, or none is named.

    Raises `UnknownNameError` for a backbone or a step of preparation that nobody offers.
    """
    size = find_backbone(host, backbone).spec.preprocessing.size if backbone else None
    return Look(size or _SIZE, order_steps(steps), backbone)


def draw_contact_sheet(
    file: Path,
    overview: Overview,
    look: Look,
    per_class: int,
    warn: Callable[[str], None],
    *,
    names: bool = False,
) -> list[Tile]:
    """Save a contact sheet of random radiographs of each label, and return its tiles.

    `per_class`, `warn` and `names` are as in `choose_tiles` and `save_sheet`.
    """
    choice, seed = overview.choice, overview.seed
    tiles = choose_tiles(overview.table, per_class, seed, look.prepare, warn)
    title = f"{choice.dataset}, {choice.subset}" if choice.subset else choice.dataset
    remarks = [f"drawn at random, seed {seed}; {look.text}"]
    synthetic = overview.dataset.synthetic
    save_sheet(file, overview.table, tiles, title, remarks, synthetic=synthetic, names=names)
    return tiles


def write_cases(file: Path, table: Table, tiles: Sequence[Tile]) -> None:
    """Write case, path and tile of each radiograph, for the user alone: paths may name patients."""
    on_sheet = {tile.row: tile.name for tile in tiles}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("case", "path", "tile"))
    for row, radiograph in enumerate(table.radiographs):
        writer.writerow((radiograph.case, radiograph.path, on_sheet.get(row, "")))
    write_whole(file, lambda stream: stream.write(text.getvalue().encode()))


def choose_tiles(
    table: Table,
    per_class: int,
    seed: int,
    prepare: Callable[[Path], Pixels],
    warn: Callable[[str], None],
) -> list[Tile]:
    """Return up to `per_class` random radiographs of each label, as `prepare` makes their pixels.

    `warn` hears of files that can't be read; others are taken in their place.
    """
    tiles = []
    for label, name in CLASSES:
        number = 0
        rows = np.flatnonzero(table.labels == label)
        for row in stream(seed, f"contact sheet/{name}").permutation(rows).tolist():
            if number == per_class:
                break
            try:
                pixels = prepare(table.radiographs[row].path)
            except UnreadableImageError as error:
                warn(error.message)
                continue
            number += 1
            tiles.append(Tile(row, label, number, pixels))
    return tiles


def save_sheet(
    file: Path,
    table: Table,
    tiles: Sequence[Tile],
    title: str,
    remarks: Sequence[str],
    *,
    synthetic: bool = False,
    names: bool = False,
) -> None:
    """Draw the tiles, by class and with their view, below a title and remarks; save it as PNG.

    Case names stand on it only with `names`. Raises `CacheError` where it can't be written.
    """
    drawn = _Sheet(table, tiles, synthetic, names).draw(title, remarks)
    write_whole(file, lambda stream: drawn.save(stream, "PNG"))


class _Sheet:
    def __init__(self, table: Table, tiles: Sequence[Tile], synthetic: bool, names: bool) -> None:
        self._table, self._tiles = table, tiles
        self._synthetic, self._names = synthetic, names
        self._height = max((tile.pixels.shape[0] for tile in tiles), default=0)
        self._width = max((tile.pixels.shape[1] for tile in tiles), default=0)

    def draw(self, title: str, remarks: Sequence[str]) -> Image.Image:
        head = _MARGIN + 44 + 26 * len(remarks)
        blocks = [[t for t in self._tiles if t.label == label] for label, _ in CLASSES]
        width = 2 * _MARGIN + _COLUMNS * (self._width + _GAP) - _GAP
        height = head + sum(self._block_height(block) for block in blocks) + _MARGIN
        sheet = Image.new("RGB", (max(width, _NARROWEST), height), _GROUND)
        pen = ImageDraw.Draw(sheet)
        pen.text((_MARGIN, _MARGIN - 8), title, _TEXT, _font(28))
        if self._synthetic:
            after = _MARGIN + pen.textlength(title, _font(28)) + 20
            pen.text((after, _MARGIN - 8), "synthetic", _ALARM, _font(28))
        for number, remark in enumerate(remarks):
            pen.text((_MARGIN, _MARGIN + 36 + 26 * number), remark, _FAINT, _font(16))
        top = head
        for (label, name), block in zip(CLASSES, blocks, strict=True):
            self._draw_block(sheet, pen, top, label, name, block)
            top += self._block_height(block)
        return sheet

    def _block_height(self, block: Sequence[Tile]) -> int:
        return _BAND + -(-len(block) // _COLUMNS) * (self._height + _CAPTION)

    def _draw_block(
        self,
        sheet: Image.Image,
        pen: ImageDraw.ImageDraw,
        top: int,
        label: int,
        name: str,
        block: Sequence[Tile],
    ) -> None:
        colour = _COLOURS[label]
        pen.rectangle((_MARGIN, top + 16, _MARGIN + 8, top + 40), colour)
        count = int((self._table.labels == label).sum())
        pen.text((_MARGIN + 18, top + 14), f"{name}, label {label}", colour, _font(20))
        at = _MARGIN + 18 + pen.textlength(f"{name}, label {label}", _font(20))
        pen.text((at, top + 18), f"   {len(block)} of {count:,}", _FAINT, _font(16))
        for place, tile in enumerate(block):
            x = _MARGIN + place % _COLUMNS * (self._width + _GAP)
            y = top + _BAND + place // _COLUMNS * (self._height + _CAPTION)
            sheet.paste(_picture(tile.pixels), (x, y))
            caption = _fit(pen, self._caption(tile), self._width)
            pen.text((x, y + self._height + 5), caption, _FAINT, _font(14))

    def _caption(self, tile: Tile) -> str:
        radiograph = self._table.radiographs[tile.row]
        words = [str(tile.number), *(["synthetic"] if self._synthetic else [])]
        words += [radiograph.metadata.get(word, "") for word in ("view", "laterality")]
        words += [radiograph.case] if self._names else []
        return "  ".join(word for word in words if word)


def _picture(pixels: Pixels) -> Image.Image:
    eight = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    return Image.fromarray(eight)


def _fit(pen: ImageDraw.ImageDraw, text: str, width: int) -> str:
    """The text, or as much of its beginning as fits."""
    if pen.textlength(text, _font(14)) <= width:
        return text
    while text and pen.textlength(text + "...", _font(14)) > width:
        text = text[:-1]
    return text + "..."


@cache
def _font(size: int) -> FreeTypeFont:
    import matplotlib

    # Pillow's own font has no more than Western letters, and case names may have any.
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(file), size)
