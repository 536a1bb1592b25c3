"""A small data set with patients, studies and several images a study, and runs on it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tlbench
from tests.radiographs import BLOCKS
from tlbench.records import Record
from tlbench.streams import stream

PLUGIN = """
import csv
from tlbench import DatasetSpec, Radiograph, hookimpl

def read(request):
    with (request.root / "radiographs.csv").open(newline="") as file:
        return [
            Radiograph(
                row["case"], request.root / row["case"], int(row["label"]), row["patient"] or None,
                study=row["study"] or None, partition=row["partition"] or None,
            )
            for row in csv.DictReader(file)
        ]

@hookimpl
def tlbench_register_datasets():
    return [
        DatasetSpec("studies", "studies", read, "radiographs.csv", unit="study"),
        DatasetSpec("images", "the same, labelled by image", read, "radiographs.csv"),
    ]
"""


@dataclass(frozen=True)
class Row:
    """One radiograph of the table, before it is written."""

    case: str
    label: int
    patient: str
    study: str
    partition: str = ""


def make_rows(patients: int = 90) -> list[Row]:
    """Patients with one or two studies of one to three images; studies are named alike."""
    rng = stream(0, "studies")
    return [
        Row(f"{patient:03d}-{study}-{image}.png", label, f"Jane Doe {patient}", f"study{study}")
        for patient in range(patients)
        for study in range(1, rng.integers(1, 3) + 1)
        for label in [int(rng.integers(0, 2))]
        for image in range(rng.integers(1, 4))
    ]


def write_pictures(folder: Path, rows: Iterable[Row]) -> None:
    """Write a noisy picture for each row; those with label 1 have a darker middle."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        rng = stream(0, f"studies/{row.case}")
        pixels = rng.normal(120, 30, (72, 72))
        pixels[24:36] -= 9 * row.label * rng.random()
        picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        picture.save(folder / row.case)


def write_table(folder: Path, rows: Iterable[Row]) -> None:
    """Write the table that the plugin reads."""
    with (folder / "radiographs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "label", "patient", "study", "partition"])
        writer.writerows([r.case, r.label, r.patient, r.study, r.partition] for r in rows)


def give(rows: Iterable[Row], **shares: float) -> list[Row]:
    """Put patients into partitions by turns: the named shares must add up to 1."""
    names = list(shares)
    rows = list(rows)
    patients = list(dict.fromkeys(row.patient for row in rows))
    place = stream(0, "studies/given").permutation(len(patients)) / len(patients)
    ends = np.cumsum(list(shares.values()))
    part = {
        patient: names[int(np.searchsorted(ends, where, side="right").clip(max=len(names) - 1))]
        for patient, where in zip(patients, place, strict=True)
    }
    return [replace(row, partition=part[row.patient].replace("_", "-")) for row in rows]


ROWS = make_rows()


@dataclass(frozen=True)
class Studies:
    """The pictures of `ROWS` in a folder, with the plugin, a cache and results beside them."""

    folder: Path

    def __post_init__(self) -> None:
        write_pictures(self.folder, ROWS)
        self.plugin.write_text(PLUGIN)

    @property
    def plugin(self) -> Path:
        return self.folder / "plugin.py"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def evaluate(
        self, rows: Iterable[Row] = ROWS, plugins: Sequence[Path] = (), **options: Any
    ) -> Record:
        """Write the table of some rows, and run the small backbone on it."""
        write_table(self.folder, rows)
        defaults: dict[str, Any] = {
            "backbone": "blocks",
            "dataset": "studies",
            "data_root": self.folder,
            "protocol": "linear-probe",
            "plugins": [BLOCKS, self.plugin, *plugins],
            "results": self.folder / "results",
            "cache": self.cache,
        }
        return tlbench.run(**(defaults | options))
