"""A folder compared with the card of its data set: what is there, missing, extra, or damaged."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tlbench.datasets.cards import Card
from tlbench.datasets.csv_files import Row
from tlbench.datasets.csv_files import read_table as read_rows
from tlbench.datasets.receipts import RECEIPT, find_changes, read_receipt
from tlbench.datasets.requests import walk_files
from tlbench.dicom.header import is_dicom, read_dicom_facts
from tlbench.errors import DataError, TlbenchError
from tlbench.progress import Progress
from tlbench.specs import DataChoice, DatasetRequest, DatasetSpec, Radiograph

Result = Literal["ok", "fewer", "more", "missing", "extra", "damaged", "changed", "refused"]
_HARMLESS = ("ok", "extra")
_TAKEN = "found by tlbench"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `names` are the files or columns that it is about."""

    what: str
    expected: int | None
    found: int | None
    result: Result
    names: Sequence[str] = ()
    reason: str = ""

    @property
    def is_harmless(self) -> bool:
        """Whether the data set can be used all the same."""
        return self.result in _HARMLESS


def check_folder(
    dataset: DatasetSpec, card: Card | None, choice: DataChoice, cache: Path, progress: Progress
) -> list[Finding]:
    """Compare the folder `choice.data_root` with a card, and see whether tlbench reads it.

    Returns one finding for each thing looked at, whatever is wrong with the folder. Raises
    `DataError` where there is none.
    """
    root = choice.data_root
    if root is None and dataset.needs_root:
        raise DataError(
            f'data set "{dataset.name}" is not part of tlbench: say where it is',
            f"--data-root DIR, a folder with {dataset.layout}",
        )
    if root is not None and not root.is_dir():
        raise DataError(f'the data root "{root}" is no folder', "say where it is: --data-root DIR")
    request = DatasetRequest(
        folder=cache / "datasets",
        root=root,
        positive=choice.positive,
        manifest=choice.manifest,
        columns=choice.columns,
        track=progress.track,
    )
    return _Check(root, card, lambda: dataset.read(request), progress).run()


@dataclass
class _Check:
    root: Path | None
    card: Card | None
    read: Callable[[], list[Radiograph]]
    progress: Progress
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> list[Finding]:
        read, refusal = self._read()
        rows = self._compare_table()
        images = self._list_images()
        named = self._named(rows)
        if rows is not None and images is not None:
            here = [name for name in named if name in images]
            fractures = sum(self._is_fracture(named[name]) for name in here)
            self._count("radiographs", len(here))
            self._count("fractures", fractures)
            self._names("images in the table", len(named), "missing", named.keys() - images.keys())
            self._names("images beside it", None, "extra", images.keys() - named.keys())
        elif read is not None:
            self._count("radiographs", len(read))
            positives = sum(radiograph.label == 1 for radiograph in read)
            expected = self.card.content.get("expected", {}) if self.card else {}
            self._count("positives" if "positives" in expected else "fractures", positives)
        self._read_headers(images, read)
        self._compare_receipt()
        # Of a data set that may be here in part, readers return every row.
        usable = None if read is None else sum(radiograph.path.is_file() for radiograph in read)
        self.findings.append(
            Finding(_TAKEN, None, usable, "ok")
            if refusal is None
            else Finding(_TAKEN, None, None, "refused", reason=refusal.message)
        )
        return self.findings

    def _read(self) -> tuple[list[Radiograph] | None, TlbenchError | None]:
        try:
            return self.read(), None
        except TlbenchError as error:
            return None, error

    @property
    def _files(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.card.content.get("files", {}) if self.card else {}
        return found

    @property
    def _columns(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.card.content.get("columns", {}) if self.card else {}
        return found

    def _count(self, what: str, found: int) -> None:
        expected = self.card.content.get("expected", {}).get(what) if self.card else None
        result: Result = "ok"
        if expected is not None and found != expected:
            result = "fewer" if found < expected else "more"
        self.findings.append(Finding(what, expected, found, result))

    def _names(self, what: str, expected: int | None, bad: Result, names: Any) -> None:
        """Add a finding that is `ok` where no names are given, else what is the matter."""
        found = len(names) if expected is None else expected - len(names)
        result = bad if names else "ok"
        self.findings.append(Finding(what, expected, found, result, sorted(names)))

    def _compare_table(self) -> list[Row] | None:
        """Return the rows of the data set's table, None where it has none or it can't be read."""
        if self.root is None or "table" not in self._files:
            return None
        file = self.root / self._files["table"]
        try:
            rows = read_rows(file, ())
        except DataError as error:
            result: Result = "damaged" if file.exists() else "missing"
            reason = error.message if file.exists() else ""
            finding = Finding(f"table {file.name}", 1, 0, result, [file.name], reason)
            self.findings.append(finding)
            return None
        made = self._columns.get("made_by_reader", ())
        wanted = set(_words(self._columns)) - set(made)
        self._names(
            f"columns of {file.name}", len(wanted), "missing", wanted - rows[0].values.keys()
        )
        return rows

    def _list_images(self) -> dict[str, list[Path]] | None:
        """Return the image files by name, None where the card does not say where they lie."""
        folders = self.card.image_folders if self.card else ()
        if self.root is None or not folders:
            return None
        found: dict[str, list[Path]] = {}
        for folder in folders:
            for name in walk_files(self.root / folder):
                path = self.root / folder / name
                if path.suffix.lower() == self._files["suffix"]:
                    found.setdefault(path.name, []).append(path)
        return found

    def _named(self, rows: list[Row] | None) -> dict[str, Row]:
        """Return the rows by the name of their image file."""
        column = self._columns.get("image", "")
        suffix = self._files.get("suffix", "")
        named = {row.values[column]: row for row in rows or () if row.values.get(column)}
        return {n if n.lower().endswith(suffix) else n + suffix: row for n, row in named.items()}

    def _is_fracture(self, row: Row) -> bool:
        return row.values.get(self._columns.get("label", "")) in ("1", "1.0")

    def _read_headers(
        self, images: dict[str, list[Path]] | None, read: list[Radiograph] | None
    ) -> None:
        if images is not None:
            paths = [path for same in images.values() for path in same]
        else:
            paths = [radiograph.path for radiograph in read or ()]
        if not paths:
            return
        damaged = []
        with self.progress.task("reading headers", len(paths), "images") as advance:
            for path in paths:
                if not has_sound_header(path):
                    damaged.append(self._below_root(path))
                advance(1)
        self._names("sound image headers", len(paths), "damaged", damaged)

    def _below_root(self, path: Path) -> str:
        inside = self.root is not None and path.is_relative_to(self.root)
        return path.relative_to(self.root).as_posix() if self.root and inside else path.name

    def _compare_receipt(self) -> None:
        receipt = read_receipt(self.root) if self.root else None
        if self.root is None or receipt is None:
            return
        changes = find_changes(self.root, receipt, self.progress)
        self._names(f"files in {RECEIPT}", changes.listed, "missing", changes.missing)
        here = changes.listed - len(changes.missing)
        self._names("of these as fetched", here, "changed", changes.changed)


def has_sound_header(path: Path) -> bool:
    """Return whether a file begins as an image does that tlbench reads; no pixel is decoded."""
    from PIL import Image

    try:
        if is_dicom(path):
            read_dicom_facts(path)
            return True
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(stream, formats=("JPEG", "PNG", "TIFF")) as image:
                return 0 not in image.size
    # Damaged files make Pillow raise nearly anything.
    except Exception:
        return False


def _words(columns: Mapping[str, Any]) -> Iterator[str]:
    """The names of columns on a card, where one entry may list several."""
    for value in columns.values():
        yield from [value] if isinstance(value, str) else value
