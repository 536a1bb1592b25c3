"""The table: rows of medians, the limits they are held to, and the page that is kept."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line: `values` are of each round, the median counts.

    `least` and `most` are limits, None where there is none. `problem` says why a row has no
    values; it fails like a missed limit unless the row is `optional`.
    """

    what: str
    values: Sequence[float] = ()
    least: float | None = None
    most: float | None = None
    unit: str = ""
    problem: str = ""
    optional: bool = False
    digits: int = 2

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def missed(self) -> bool:
        if not self.values:
            return not self.optional
        below = self.least is not None and self.value < self.least
        return below or (self.most is not None and self.value > self.most)

    def cells(self) -> tuple[str, str, str, str, str]:
        limit = [
            f"{word} {number:g}"
            for word, number in (("at least", self.least), ("at most", self.most))
            if number is not None
        ]
        verdict = ("missed" if self.missed else "kept") if limit and self.values else ""
        unit = f" {self.unit}" if self.unit else ""
        if not self.values:
            return self.what, "not measured", self.problem, " ".join(limit), verdict
        middle = f"{self.value:,.{self.digits}f}{unit}"
        low, high = min(self.values), max(self.values)
        spread = f"{low:,.{self.digits}f}–{high:,.{self.digits}f}" if len(self.values) > 1 else ""
        return self.what, middle, spread, " ".join(limit), verdict


COLUMNS = ("what", "median", "range of rounds", "limit", "")


def any_missed(rows: Sequence[Row]) -> bool:
    return any(row.missed for row in rows)


def as_markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def as_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [columns, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
