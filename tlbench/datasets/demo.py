"""The reader of `demo`: synthetic radiographs, drawn on first use and kept."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.datasets.requests import check_subset, refuse_manifest, refuse_positive, refuse_root
from tlbench.files import unwritable, write_whole
from tlbench.specs import DatasetRequest, Radiograph

if TYPE_CHECKING:
    from tlbench.datasets.phantom import PhantomCase

SEED = 0
COUNT = 300

_NAME = "demo"
_LISTING = "listing.csv"
_WORTH_A_PROCESS = 20
_COLUMNS = ("case", "file", "patient", "label")


def read(request: DatasetRequest) -> list[Radiograph]:
    """Return the 300 synthetic radiographs, drawing those that are not on disk yet.

    They lie as PNG files in a folder of `request.folder` whose name changes with everything that
    decides their pixels. Each file is whole or not there, so that an interrupted call is taken
    up where it stopped. Raises `CacheError` if the folder can't be written, and `DataError` for
    choices that a generated data set does not have.
    """
    check_subset(request, _NAME, ())
    refuse_root(request, _NAME)
    refuse_positive(request, _NAME)
    refuse_manifest(request, _NAME)
    folder = request.folder / f"demo-{_digest()}"
    try:
        present = _list_files(folder)
        rows = _read_listing(folder / _LISTING)
        if rows is None or any(row["file"] not in present for row in rows):
            _draw(folder, present, request)
            rows = _read_listing(folder / _LISTING) or []
    except OSError as error:
        raise unwritable(folder, error) from error
    return [
        Radiograph(row["case"], folder / row["file"], int(row["label"]), row["patient"])
        for row in rows
    ]


def _digest() -> str:
    """Name what decides the pixels: seed, count, and the generator's sources with its defaults."""
    digest = hashlib.sha256(f"{SEED}/{COUNT}".encode())
    for source in sorted(Path(__file__).parent.glob("phantom*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _draw(folder: Path, present: set[str], request: DatasetRequest) -> None:
    from tlbench.datasets.phantom import plan_cases

    cases = plan_cases(seed=SEED, count=COUNT)
    missing = [case for case in cases if _file(case) not in present]
    # A second process begins at the end: every file is whole or not there, so that the two need
    # not know of each other, and whatever it leaves undone is done here.
    with _second_process(folder, len(missing)):
        drawn = _draw_in_order(folder, missing)
        for _ in request.track(drawn, "drawing synthetic radiographs", len(missing)):
            pass
    # The listing comes last: where it is, the radiographs are.
    _write(folder / _LISTING, _format_listing(cases))


def _draw_in_order(folder: Path, cases: Sequence[PhantomCase]) -> Iterator[None]:
    """Draw what is missing, and yield once for each radiograph that is there, whoever drew it."""
    yielded = 0
    files = {_file(case) for case in cases}
    for case in cases:
        if not _is_whole(folder / _file(case)):
            _write(folder / _file(case), _render_png(case))
        there = len(files & _list_files(folder))
        for _ in range(there - yielded):
            yield
        yielded = max(yielded, there)


@contextmanager
def _second_process(folder: Path, missing: int) -> Iterator[None]:
    """Draw from the end in another process, where there is a core and enough work for it."""
    if (os.cpu_count() or 1) < 2 or missing < _WORTH_A_PROCESS:
        yield
        return
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-m", "tlbench.datasets.demo", str(folder), str(COUNT)]
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _draw_from_the_end(folder: Path, count: int) -> None:
    from tlbench.datasets.phantom import plan_cases

    for case in reversed(plan_cases(seed=SEED, count=count)):
        if not _is_whole(folder / _file(case)):
            _write(folder / _file(case), _render_png(case))


def _render_png(case: PhantomCase) -> bytes:
    from PIL import Image

    from tlbench.datasets.phantom import DEFAULT_DIFFICULTY, render

    buffer = io.BytesIO()
    pixels = render(case, difficulty=DEFAULT_DIFFICULTY)
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def _file(case: PhantomCase) -> str:
    return f"{case.name}.png"


def _list_files(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    return {path.name for path in folder.iterdir() if _is_whole(path)}


def _is_whole(path: Path) -> bool:
    # A power cut can leave a name without content; and the other process may be about to rename.
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _format_listing(cases: Sequence[PhantomCase]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((case.name, _file(case), case.patient, case.label) for case in cases)
    return text.getvalue().encode()


def _read_listing(path: Path) -> list[dict[str, str]] | None:
    """Return the listing's rows, or None where it is missing or not whole."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    whole = len(rows) == COUNT and all(None not in row.values() for row in rows)
    return rows if whole else None


def _write(file: Path, content: bytes) -> None:
    write_whole(file, lambda stream: stream.write(content))


if __name__ == "__main__":
    _draw_from_the_end(Path(sys.argv[1]), int(sys.argv[2]))
