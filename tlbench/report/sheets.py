"""Sheets: titled rows of cells, the one form from which every table is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DASH = "–"


@dataclass(frozen=True)
class Estimate:
    """A figure, with its limits where it has them; `value` is None where it does not exist.

    A `p` value is shown as "<0.001" where it is smaller.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p: bool = False

    @property
    def number(self) -> str:
        """The figure with three decimals, or a dash."""
        if self.value is None:
            return DASH
        if self.p and self.value < 0.001:
            return "<0.001"
        return f"{self.value:.3f}"

    @property
    def limits(self) -> str:
        """Both limits, or nothing where there are none."""
        if self.value is None or self.low is None or self.high is None:
            return ""
        # "to" where a minus sign would stand beside the dash.
        between = DASH if self.low >= 0 else " to "
        return f"{self.low:.3f}{between}{self.high:.3f}"


Cell = str | Estimate


@dataclass(frozen=True)
class Sheet:
    """A table before it is shown: `name` for machines, `title` and `notes` for people.

    `marks` go wherever the figures go, also where there is no place for title and notes.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    notes: list[str] = field(default_factory=list)
    marks: tuple[str, ...] = ()


def estimate(value: dict[str, Any] | Any) -> Estimate:
    """Return the estimate in a record's `{value, low, high}`, by patient where it has that."""
    limits = value.get("by_patient", value)
    return Estimate(value["value"], limits["low"], limits["high"])


def stacked(cell: Cell) -> str:
    """Return a cell's text with limits on a line of their own, as narrow tables need it."""
    if isinstance(cell, str):
        return cell
    return f"{cell.number}\n{cell.limits}" if cell.limits else cell.number


def in_line(cell: Cell) -> str:
    """Return a cell's text on one line."""
    if isinstance(cell, str):
        return cell.replace("\n− ", " − ").replace("\n", ", ")
    return f"{cell.number} ({cell.limits})" if cell.limits else cell.number
