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


def _predictions(record: Record) -> list[dict[str, str]]:
    with (record.folder / "predictions.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def rescored(
    record: Record, folder: Path, score: Callable[[int, float], float], **fields: Any
) -> Record:
    """A copy whose every score is `score(label, old)`; its predictions lie in `folder`."""
    folder.mkdir(parents=True)
    rows = _predictions(record)
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


def regrouped(record: Record, folder: Path, size: int, each: int = 50) -> Record:
    """A copy in which every `size` radiographs of the hold-out belong to one patient.

    Only `each` of either label are left in the hold-out.
    """
    folder.mkdir(parents=True)
    rows = _predictions(record)
    held = [row for row in rows if row["partition"] == "hold-out"]
    for label in ("0", "1"):
        for row in [row for row in held if row["label"] == label][each:]:
            row["partition"] = "test"
            held.remove(row)
    for place, row in enumerate(held):
        row["patient"] = f"{place // size:012x}"
    with (folder / "predictions.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    def count(data: dict[str, Any]) -> None:
        data["holdout"] |= {"n": len(held), "positives": each}

    return Record(changed(record, count).data, folder)


def forty() -> list[Record]:
    """Forty backbones: copies of the committed records under other names."""
    records = reference_records()
    return [renamed(records[i % len(records)], f"net_{i:02d}", control=i > 37) for i in range(40)]
