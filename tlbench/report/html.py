"""Records as HTML fragments, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tlbench.report.comparisons import comparison_sheets
from tlbench.report.rows import run_sheet
from tlbench.report.sheets import Cell, Sheet, stacked


def record_to_html(record: Mapping[str, Any]) -> str:
    """Return the run's table as an HTML fragment; all text from outside is escaped."""
    return sheet_to_html(run_sheet([record]))


def comparison_to_html(data: Mapping[str, Any]) -> str:
    """Return the tables of a comparison as an HTML fragment."""
    return "".join(sheet_to_html(sheet) for sheet in comparison_sheets(data))


def sheet_to_html(sheet: Sheet) -> str:
    """Return a sheet as an HTML fragment; all text from outside is escaped."""
    head = f"<tr>{_cells('th', sheet.columns)}</tr>"
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in sheet.rows)
    notes = "".join(f"<li>{escape(note)}</li>" for note in sheet.notes)
    return (
        f"<table><caption>{escape(sheet.title)}</caption><thead>{head}</thead>"
        f"<tbody>{body}</tbody></table><ul>{notes}</ul>"
    )


def _cells(tag: str, row: Sequence[Cell]) -> str:
    texts = (escape(stacked(cell)).replace("\n", "<br>") for cell in row)
    return "".join(f"<{tag}>{text}</{tag}>" for text in texts)
