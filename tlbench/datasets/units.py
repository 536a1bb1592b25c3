"""What a score is of: the image itself, its study or its patient."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tlbench.datasets.table import Table
from tlbench.errors import DataError
from tlbench.specs import Unit
from tlbench.words import few


def number_units(table: Table, unit: Unit) -> NDArray[np.int64]:
    """Return for each of n radiographs the number (n,) of its unit.

    Units are numbered as they first appear; a study belongs to its patient, so that two patients
    may have studies of one name. Raises `DataError` where radiographs don't say what their unit is,
    or where those of one study have both labels.
    """
    if unit == "image":
        return np.arange(len(table), dtype=np.int64)
    _check_named(table, unit)
    names = _names(table, unit)
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    numbers = np.array([places[name] for name in names], dtype=np.int64)
    if unit == "study":
        _check_agreement(table, numbers)
    return numbers


def name_units(table: Table, unit: Unit) -> list[str | None]:
    """Return a pseudonym (n,) for each study or patient, salted like those of `Table`.

    None for images, which go by their case names.
    """
    if unit == "image":
        return [None] * len(table)
    return [table.pseudonym(name) for name in _names(table, unit)]


def fingerprint_units(table: Table, rows: Sequence[int] | NDArray[np.int64], unit: Unit) -> str:
    """Return the SHA-256 over some radiographs and over how they make up units.

    For images it is `Table.fingerprint_of`.
    """
    fingerprint = table.fingerprint_of(rows)
    if unit == "image":
        return fingerprint
    names = _names(table, unit)
    lines = [unit, fingerprint, *(names[row] for row in rows)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _names(table: Table, unit: Unit) -> list[str]:
    if unit == "study":
        return [f"study {r.study!r} of {r.patient!r}" for r in table.radiographs]
    return [f"patient {r.patient}" for r in table.radiographs]


def _check_named(table: Table, unit: Unit) -> None:
    without = [
        r.case for r in table.radiographs if (r.study if unit == "study" else r.patient) is None
    ]
    if without:
        raise DataError(
            f"{len(without):,} of {len(table):,} radiographs name no {unit}, which scores of unit "
            f'"{unit}" need: {few(without)}',
            "--unit image takes each radiograph by itself",
        )


def _check_agreement(table: Table, numbers: NDArray[np.int64]) -> None:
    seen = np.unique(np.stack([numbers, table.labels]), axis=1)[0]
    torn = seen[:-1][seen[:-1] == seen[1:]]
    if len(torn):
        cases = [table.radiographs[int(np.flatnonzero(numbers == study)[0])].case for study in torn]
        what = "study contradicts itself" if len(torn) == 1 else "studies contradict themselves"
        raise DataError(
            f"{len(torn):,} {what}, with radiographs of both labels: that of {few(cases)}",
            "mend the labels, or leave these radiographs out with --exclude FILE; --unit image "
            "takes each radiograph by itself",
        )
