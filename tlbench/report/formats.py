"""Sheets as text for elsewhere: Markdown, CSV, LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from tlbench.report.sheets import Cell, Estimate, Sheet, in_line


def to_markdown(sheets: Sequence[Sheet]) -> str:
    """Return the sheets as Markdown tables with their notes; text from outside is escaped."""
    parts = []
    for sheet in sheets:
        lines = [f"**{markdown_text(sheet.title)}**", ""]
        lines.append(_line([markdown_text(column) for column in sheet.columns]))
        lines.append(_line(["---"] * len(sheet.columns)))
        lines += [_line([markdown_text(in_line(cell)) for cell in row]) for row in sheet.rows]
        if sheet.notes:
            lines += ["", *(f"- {markdown_text(note)}" for note in sheet.notes)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown_text(text: str) -> str:
    """Return text with all that Markdown takes for marks escaped, on one line."""
    for mark in ("\\", "|", "*", "_", "`", "[", "]", "<", ">", "#"):
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


def to_csv(sheets: Sequence[Sheet]) -> str:
    """Return the sheets as CSV, a blank line between them; figures in full precision.

    A figure with limits takes three columns, the limits in `... low` and `... high`. The first
    column of every row says which sheet it belongs to, the last one, `warnings`, what it is
    marked with, where it is.
    """
    return "\n".join(_csv(sheet) for sheet in sheets)


def _csv(sheet: Sheet) -> str:
    with_limits = [
        any(isinstance(row[i], Estimate) and row[i].limits for row in sheet.rows)  # type: ignore[union-attr]
        for i in range(len(sheet.columns))
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["table"]
    for column, limits in zip(sheet.columns, with_limits, strict=True):
        head += [column, f"{column} low", f"{column} high"] if limits else [column]
    marks = ["; ".join(in_line(mark) for mark in sheet.marks)] if sheet.marks else []
    writer.writerow([*head, *(["warnings"] if marks else [])])
    for row in sheet.rows:
        line = [sheet.name]
        for cell, limits in zip(row, with_limits, strict=True):
            line += _values(cell, limits)
        writer.writerow(line + marks)
    return out.getvalue()


def _values(cell: Cell, limits: bool) -> list[str]:
    if isinstance(cell, str):
        return [in_line(cell), "", ""] if limits else [in_line(cell)]
    numbers = (cell.value, cell.low, cell.high) if limits else (cell.value,)
    return ["" if number is None else repr(float(number)) for number in numbers]


_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    # At the start of a row it would be an argument of the end of the row before.
    "[": "{[}",
    "]": "{]}",
    ">": r"\textgreater{}",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "≥": r"$\geq$",
}


def to_latex(sheets: Sequence[Sheet]) -> str:
    """Return the sheets as LaTeX tables in the style of the package `booktabs`.

    A sheet that no page holds becomes a `longtable`.
    """
    return "\n".join(_long_table(s) if len(s.rows) > _ROWS else _latex_table(s) for s in sheets)


_ROWS = 40
"""So many rows fit a page."""


def _latex_table(sheet: Sheet) -> str:
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            "\\begin{table}",
            *_latex_caption(sheet),
            f"  \\begin{{tabular}}{{{'l' * len(sheet.columns)}}}",
            "    \\toprule",
            _latex_row(sheet.columns),
            "    \\midrule",
            *(_latex_row(row) for row in sheet.rows),
            "    \\bottomrule",
            "  \\end{tabular}",
            *_latex_notes(sheet),
            "\\end{table}",
            "",
        ]
    )


def _long_table(sheet: Sheet) -> str:
    *caption, label = _latex_caption(sheet)
    return "\n".join(
        [
            "% needs \\usepackage{booktabs,longtable}",
            f"\\begin{{longtable}}{{{'l' * len(sheet.columns)}}}",
            *caption,
            f"{label} \\\\",
            "    \\toprule",
            _latex_row(sheet.columns),
            "    \\midrule",
            "  \\endhead",
            *(_latex_row(row) for row in sheet.rows),
            "    \\bottomrule",
            "\\end{longtable}",
            *_latex_notes(sheet),
            "",
        ]
    )


def _latex_caption(sheet: Sheet) -> list[str]:
    return [f"  \\caption{{{latex_text(sheet.title)}}}", f"  \\label{{tab:{sheet.name}}}"]


def _latex_notes(sheet: Sheet) -> list[str]:
    if not sheet.notes:
        return []
    return [f"  \\par{{\\footnotesize {' '.join(latex_text(note) for note in sheet.notes)}\\par}}"]


def _latex_row(row: Sequence[Cell]) -> str:
    return f"    {' & '.join(latex_text(in_line(cell)) for cell in row)} \\\\"


def latex_text(text: str) -> str:
    """Return text with all that LaTeX takes for commands escaped, on one line."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
