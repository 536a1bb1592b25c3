"""CSV tables that describe radiographs, read strictly: a wrong label is worse than an error."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.errors import DataError

_SAVE_AS = "save it as comma-separated values in UTF-8"


@dataclass(frozen=True)
class Row:
    """One row of a table: the line it ends on, counted from 1, and its values by column."""

    line: int
    values: dict[str, str]


def read_table(
    path: Path, required: Iterable[str], *, header: Sequence[str] = (), separators: str = ","
) -> list[Row]:
    """Read a CSV file; values are stripped text, empty lines are skipped.

    The first line names the columns, unless `header` does. Of several `separators` the one that is
    most frequent in the first line is taken. A byte order mark is accepted. Raises `DataError` if
    the file is missing, not UTF-8, not a table, lacks a column of `required`, repeats a column, or
    has a row of another length.
    """
    text = _read_text(path)
    first = text.lstrip().partition("\n")[0]
    separator = max(separators, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    rows: list[Row] = []
    header = list(header)
    try:
        for cells in reader:
            values = [cell.strip() for cell in cells]
            if not any(values):
                continue
            if not header:
                header = values
                check_columns(path, header, required)
                continue
            if len(values) != len(header):
                raise DataError(
                    f'line {reader.line_num} of "{path}" has {len(values)} values '
                    f"instead of {len(header)}",
                    "correct the line",
                )
            rows.append(Row(reader.line_num, dict(zip(header, values, strict=True))))
    except csv.Error as error:
        raise DataError(
            f'line {reader.line_num} of "{path}" can\'t be read: {error}', _SAVE_AS
        ) from None
    if not rows:
        raise DataError(f'"{path}" has no rows', "check that it was copied whole")
    return rows


def index_rows(path: Path, rows: Iterable[Row], column: str) -> dict[str, Row]:
    """Return rows by their value in `column`; `DataError` if one is empty or occurs twice."""
    index: dict[str, Row] = {}
    for row in rows:
        name = row.values[column]
        if not name:
            raise DataError(f'line {row.line} of "{path}" has no {column}', "correct the line")
        if name in index:
            raise DataError(
                f'"{name}" occurs twice in "{path}", on lines {index[name].line} and {row.line}',
                "remove one of the two lines",
            )
        index[name] = row
    return index


def read_label(path: Path, row: Row, column: str) -> int:
    """Return the label in `column`, 0 or 1; `DataError` for anything else."""
    text = row.values[column]
    if text not in ("0", "1"):
        raise DataError(
            f'line {row.line} of "{path}" has "{text}" in column "{column}"', "it must be 0 or 1"
        )
    return int(text)


def read_list(path: Path, column: str) -> list[str]:
    """Return what a file lists: its lines, or `column` of a CSV table that has it; maybe nothing.

    Raises `DataError` if the file can't be read, or is such a table with an error in it.
    """
    lines = [line.strip() for line in _read_text(path).splitlines() if line.strip()]
    header = next(csv.reader(lines[:1]), [])
    if column not in (cell.strip() for cell in header):
        return lines
    rows = read_table(path, (column,)) if len(lines) > 1 else []
    return [row.values[column] for row in rows if row.values[column]]


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f'"{path}" is not UTF-8 text', _SAVE_AS) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(
            f'can\'t read "{path}": {reason}', "give the path of a file that you may read"
        ) from None


def check_columns(path: Path, header: Sequence[str], required: Iterable[str]) -> None:
    """Raise `DataError` where a column of `required` is missing or one occurs twice."""
    missing = [column for column in required if column not in header]
    if missing:
        raise DataError(
            f'"{path}" has no column "{missing[0]}"; its columns are {", ".join(header)[:200]}',
            f"it may be of another data set; if not, {_SAVE_AS}",
        )
    repeated = [column for column in header if header.count(column) > 1]
    if repeated:
        raise DataError(f'"{path}" has two columns "{repeated[0]}"', "rename or remove one")
