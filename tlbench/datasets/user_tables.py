"""Tables that users give with `--manifest`: what their columns are, and what their cells say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.datasets.classes import find_class, guess_positive, letters
from tlbench.datasets.csv_files import Row, read_table
from tlbench.datasets.parquet_files import is_parquet, read_parquet
from tlbench.errors import DataError
from tlbench.protocols.partition import PARTITIONS
from tlbench.registry import unknown
from tlbench.specs import DatasetRequest
from tlbench.words import few

METADATA_WORDS = ("view", "laterality", "age", "sex")

# Names are compared by `letters`; a column called like its word goes before all others.
_USUAL: Mapping[str, tuple[str, ...]] = {
    "path": ("file", "filename", "filepath", "image", "imagepath", "imagefile"),
    "label": ("labels", "y", "ytrue", "truth", "target", "class", "fracture", "fractured"),
    "patient": ("patientid", "subject", "subjectid", "mrn"),
    "study": ("studyid", "studyuid", "studyinstanceuid"),
    "instance": ("sopinstanceuid", "sopuid", "instanceuid", "imageuid"),
    "accession": ("accessionnumber",),
    "view": ("projection", "viewposition"),
    "laterality": ("side",),
    "age": ("patientage",),
    "sex": ("gender", "patientsex"),
}
# As programs write what is missing; not "none", which is a label.
_UNKNOWN = {"nan", "na", "n/a", "#n/a", "<na>", "null"}
_ZERO_OR_ONE = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
_SAY_WHICH = "say which label is positive: --positive NAME"


@dataclass(frozen=True)
class UserTable:
    """A table of the user's: its file, its rows, which column each word stands for."""

    path: Path
    rows: Sequence[Row]
    columns: Mapping[str, str]
    unit: str = "line"

    def cell(self, row: Row, word: str) -> str:
        """Return what a row says of a word; empty where it says that it does not know.

        Empty as well where the table has no such column.
        """
        text = row.values[self.columns[word]] if word in self.columns else ""
        return "" if text.casefold() in _UNKNOWN else text

    def places(self, rows: Sequence[Row], most: int = 3) -> str:
        """Name some rows by their lines."""
        lines = ", ".join(f"{row.line:,}" for row in rows[:most])
        more = f" and {len(rows) - most:,} more" if len(rows) > most else ""
        return f"{self.unit}{'s' if len(rows) > 1 else ''} {lines}{more}"

    def metadata(self, row: Row) -> dict[str, str]:
        """Return what a row says beside the words that have a meaning of their own.

        The words of `METADATA_WORDS` are left out where their cell is empty.
        """
        taken = set(self.columns.values())
        found = {name: text for name, text in row.values.items() if name and name not in taken}
        known = {word: self.cell(row, word) for word in METADATA_WORDS}
        return found | {word: text for word, text in known.items() if text}


def read_user_table(request: DatasetRequest, dataset: str, words: Sequence[str]) -> UserTable:
    """Read the table that `request.manifest` names, CSV or Parquet, and find its columns.

    `words` are what columns may stand for; `request.columns` goes before the usual names. Raises
    `DataError` where there is no table, it can't be read, has no label, or it isn't clear which
    column a word means; `UnknownNameError` for a word or a column that does not exist.
    """
    path = request.manifest
    if path is None:
        raise DataError(
            f'data set "{dataset}" needs a table with a label for each row',
            "give it: --manifest FILE, CSV or Parquet",
        )
    if is_parquet(path):
        rows, dropped = read_parquet(path)
        if dropped:
            request.say(f'columns of "{path}" that hold no text or numbers ignored: {few(dropped)}')
        unit = "row"
    else:
        rows, unit = read_table(path, (), separators=",;\t"), "line"
    columns = _find_columns(path, list(rows[0].values), request.columns, words)
    if "label" not in columns:
        raise DataError(
            f'"{path}" has no column of labels; its columns are {few(list(rows[0].values), 12)}',
            "name it: --column label=NAME",
        )
    table = UserTable(path, rows, columns, unit)
    request.say(f'"{path}": ' + ", ".join(f'{w} from "{n}"' for w, n in columns.items()))
    return table


def _find_columns(
    path: Path, header: Sequence[str], named: Mapping[str, str], words: Sequence[str]
) -> dict[str, str]:
    """Return the column of each word: as the user names it, else by its usual names."""
    for word, name in named.items():
        if word not in words:
            raise unknown("column word", word, words, f"the words are {', '.join(words)}")
        if name not in header:
            raise unknown("column", name, header, f'"{path}" has {few(list(header), 12)}')
    doubled = [name for name, count in Counter(named.values()).items() if count > 1]
    if doubled:
        raise DataError(
            f'column "{doubled[0]}" is given two meanings', "name another column for one of them"
        )
    free = [name for name in header if name not in named.values()]
    found = dict(named)
    for word in words:
        if word not in named:
            usual = [name for name in free if letters(name) in _USUAL.get(word, ())]
            names = [name for name in free if letters(name) == word] or usual
            if len(names) > 1:
                raise DataError(
                    f'several columns of "{path}" may be the {word}: {few(names, 12)}',
                    f"say which: --column {word}=NAME",
                )
            if names:
                found[word] = names[0]
    return {word: found[word] for word in words if word in found}


def read_labels(table: UserTable, positive: str | None) -> list[int]:
    """Return the label of each row, 0 or 1, in the order of the rows.

    Labels are 0 and 1, or two words of which `positive`, or else their meaning, says which is 1.
    Raises `DataError` for empty labels, and for more or fewer than two that are not 0 and 1.
    """
    check_filled(table, "label")
    texts = [table.cell(row, "label") for row in table.rows]
    if positive is None and all(text in _ZERO_OR_ONE for text in texts):
        return [_ZERO_OR_ONE[text] for text in texts]
    classes = sorted(set(texts))
    if len(classes) != 2:
        raise DataError(
            f'column "{table.columns["label"]}" of "{table.path}" has {_count_classes(table)}',
            "labels are 0 and 1, or two words",
        )
    chosen = guess_positive(classes) if positive is None else find_class(classes, positive)
    if chosen is None and positive is not None:
        raise DataError(
            f'there is no label "{positive}" in "{table.path}": {few(classes)}', _SAY_WHICH
        )
    if chosen is None:
        raise DataError(
            f'the labels in "{table.path}" do not say which is positive: {few(classes)}', _SAY_WHICH
        )
    return [int(text == chosen) for text in texts]


def _count_classes(table: UserTable) -> str:
    """The labels by number, rare ones with their lines: it is they that are odd."""
    rows: dict[str, list[Row]] = {}
    for row in table.rows:
        rows.setdefault(table.cell(row, "label"), []).append(row)
    if len(rows) == 1:
        return f'one label instead of two: "{next(iter(rows))}"'
    rare = sorted(rows.items(), key=lambda item: (len(item[1]), item[1][0].line))
    shown = ", ".join(
        f'"{name}" ({table.places(some)})' for name, some in rare[: len(rare) - 2][:3]
    )
    return f"{len(rows):,} labels instead of 2; beside the two most frequent: {shown}"


def read_partitions(table: UserTable) -> list[str | None]:
    """Return the partition that each row names, None for an empty cell; `DataError` for others."""
    texts = [table.cell(row, "partition").casefold() for row in table.rows]
    odd = [
        row for row, text in zip(table.rows, texts, strict=True) if text not in ("", *PARTITIONS)
    ]
    if odd:
        raise DataError(
            f'"{table.cell(odd[0], "partition")}" is not a partition '
            f'({table.places(odd)} of "{table.path}")',
            f"partitions are {', '.join(PARTITIONS)}",
        )
    return [text or None for text in texts]


def check_filled(table: UserTable, word: str) -> None:
    """Raise `DataError`, naming lines, where a column of the table has empty cells."""
    if word not in table.columns:
        return
    empty = [row for row in table.rows if not table.cell(row, word)]
    if empty:
        raise DataError(
            f'column "{table.columns[word]}" of "{table.path}" is empty in {table.places(empty)}',
            "fill it, or remove " + ("this row" if len(empty) == 1 else "these rows"),
        )
