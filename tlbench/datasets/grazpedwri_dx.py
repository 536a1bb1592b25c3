"""The reader of GRAZPEDWRI-DX as published: `dataset.csv` and folders of 16-bit PNG files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tlbench.datasets.cards import read_card
from tlbench.datasets.conditions import values_of
from tlbench.datasets.csv_files import Row, index_rows, read_label, read_table
from tlbench.datasets.requests import (
    check_subset,
    misplaced,
    refuse_manifest,
    refuse_positive,
    require_root,
    walk_files,
)
from tlbench.errors import DataError
from tlbench.specs import DatasetRequest, Radiograph

_NAME = "grazpedwri-dx"
_TABLE = "dataset.csv"
_STEM, _PATIENT, _STUDY, _LABEL = "filestem", "patient_id", "study_number", "fracture_visible"
_SIDE, _PROJECTION, _AO = "laterality", "projection", "ao_classification"
_REQUIRED = (_STEM, _PATIENT, _STUDY, _SIDE, _PROJECTION, _LABEL, _AO, "gender", "age")
# What names a patient, the label itself, and what stands in the case already is no metadata.
_KEPT_BACK = (_STEM, _PATIENT, _LABEL, "timehash")
_VIEWS = {"1": "AP", "2": "lateral", "3": "oblique"}
# patient _ hash of the time _ study _ WRI-side and projection _ sex and age
_STEM_FORM = re.compile(r"(?P<patient>\d+)_(?P<case>\d+_\d+_WRI-[LR]\d)_[A-Z]\d+", re.ASCII)


def read(request: DatasetRequest) -> list[Radiograph]:
    """Return all radiographs of `dataset.csv`, or of a subset, with or without image on disk.

    A case is the published file stem without what it says of the patient: hash of the time, study,
    side and projection. It is kept, a pseudonym by its publisher, for by it anybody finds the
    radiograph. The label is `fracture_visible`, where empty means no. A study is one wrist
    at one visit. The other columns become metadata, with `view`, `sex` and `hidden_fracture` added.
    Raises `DataError` where the folder does not hold the published layout or a row contradicts
    itself; `UnknownNameError` for an unknown subset.
    """
    card = read_card(_NAME)
    check_subset(request, _NAME, card.subsets)
    refuse_positive(request, _NAME)
    refuse_manifest(request, _NAME)
    published = f"GRAZPEDWRI-DX as published ({card.content['source']}, doi:{card.content['doi']})"
    root = require_root(request, _NAME, published)
    folders = _find_folders(root, card.image_folders, published)
    table = root / _TABLE
    rows = index_rows(table, read_table(table, _REQUIRED), _STEM)
    images = _find_images(folders)
    if unlisted := images.keys() - rows.keys():
        request.say(f'{len(unlisted):,} images are left out: they are not in "{table}"')
    radiographs = [
        _radiograph(table, row, images.get(stem, folders[0] / f"{stem}.png"))
        for stem, row in rows.items()
    ]
    condition = card.subset_condition(request.subset) if request.subset else None
    return sorted(
        (r for r in radiographs if condition is None or condition.holds(values_of(r))),
        key=lambda radiograph: radiograph.case,
    )


def _find_folders(root: Path, names: Sequence[str], published: str) -> list[Path]:
    folders = [root / name for name in names if (root / name).is_dir()]
    if folders and (root / _TABLE).is_file():
        return folders
    missing = f'"{_TABLE}"' if folders else f'"{names[0]}" or "{names[1]}" to 4 beside it'
    raise misplaced(root, missing, published, lambda place: (place / _TABLE).is_file())


def _find_images(folders: list[Path]) -> dict[str, Path]:
    """Return the PNG files by their stem; of two with one stem, the one found first."""
    found: dict[str, Path] = {}
    for folder in folders:
        for name in walk_files(folder):
            path = folder / name
            if path.suffix.lower() == ".png":
                found.setdefault(path.stem, path)
    return found


def _radiograph(table: Path, row: Row, path: Path) -> Radiograph:
    values = row.values
    form = _STEM_FORM.fullmatch(values[_STEM])
    if form is None or form["patient"].lstrip("0") != values[_PATIENT].lstrip("0"):
        raise DataError(
            f'line {row.line} of "{table}" has a {_STEM} that is not made of its {_PATIENT}, as in '
            "0001_1297860395_01_WRI-L1_M014",
            "take the published table",
        )
    if values[_PROJECTION] not in _VIEWS:
        raise DataError(
            f'line {row.line} of "{table}" has "{values[_PROJECTION]}" in column "{_PROJECTION}"',
            "it must be 1 (AP), 2 (lateral) or 3 (oblique)",
        )
    label = read_label(table, row, _LABEL) if values[_LABEL] else 0
    return Radiograph(
        form["case"],
        path,
        label,
        values[_PATIENT],
        _metadata(values, label),
        study=f"{values[_PATIENT]}/{values[_STUDY]}/{values[_SIDE]}",
    )


def _metadata(values: Mapping[str, str], label: int) -> dict[str, str]:
    kept = {column: text for column, text in values.items() if column not in _KEPT_BACK}
    return kept | {
        "view": _VIEWS[values[_PROJECTION]],
        "sex": values["gender"],
        "hidden_fracture": "1" if values[_AO] and not label else "",
    }
