"""The reader of a table with a row for each radiograph: its file, its label, and what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tlbench.datasets.headers import describe_header, name_cases
from tlbench.datasets.pseudonyms import make_salt, pseudonym
from tlbench.datasets.requests import check_subset, require_root
from tlbench.datasets.user_paths import check_there, name_files
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

_NAME = "manifest"
_WORDS = ("path", "label", "patient", "study", "partition", "case", *METADATA_WORDS)


def read(request: DatasetRequest) -> list[Radiograph]:
    """Return the radiographs that the rows of `request.manifest` name.

    Paths are relative to the data root if one is given, else to the table's folder. A case is
    named by the column `case`, else by its path; by a pseudonym instead of the path if the table
    has patients or studies, whose names paths may hold, or the file is DICOM. Its header says what
    the table leaves out. Raises `DataError` for whatever the table can't mean, naming lines; files
    that are missing are one error.
    """
    check_subset(request, _NAME, ())
    table = read_user_table(request, _NAME, _WORDS)
    if "path" not in table.columns:
        raise DataError(f'"{table.path}" has no column of paths', "name it: --column path=NAME")
    root = table.path.parent
    if request.root is not None:
        root = require_root(request, _NAME, "the files that the table names")
    labels = read_labels(table, request.positive)
    partitions = read_partitions(table)
    for word in ("patient", "study", "case"):
        check_filled(table, word)
    names = name_files(table, root)
    if not request.lenient:
        check_there(table, root, names)
    headers = _read_headers(root, names, request)
    pseudonyms = _name_rows(table, names) | name_cases(headers)
    found = []
    for row, name, label, partition in zip(table.rows, names, labels, partitions, strict=True):
        radiograph = Radiograph(
            table.cell(row, "case") or pseudonyms.get(name, name),
            root / name,
            label,
            table.cell(row, "patient") or None,
            table.metadata(row),
            table.cell(row, "study") or None,
            partition,
        )
        found.append(_complete(radiograph, headers.get(name)))
    return found


def _name_rows(table: UserTable, names: Sequence[str]) -> dict[str, str]:
    """Return a pseudonym for each file of a table that names patients or studies, else none."""
    if not {"patient", "study"} & table.columns.keys():
        return {}
    salt = make_salt(
        "\0".join((name, table.cell(row, "patient"), table.cell(row, "study")))
        for row, name in zip(table.rows, names, strict=True)
    )
    return {name: pseudonym(salt, name) for name in names}


def _read_headers(
    root: Path, names: Iterable[str], request: DatasetRequest
) -> Mapping[str, DicomFacts | None]:
    """Return what the headers of the DICOM files among `names` say; None where they say nothing."""
    files = [name for name in names if _is_dicom(root / name)]
    found: dict[str, DicomFacts | None] = {}
    for name in request.track(files, "reading DICOM headers", len(files)) if files else ():
        try:
            found[name] = read_dicom_facts(root / name)
        except UnreadableImageError:  # told when its pixels are read, as for any other file
            found[name] = None
    return found


def _is_dicom(path: Path) -> bool:
    # Whatever a file is called: by a DICOM file's name nobody may be known.
    try:
        return is_dicom(path)
    except OSError:  # told when its bytes are read, as for any other file
        return False


def _complete(radiograph: Radiograph, facts: DicomFacts | None) -> Radiograph:
    """Return a radiograph with what its header says where the table says nothing."""
    if facts is None:
        return radiograph
    return replace(
        radiograph,
        patient=radiograph.patient or facts.patient,
        study=radiograph.study or facts.study,
        metadata=describe_header(facts) | dict(radiograph.metadata),
    )
