"""The reader of MURA-v1.1 as published: studies that are normal or abnormal, part by part."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from tlbench.datasets.cards import read_card
from tlbench.datasets.csv_files import Row, read_table
from tlbench.datasets.pseudonyms import make_salt, pseudonym
from tlbench.datasets.requests import (
    check_layout,
    check_subset,
    refuse_manifest,
    refuse_positive,
    require_root,
    walk_files,
)
from tlbench.errors import DataError
from tlbench.specs import DatasetRequest, Radiograph
from tlbench.words import counted, few

_NAME = "mura"
_PARTITIONS = ("train", "valid")
_STUDIES, _IMAGES = "{}_labeled_studies.csv", "{}_image_paths.csv"
_LABELS = {"negative": 0, "positive": 1}

# The tables name files by their place in the archive, whose top folder the root stands for.
_STUDY = (
    r"(?:MURA-v1\.1/)?(?P<study>{}/(?P<part>XR_[A-Z]+)/(?P<patient>patient\d+)/"
    r"study\d+_(?P<label>positive|negative))"
)
_COPY = "take the published table"


def read(request: DatasetRequest) -> list[Radiograph]:
    """Return the radiographs of MURA, or of one part of the body.

    A case is named by a pseudonym of its study and the image's name, for the published folders tell
    patient and label. Its salt is made of the tables of both halves: each part has the same names.
    The label is the study's, 1 = abnormal; the patient is the folder's name, which is the same
    person in both published halves and in all parts. The half, `train` or `valid`, and the part
    become metadata. Raises `DataError` where the folder does not hold the published layout, where
    the tables and the folders contradict each other, or where an image is missing;
    `UnknownNameError` for an unknown part.
    """
    card = read_card(_NAME)
    check_subset(request, _NAME, card.subsets)
    refuse_positive(request, _NAME)
    refuse_manifest(request, _NAME)
    published = f"MURA-v1.1 as published ({card.content['source']})"
    root = require_root(request, _NAME, published)
    tables = [name.format(half) for half in _PARTITIONS for name in (_STUDIES, _IMAGES)]
    check_layout(root, published, _PARTITIONS, tables)
    part = None if request.subset is None else str(card.subsets[request.subset]["folder"])
    labels = {half: _read_studies(root / _STUDIES.format(half), half) for half in _PARTITIONS}
    salt = make_salt(study for studies in labels.values() for study in studies)
    radiographs = [
        r for half in _PARTITIONS for r in _read_half(root, half, part, labels[half], salt)
    ]
    _check_present(radiographs, root, part, published, request)
    request.warn(str(card.content["warning"]))
    return radiographs


def _read_half(
    root: Path, half: str, part: str | None, labels: Mapping[str, int], salt: bytes
) -> list[Radiograph]:
    """Return the images that a half's table lists, of one part or of all; no file is looked for."""
    table = root / _IMAGES.format(half)
    image = re.compile(_STUDY.format(half) + r"/(?P<name>[^/]+)\.png")
    found: dict[str, Radiograph] = {}
    for row in read_table(table, (), header=("path",)):
        match = _match(image, table, row, "an image")
        if part not in (None, match["part"]):
            continue
        image_path, study = f"{match['study']}/{match['name']}.png", match["study"]
        if study not in labels:
            raise DataError(
                f'line {row.line} of "{table}" names an image of a study without a label', _COPY
            )
        if image_path in found:
            raise DataError(
                f'"{image_path}" occurs twice in "{table}", again on line {row.line}', _COPY
            )
        metadata = {"part": match["part"].removeprefix("XR_").lower(), "published_in": half}
        found[image_path] = Radiograph(
            f"{pseudonym(salt, study)}/{match['name']}",
            root / image_path,
            labels[study],
            match["patient"],
            metadata,
            study=study,
        )
    return list(found.values())


def _read_studies(table: Path, half: str) -> Mapping[str, int]:
    pattern = re.compile(_STUDY.format(half) + "/?")
    labels: dict[str, int] = {}
    for row in read_table(table, (), header=("path", "label")):
        match = _match(pattern, table, row, "a study")
        if row.values["label"] != str(_LABELS[match["label"]]):
            raise DataError(
                f'line {row.line} of "{table}" gives a {match["label"]} study the label '
                f'"{row.values["label"]}"',
                _COPY,
            )
        labels[match["study"]] = _LABELS[match["label"]]
    return labels


def _match(pattern: re.Pattern[str], table: Path, row: Row, what: str) -> re.Match[str]:
    match = pattern.fullmatch(row.values["path"])
    if match is None:
        raise DataError(
            f'line {row.line} of "{table}" does not name {what}: "{row.values["path"]}"', _COPY
        )
    return match


def _check_present(
    radiographs: Collection[Radiograph],
    root: Path,
    part: str | None,
    published: str,
    request: DatasetRequest,
) -> None:
    listed = {r.path.relative_to(root).as_posix() for r in radiographs}
    found = {name for half in _PARTITIONS for name in _find_images(root, half, part)}
    if missing := sorted(listed - found):
        raise DataError(
            f'{counted(len(missing), "image")} missing under "{root}": {few(missing)}',
            f"copy them from {published}, or take a part that is whole: --subset NAME",
        )
    if unlisted := sorted(found - listed):
        request.say(
            f"{counted(len(unlisted), 'image')} left out, for no table names them: {few(unlisted)}"
        )


def _find_images(root: Path, half: str, part: str | None) -> list[str]:
    """Return the images of a half, by their path below the root."""
    place = f"{half}/{part}" if part else half
    # Beside some images lie copies of their names that a Mac has made; those are hidden.
    return [f"{place}/{name}" for name in walk_files(root / place) if name.endswith(".png")]
