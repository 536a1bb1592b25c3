"""The reader of FracAtlas as published: two folders of images and `dataset.csv`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from tlbench.datasets.cards import Card, read_card
from tlbench.datasets.csv_files import Row, index_rows, read_label, read_table
from tlbench.datasets.requests import (
    check_layout,
    check_subset,
    list_names,
    refuse_manifest,
    refuse_positive,
    require_root,
)
from tlbench.errors import DataError
from tlbench.specs import DatasetRequest, Radiograph
from tlbench.words import counted

_NAME = "fracatlas"
_TABLE = "dataset.csv"
_FOLDERS = {"images/Non_fractured": 0, "images/Fractured": 1}
_IMAGE, _LABEL = "image_id", "fractured"
_VIEWS = ("frontal", "lateral", "oblique")


def read(request: DatasetRequest) -> list[Radiograph]:
    """Return the radiographs of FracAtlas, or of one of its subsets, by image id.

    The label is the column `fractured`; the other columns, and those a subset list adds, become
    metadata, with `view` where an image has a single one. There are no patients. Raises `DataError`
    where the folder does not hold the published layout, where folder, table and subset list
    contradict each other, or where an image is missing; `UnknownNameError` for an unknown subset.
    """
    card = read_card(_NAME)
    check_subset(request, _NAME, card.subsets)
    refuse_positive(request, _NAME)
    refuse_manifest(request, _NAME)
    published = f"FracAtlas as published ({card.content['source']}, doi:{card.content['doi']})"
    root = require_root(request, _NAME, published)
    check_layout(root, published, tuple(_FOLDERS), (_TABLE,))
    table = root / _TABLE
    rows = index_rows(table, read_table(table, (_IMAGE, _LABEL)), _IMAGE)
    folders = _find_images(root)
    if unlisted := folders.keys() - rows.keys():
        request.say(
            f'{counted(len(unlisted), "image")} left out: not in "{table}" ({_first(unlisted)})'
        )
    if request.subset is not None:
        rows = _restrict(rows, table, card, request.subset)
    if not request.lenient:
        _check_present(rows.keys() - folders.keys(), root, published)
    there = sorted(rows.keys() & folders.keys())
    return [_radiograph(root, name, rows[name], folders[name]) for name in there]


def _find_images(root: Path) -> dict[str, list[str]]:
    """Return the folders in which each image lies: one, where all is well."""
    found: dict[str, list[str]] = {}
    for folder in _FOLDERS:
        for name in list_names(root / folder):
            if name.lower().endswith(".jpg"):
                found.setdefault(name, []).append(folder)
    return found


def _restrict(rows: Mapping[str, Row], table: Path, card: Card, subset: str) -> dict[str, Row]:
    """Return the rows of a subset: those that meet its condition, or that its list names."""
    condition = card.subset_condition(subset)
    if condition is None:
        return _join(rows, table, card.subset_file(subset))
    condition.check_names(name for row in rows.values() for name in row.values)
    return {name: row for name, row in rows.items() if condition.holds(row.values)}


def _join(rows: Mapping[str, Row], table: Path, listing: Path) -> dict[str, Row]:
    """Return the rows that a subset list names, with the columns that only the list has."""
    listed = index_rows(listing, read_table(listing, (_IMAGE, _LABEL)), _IMAGE)
    if absent := listed.keys() - rows.keys():
        number = counted(len(absent), "radiograph")
        raise DataError(
            f'{number} of the subset "{listing.stem}" not in "{table}": {_first(absent)}',
            "the table must hold every radiograph of the subset; take the published one",
        )
    for name, row in listed.items():
        if read_label(listing, row, _LABEL) != read_label(table, rows[name], _LABEL):
            raise DataError(
                f'the subset "{listing.stem}" gives "{name}" the label {row.values[_LABEL]}, '
                f'line {rows[name].line} of "{table}" gives it another',
                "was one of the two changed? take the published table",
            )
    return {
        name: Row(rows[name].line, {**row.values, **rows[name].values})
        for name, row in listed.items()
    }


def _check_present(missing: Collection[str], root: Path, published: str) -> None:
    if missing:
        number = counted(len(missing), "image")
        raise DataError(
            f'{number} missing under "{root / "images"}": {_first(missing)}',
            f"copy {'it' if len(missing) == 1 else 'them'} from {published}, or leave out the rows",
        )


def _radiograph(root: Path, name: str, row: Row, folders: list[str]) -> Radiograph:
    label = read_label(root / _TABLE, row, _LABEL)
    if [_FOLDERS[folder] for folder in folders] != [label]:
        raise DataError(
            f'"{name}" lies in {" and in ".join(folders)}, but line {row.line} of '
            f'"{root / _TABLE}" has {_LABEL} = {label}',
            "move the image or correct the line, whichever is wrong",
        )
    metadata = {key: value for key, value in row.values.items() if key not in (_IMAGE, _LABEL)}
    views = [view for view in _VIEWS if metadata.get(view) == "1"]
    if len(views) == 1:
        metadata["view"] = views[0]
    return Radiograph(name, root / folders[0] / name, label, None, metadata)


def _first(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return f"{shown}, ..." if len(names) > 3 else shown
