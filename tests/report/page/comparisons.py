"""Comparisons for the tests of the page: of the committed runs, and of changed copies of them."""

from __future__ import annotations

import copy
import csv
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tlbench.compare import Compared, compare
from tlbench.records import Record, load_record

REFERENCE = Path(__file__).parents[3] / "results" / "reference"


@cache
def reference_records() -> tuple[Record, ...]:
    """The records of results/reference, by name."""
    return tuple(load_record(file.parent) for file in sorted(REFERENCE.glob("*/record.json")))


@cache
def reference() -> Compared:
    """The comparison of all of them."""
    return compare(results=REFERENCE)


def record_of(backbone: str) -> Record:
    """The first of the committed records with this backbone."""
    return next(record for record in reference_records() if record["backbone"] == backbone)


def changed(
    record: Record, change: Callable[[dict[str, Any]], None] | None = None, **fields: Any
) -> Record:
    """A copy of a record with other `fields`, and whatever `change` does to its data."""
    data = copy.deepcopy(dict(record.data)) | fields
    if change:
        change(data)
    return Record(data, record.folder)


def rescored(
    record: Record, folder: Path, score: Callable[[int, float], float], **fields: Any
) -> Record:
    """A copy whose every score is `score(label, old)`; its predictions lie in `folder`."""
    folder.mkdir(parents=True)
    with (record.folder / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (folder / "predictions.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        for row in rows:
            new = score(int(row["label"]), float(row["score"]))
            writer.writerow(row | {"score": repr(new)})
    copied = changed(record, **fields)
    return Record(copied.data, folder)


def renamed(record: Record, name: str, **fields: Any) -> Record:
    """A copy under another name, which makes it another backbone of a comparison."""

    def rename(data: dict[str, Any]) -> None:
        data["details"]["features"]["backbone"] = name

    return changed(record, rename, backbone=name, run=f"{name}-run", **fields)


def compared(records: Sequence[Record], **options: Any) -> Compared:
    """The comparison of these records."""
    return compare(records, **options)
