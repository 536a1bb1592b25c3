"""The real radiographs, and parts of them that are like the whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.shared_data import SHARED

FRACATLAS = Path(os.environ.get("FRACATLAS", SHARED / "data" / "fracatlas"))
CLASSES = ("Fractured", "Non_fractured")


def find_pictures() -> list[Path]:
    """Return all files, those of a class by size; ends the program where there are none."""
    folders = [FRACATLAS / "images" / name for name in CLASSES]
    files = [
        sorted(folder.glob("*.jpg"), key=lambda file: (file.stat().st_size, file.name))
        for folder in folders
    ]
    if not all(files):
        sys.exit(
            f'make bench needs the radiographs of FracAtlas in "{FRACATLAS}": '
            "developers have them beside the checkout, for others FRACATLAS says where they are"
        )
    return [file for each in files for file in each]


def take_every(step: int, files: Sequence[Path], folder: Path) -> Path:
    """Link every `step`-th of `files` below `folder`, so that classes and file sizes are alike.

    Distinct files, no copies: tlbench would read the same bytes only once.
    """
    for file in files[::step]:
        link = folder / file.parent.name / file.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.resolve())
    return folder


def count(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*/*.jpg"))
