"""Predictions made elsewhere: a CSV file with a label and one or more scores for each case."""

from __future__ import annotations

import codecs
import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.registry import unknown
from tlbench.stats.units import collect_units

if TYPE_CHECKING:
    from pandas import DataFrame, Series

LABEL_NAMES = ("label", "labels", "y", "y_true", "truth", "target", "class", "fracture")
PATIENT_NAMES = ("patient", "patient_id", "patientid", "subject", "subject_id")
UNIT_NAMES = ("unit", "study", "study_id")
CASE_NAMES = ("case", "case_id", "image", "image_id", "id", "file", "filename", "path")
POSITIVE = frozenset({"1", "1.0", "true", "yes", "fracture", "fractured", "positive"})
NEGATIVE = frozenset(
    {"0", "0.0", "false", "no", "no fracture", "no_fracture", "nofracture", "normal", "negative"}
)


@dataclass(frozen=True)
class Predictions:
    """Labels (n,), scores (n,) by classifier, patients (n,) or None, and remarks on the reading."""

    labels: NDArray[np.int64]
    scores: dict[str, NDArray[np.float64]]
    patients: NDArray[np.int64] | None
    notes: tuple[str, ...]


def read_predictions(
    file: Path,
    *,
    label: str | None = None,
    scores: Sequence[str] = (),
    patient: str | None = None,
    case: str | None = None,
    positive: str | None = None,
    unit: str | None = None,
) -> Predictions:
    """Read a CSV file; separators, decimal commas and the encoding are found out.

    Without names, the label column is one called like `LABEL_NAMES`, patients and cases likewise,
    and every other column that holds numbers is a classifier's scores, but those called like
    `UNIT_NAMES`. Scores are averaged over what the column `unit` names, under each patient. No row
    is ever left out: raises `DataError`, naming rows, for whatever can't be used. Memory: about
    9 bytes a value.
    """
    encoding, separator, columns = _look(file)
    label, patient, case = _roles(file, columns, label, patient, case)
    if unit is not None:
        _known(unit, columns, "unit")
        if unit == label:
            raise DataError(f'column "{unit}" has two parts: labels and units', "name another")
    special = [name for name in (label, patient, case, unit) if name]
    for name in scores:
        _known(name, columns, "score")
        if name in special:
            raise DataError(f'column "{name}" can\'t be scores: it has another part', "see --label")
    named = [name for name in columns if name.lower() in UNIT_NAMES and name not in scores]
    names_only = [name for name in (patient, case, unit, *named) if name and name != label]
    dtypes = {label: "category"} | dict.fromkeys(names_only, "str")
    table = _read(file, encoding, separator, columns, dtypes)
    if not len(table):
        raise DataError(f'"{file}" has no rows', "it needs one row a case")
    if case:
        _check_cases(table[case], table[label])
    values, notes = _labels(table[label], positive)
    # A column without a name is what some programs write for their own count of rows.
    names = list(scores) or [n for n in columns if n and n not in (*special, *names_only)]
    numbers = {name: _scores(table[name], bool(scores)) for name in names}
    kept = {name: found for name, found in numbers.items() if found is not None}
    if not kept:
        raise DataError(f'"{file}" has no column of scores', "name them with --score")
    if not scores:
        notes.append(f"taken as scores, for they hold numbers: {_quoted(list(kept))}")
    left = [name for name in columns if name not in kept and name not in special]
    if left and not scores:
        notes.append(f"not scores, left aside: {_quoted(left)}")
    codes = _patients(table[patient], values, notes) if patient else None
    found = Predictions(values, kept, codes, tuple(notes))
    return found if unit is None else _average(found, table[unit])


def _average(found: Predictions, column: Series) -> Predictions:
    """The predictions of units: means of scores, positive where any case is."""
    names = column.str.strip()
    _refuse_rows(names.isna().to_numpy(), f'column "{column.name}" has no name')
    keys = names.to_numpy(dtype=str)
    if found.patients is not None:  # two patients may have studies of one name
        keys = np.char.add(found.patients.astype(str), np.char.add(" ", keys))
    units = collect_units(found.labels, keys)
    patients = None if found.patients is None else found.patients[units.first]
    notes = [f'scores are averaged over "{column.name}": {len(units.of):,} rows']
    mixed = int(np.sum(np.bincount(units.of, found.labels) < units.labels * np.bincount(units.of)))
    if mixed:
        notes.append(f"{mixed} of its units have cases of both classes and count as positive")
    scores = {name: units.average(values) for name, values in found.scores.items()}
    return Predictions(units.labels, scores, patients, (*found.notes, *notes))


def _look(file: Path) -> tuple[str, str, list[str]]:
    """Encoding, separator and column names, from the beginning of the file."""
    try:
        with file.open("rb") as stream:
            start = stream.read(2**16)
            encoding = _encoding(start, stream)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f'can\'t read "{file}": {reason}', "check the path") from error
    if b"\0" in start and encoding != "utf-16":
        raise DataError(f'"{file}" is not a text file', "it must be a CSV file")
    head = start.decode(encoding, errors="replace").lstrip("\ufeff").splitlines()
    if not head or not head[0].strip():
        what = "begins with a blank line" if start.strip() else "is empty"
        raise DataError(f'"{file}" {what}', "its first line must name the columns")
    separator = max(",;\t", key=head[0].count)
    columns = [name.strip() for name in next(csv.reader([head[0]], delimiter=separator))]
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    if doubled:
        raise DataError(f'"{file}" has columns of one name: {_quoted(doubled)}', "rename them")
    return encoding, separator, columns


def _encoding(start: bytes, stream: Any) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(start)
        for piece in iter(lambda: stream.read(2**20), b""):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"  # what spreadsheets write where it is not UTF-8
    return "utf-8-sig"


def _roles(
    file: Path, columns: Sequence[str], label: str | None, patient: str | None, case: str | None
) -> tuple[str, str | None, str | None]:
    """The columns of labels, patients and cases: as named, else by their usual names."""
    named = [name for name in (label, patient, case) if name is not None]
    for name, kind in ((label, "label"), (patient, "patient"), (case, "case")):
        if name is not None:
            _known(name, columns, kind)
    if len(set(named)) < len(named):
        raise DataError(f"one column has two parts: {_quoted(named)}", "name a column for each")
    free = [name for name in columns if name not in named]
    if label is None:
        usual = [name for name in free if name.lower() in LABEL_NAMES]
        if not usual:
            hint = "name it with --label"
            if len(columns) == 1:
                hint = "columns must be separated by commas, semicolons or tabs"
            raise DataError(f'"{file}" has no label column: it has {_quoted(columns)}', hint)
        if len(usual) > 1:
            raise DataError(
                f"several columns may be the label: {_quoted(usual)}", "name it with --label"
            )
        label = usual[0]
    patient = patient or next((name for name in free if name.lower() in PATIENT_NAMES), None)
    case = case or next((n for n in free if n.lower() in CASE_NAMES and n != patient), None)
    return label, patient, case


def _known(name: str, columns: Sequence[str], kind: str) -> None:
    if name not in columns:
        raise unknown(f"{kind} column", name, columns, f"the file has {_quoted(columns)}")


def _read(
    file: Path,
    encoding: str,
    separator: str,
    columns: Sequence[str],
    dtypes: dict[str, str],
) -> DataFrame:
    import pandas as pd

    options: dict[str, Any] = {
        "encoding": encoding,
        "encoding_errors": "replace",
        "sep": separator,
        "names": columns,
        "header": 0,
        # Patients and cases are names even where they look like numbers: 007 is not 7.
        "dtype": dtypes,
        "skipinitialspace": True,
        "compression": None,
        # Only an empty cell is missing: "None" and "NA" are labels, and NA may be a patient.
        "keep_default_na": False,
        "na_values": [""],
        "skip_blank_lines": False,
        "index_col": False,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(file, **options)
            if separator != "," and any(_has_decimal_comma(table[name]) for name in table):
                table = pd.read_csv(file, decimal=",", **options)
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        reason = " ".join(str(error).split()).lower()
        raise DataError(
            f'"{file}" can\'t be read as a table: {reason}',
            "each row needs as many values as there are columns, and no quote left open",
        ) from error
    # Blank lines at the end are no rows; elsewhere they are refused, with their line.
    blank = table.isna().all(axis=1).to_numpy()
    end = len(table) if not len(table) else int(np.flatnonzero(~blank).max(initial=-1)) + 1
    return table.iloc[:end]


def _has_decimal_comma(column: Series) -> bool:
    if str(column.dtype) == "category" or column.dtype.kind in "iufb":
        return False
    return bool(column.dropna().astype(str).str.fullmatch(r"\s*-?\d+,\d+\s*").any())


def _labels(column: Series, positive: str | None) -> tuple[NDArray[np.int64], list[str]]:
    codes: NDArray[Any] = column.cat.codes.to_numpy()
    _refuse_rows(codes < 0, f'column "{column.name}" has no label')
    classes = [str(name).strip() for name in column.cat.categories]
    if positive is not None:
        if positive not in classes:
            raise unknown("class", positive, classes, f"the labels are {_quoted(classes)}")
        found = positive
    else:
        found = _guess_positive(classes, str(column.name))
    if len(classes) != 2:
        what = "one class" if len(classes) == 1 else f"{len(classes)} classes"
        raise DataError(
            f'column "{column.name}" has {what} instead of two: {_quoted(classes)}',
            "an AUC needs positive and negative cases",
        )
    other = next(name for name in classes if name != found)
    notes = []
    if positive is not None or found not in ("1", "1.0"):
        notes.append(f'positive is "{found}", negative is "{other}"')
    values: NDArray[np.int64] = (codes == classes.index(found)).astype(np.int64)
    return values, notes


def _guess_positive(classes: Sequence[str], column: str) -> str:
    known = [name for name in classes if name.lower() in POSITIVE]
    rest = [name for name in classes if name.lower() in NEGATIVE]
    if len(classes) <= 2 and len(known) + len(rest) == len(classes) and len(known) <= 1:
        return known[0] if known else ""
    if len(classes) > 2:
        return ""
    raise DataError(
        f'column "{column}" has the classes {_quoted(classes)}: which is positive?',
        f'say so, e.g. --positive "{classes[-1]}"',
    )


def _scores(column: Series, asked: bool) -> NDArray[np.float64] | None:
    """The numbers of a column, or None for one that nobody asked for and that is no number."""
    import pandas as pd

    numeric = pd.to_numeric(column.astype(object) if column.dtype == bool else column,
                            errors="coerce")  # fmt: skip
    values = numeric.to_numpy(dtype=np.float64)
    if not asked and np.isnan(values).all():
        return None
    _refuse_rows(~np.isfinite(values), f'scores of "{column.name}" are missing or not finite')
    return np.asarray(values)


def _patients(column: Series, labels: NDArray[np.int64], notes: list[str]) -> NDArray[np.int64]:
    names = column.str.strip().astype("category")
    codes: NDArray[np.int64] = names.cat.codes.to_numpy().astype(np.int64)
    _refuse_rows(codes < 0, f'column "{column.name}" has no patient')
    positives = np.bincount(codes, weights=labels)
    mixed = int(np.sum((positives > 0) & (positives < np.bincount(codes))))
    if mixed:
        notes.append(f"{mixed} patients have cases of both classes; their variance allows for it")
    return codes


def _check_cases(cases: Series, labels: Series) -> None:
    _refuse_rows(cases.isna().to_numpy(), f'column "{cases.name}" has no name')
    doubled = cases.duplicated(keep=False).to_numpy()
    if doubled.any():
        first = cases[doubled].iloc[0]
        rows = np.flatnonzero((cases == first).to_numpy())
        contradictory = labels.iloc[rows].nunique() > 1
        what = "stands in several rows with different labels" if contradictory else "stands twice"
        raise DataError(
            f'case "{first}" {what}: {_lines(rows)}',
            f"{int(doubled.sum())} rows are such; keep one for each case",
        )


def _refuse_rows(bad: NDArray[np.bool_], what: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        raise DataError(f"{what}: {_lines(rows)}", "complete or remove these rows")


def _lines(rows: NDArray[np.int64], most: int = 3) -> str:
    # The header is line 1, and the first row of the table line 2.
    shown = ", ".join(f"line {row + 2:,}" for row in rows[:most])
    return shown if len(rows) <= most else f"{shown} and {len(rows) - most:,} more"


def _quoted(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
