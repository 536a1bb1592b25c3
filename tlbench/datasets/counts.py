"""How many radiographs there are: by partition, patient, view, and what else is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import Any

import numpy as np

from tlbench.datasets.cards import Card
from tlbench.datasets.table import Table
from tlbench.protocols.partition import PARTITIONS
from tlbench.registry import unknown

COMMON_WORDS = ("view", "laterality", "sex", "age")
"""Metadata that no reader may give another meaning, and that name nobody."""
_MOST_VALUES = 12
_SEVERAL = 4
_NAMED = 20


@dataclass(frozen=True)
class Count:
    """Radiographs that have `value` in `word`; `patients` is None where nobody names them."""

    word: str
    value: str
    radiographs: int
    positives: int
    patients: int | None


def known_words(card: Card | None) -> list[str]:
    """Return the metadata words that may be shown unasked: the common ones, and a card's columns.

    Other columns of a user's own table may name patients, and are shown only if asked for.
    """
    words = list(COMMON_WORDS)
    if card:
        entries = [card.content.get("columns", {}), *card.subsets.values()]
        for entry in entries:
            for key in ("parts", "views", "other", "reveals_label"):
                words.extend(entry.get(key, ()))
    return list(dict.fromkeys(words))


def check_columns(table: Table, words: Iterable[str]) -> None:
    """Raise `UnknownNameError` for a word that is no column of metadata, naming those there are."""
    columns = sorted({column for r in table.radiographs for column in r.metadata})
    for word in words:
        if word in columns:
            continue
        error = unknown("column", word, columns, "take one of these" if columns else "leave it out")
        shown = ", ".join(columns[:_NAMED]) + (", ..." if len(columns) > _NAMED else "")
        error.message += f"; there are {shown}" if columns else "; the data set has none"
        raise error


def count_radiographs(
    table: Table,
    words: Iterable[str],
    partitions: Sequence[str] | None = None,
    *,
    asked: Sequence[str] = (),
) -> list[Count]:
    """Count the radiographs of a table, and those of each value of `words` and of `asked`.

    `partitions` names the partition of each radiograph. Words that no radiograph has, or all have
    as 0, are passed over, unless they are asked for; of words with many values it is said only how
    many.
    """
    counter = _Counter(table)
    counts = [counter.count("all", "", range(len(table)))]
    if partitions is not None:
        counts += counter.by_value("partition", partitions, PARTITIONS)
    if table.has_patients:
        of_each = Counter(radiograph.patient for radiograph in table.radiographs)
        several = [min(of_each[radiograph.patient], _SEVERAL) for radiograph in table.radiographs]
        named = [f"{n} or more" if n == _SEVERAL else str(n) for n in several]
        counts += counter.by_value("radiographs of a patient", named, sorted(set(named)))
    for word in dict.fromkeys([*words, *asked]):
        values = [radiograph.metadata.get(word, "") for radiograph in table.radiographs]
        if word in asked or any(value not in ("", "0") for value in values):
            counts += _count_word(counter, word, values)
    return counts


def _count_word(counter: _Counter, word: str, values: Sequence[str]) -> list[Count]:
    found = Counter(value for value in values if value)
    stated = [row for row, value in enumerate(values) if value]
    if not found:
        return [counter.count(word, "not stated", range(len(values)))]
    if word == "age" and all(_is_number(value) for value in found):
        ages = [float(values[row]) for row in stated]
        text = f"{min(ages):g} to {max(ages):g}, median {median(ages):g}"
        return [counter.count(word, text, stated)]
    if len(found) > _MOST_VALUES:
        return [counter.count(word, f"{len(found):,} values", stated)]
    # Of a column of yes and no, the rows of no follow from the others.
    shown = ["1"] if set(found) <= {"0", "1"} else [*sorted(found), *([""] if "" in values else [])]
    return counter.by_value(word, values, shown)


class _Counter:
    def __init__(self, table: Table) -> None:
        self._table = table

    def count(self, word: str, value: str, rows: Collection[int]) -> Count:
        index: Any = np.fromiter(rows, dtype=np.int64, count=len(rows))
        positives = int(self._table.labels[index].sum())
        return Count(word, value, len(rows), positives, self._table.count_patients(rows))

    def by_value(self, word: str, values: Sequence[str], shown: Iterable[str]) -> list[Count]:
        return [
            self.count(word, value or "not stated", [i for i, v in enumerate(values) if v == value])
            for value in shown
        ]


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
