"""The reader of a folder of DICOM files whose labels stand in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.datasets.csv_files import Row
from tlbench.datasets.headers import describe_header, name_cases
from tlbench.datasets.requests import check_subset, require_root, walk_files
from tlbench.datasets.user_paths import name_files
from tlbench.datasets.user_tables import (
    METADATA_WORDS,
    UserTable,
    check_filled,
    read_labels,
    read_partitions,
    read_user_table,
)
from tlbench.dicom import DicomFacts, is_dicom, read_dicom_facts
from tlbench.errors import DataError, UnreadableImageError
from tlbench.specs import DatasetRequest, Radiograph
from tlbench.words import counted, few

_NAME = "dicom"

# What may join the table to the files, the finest first.
_KEYS = {
    "path": "path",
    "instance": "SOPInstanceUID",
    "study": "StudyInstanceUID",
    "accession": "AccessionNumber",
    "patient": "PatientID",
}
_WORDS = ("label", *_KEYS, "partition", *METADATA_WORDS)
_OF_ONE_IMAGE = ("path", "instance")


@dataclass(frozen=True)
class _Said:
    """What the rows of a key say: the rows, and the label and the partition that they share."""

    rows: list[Row]
    label: int
    partition: str | None

    def all_say(self, table: UserTable, word: str) -> str | None:
        """Return what all rows say of a word, or None where they differ or say nothing."""
        texts = {table.cell(row, word) for row in self.rows}
        return next(iter(texts)) or None if len(texts) == 1 else None

    def metadata(self, table: UserTable) -> dict[str, str]:
        """Return the metadata that all rows share."""
        first, *others = (table.metadata(row) for row in self.rows)
        return {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}


def read(request: DatasetRequest) -> list[Radiograph]:
    """Return the radiographs below the data root that the table `request.manifest` labels.

    The table is joined by the finest of path, SOPInstanceUID, StudyInstanceUID, AccessionNumber
    and PatientID that it has a column of. Cases are pseudonyms; patient, study, view, side, age,
    sex and device come from the headers where the table has none. Objects that are no single
    picture, files without a row and rows without a file are left out, each with one line. Raises
    `DataError` where the table can't be read, contradicts itself, or joins with no file.
    """
    check_subset(request, _NAME, ())
    root = require_root(request, _NAME, "DICOM files, at any depth")
    table = read_user_table(request, _NAME, _WORDS)
    word = next((word for word in _KEYS if word in table.columns), None)
    if word is None:
        raise DataError(
            f'"{table.path}" has no column that joins it to the files',
            f"it needs one of {', '.join(_KEYS.values())}; or name it, e.g. --column study=NAME",
        )
    rows = _index(table, word, root, request.positive)
    headers = _read_headers(root, rows if word == "path" else (), request)
    names = name_cases(headers)
    found: list[Radiograph] = []
    unused = dict(rows)
    strays: list[str] = []
    for file, facts in headers.items():
        key = file if word == "path" else facts and getattr(facts, word)
        said = rows.get(key or "")
        if said is None:
            strays.append(file)
            continue
        unused.pop(key or "", None)
        found.append(_radiograph(root / file, names[file], table, said, facts))
    _tell(request, table, word, found, strays, unused)
    return found


def _index(table: UserTable, word: str, root: Path, positive: str | None) -> Mapping[str, _Said]:
    """Return the rows by their key; one study or patient may have several, of one label."""
    check_filled(table, word)
    if word == "path":
        keys = name_files(table, root)
    else:
        keys = [table.cell(row, word) for row in table.rows]
    labels, partitions = read_labels(table, positive), read_partitions(table)
    index: dict[str, _Said] = {}
    for key, row, label, partition in zip(keys, table.rows, labels, partitions, strict=True):
        said = index.setdefault(key, _Said([], label, partition))
        said.rows.append(row)
        agree = (said.label, said.partition) == (label, partition)
        if len(said.rows) > 1 and (word in _OF_ONE_IMAGE or not agree):
            same = "stands twice" if agree else "has two labels or partitions"
            raise DataError(
                f'one {_KEYS[word]} {same} in "{table.path}": {table.places([said.rows[0], row])}',
                "correct the table, or join it by something finer, e.g. --column instance=NAME",
            )
    return index


def _read_headers(
    root: Path, named: Container[str], request: DatasetRequest
) -> Mapping[str, DicomFacts | None]:
    """Return what the header of each radiograph below `root` says; None where it can't be read.

    Files that the table has `named` count as radiographs in any case: what is amiss with them is
    told when their pixels are read, as for any other file.
    """
    files = walk_files(root)
    found: dict[str, DicomFacts | None] = {}
    others: Counter[str] = Counter()
    for file in request.track(files, "reading DICOM headers", len(files)):
        path = root / file
        try:
            if is_dicom(path):
                found[file] = read_dicom_facts(path)
            else:
                others["not DICOM"] += 1
        except UnreadableImageError as error:
            kind = _kind(error.reason)
            if kind is None or file in named:
                found[file] = None
            else:
                others[kind] += 1
        except OSError as error:
            others[(error.strerror or "can't be opened").lower()] += 1
    if others:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in others.most_common())
        request.say(f'{others.total():,} files below "{root}" left out: {kinds}')
    return found


def _kind(reason: str) -> str | None:
    """What an object is that is no single picture, or None for a picture that is damaged."""
    if not reason.startswith("it holds "):
        return None
    return "with several frames" if reason.endswith("frames") else reason.rpartition(": ")[2]


def _radiograph(
    path: Path, case: str, table: UserTable, said: _Said, facts: DicomFacts | None
) -> Radiograph:
    header = {} if facts is None else describe_header(facts)
    return Radiograph(
        case,
        path,
        said.label,
        said.all_say(table, "patient") or (facts.patient if facts else None),
        header | said.metadata(table),
        (facts.study if facts else None) or said.all_say(table, "study"),
        said.partition,
    )


def _tell(
    request: DatasetRequest,
    table: UserTable,
    word: str,
    found: Sequence[Radiograph],
    strays: Sequence[str],
    unused: Mapping[str, _Said],
) -> None:
    """Say what was left out, and raise `DataError` where that is all."""
    if not found:
        raise DataError(
            f'no {_KEYS[word]} in column "{table.columns[word]}" of "{table.path}" is that of a '
            f'DICOM file below "{request.root}"',
            "join the table by another column, e.g. --column study=NAME",
        )
    if strays:
        lost = counted(len(strays), "radiograph")
        request.say(f"without a row in the table: {few(list(strays))}")
        request.warn(f"{lost} left out without a row in the table of labels")
    if unused:
        rows = [row for said in unused.values() for row in said.rows]
        # Without names: what is warned of stands in every record.
        number = counted(len(rows), "row")
        request.warn(f"{number} of the table of labels without a file: {table.places(rows)}")
    if word not in _OF_ONE_IMAGE:
        request.labels_of("patient" if word == "patient" else "study")
