"""Tables for elsewhere carry the same figures, and text from outside stays text."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest

from tlbench.report.formats import to_csv, to_latex, to_markdown
from tlbench.report.sheets import Estimate, Sheet, in_line, stacked

HOSTILE = r"a_b & 50% | *x* \input{evil} <script> $y$ #1 {z} ~^"
SHEET = Sheet(
    "backbones",
    "A title",
    ("Backbone", "AUC", "p"),
    [
        ("net\nimagenet", Estimate(0.9123456789, 0.8, 0.95), Estimate(0.0004, p=True)),
        (HOSTILE, Estimate(None), Estimate(0.25, p=True)),
        ("minus", Estimate(-0.1, -0.2, 0.05), Estimate(1.0, p=True)),
    ],
    ["A note."],
)


def test_cells_as_text() -> None:
    cell = SHEET.rows[0][1]
    assert stacked(cell) == "0.912\n0.800–0.950"
    assert in_line(cell) == "0.912 (0.800–0.950)"
    assert in_line(SHEET.rows[2][1]) == "-0.100 (-0.200 to 0.050)"
    assert in_line(SHEET.rows[0][2]) == "<0.001"
    assert stacked(Estimate(None)) == "–"


def test_csv_has_full_precision_and_reads_back() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv([SHEET]))))
    assert float(rows[0]["AUC"]) == 0.9123456789
    assert (float(rows[0]["AUC low"]), float(rows[0]["AUC high"])) == (0.8, 0.95)
    assert rows[1]["AUC"] == ""
    assert rows[1]["Backbone"] == " ".join(HOSTILE.split())
    assert float(rows[0]["p"]) == 0.0004
    assert {row["table"] for row in rows} == {"backbones"}


def test_marks_stand_in_every_row_of_csv() -> None:
    marked = replace(SHEET, marks=("synthetic", "leaks in the data"))
    rows = list(csv.DictReader(io.StringIO(to_csv([marked]))))
    assert [row["warnings"] for row in rows] == ["synthetic; leaks in the data"] * 3
    assert "warnings" not in to_csv([SHEET])


def test_several_sheets_are_apart() -> None:
    assert to_csv([SHEET, SHEET]).count("\n\n") == 1
    assert to_markdown([SHEET, SHEET]).count("**A title**") == 2
    assert to_latex([SHEET, SHEET]).count("\\begin{table}") == 2


def test_markdown_has_a_cell_for_each_column() -> None:
    lines = [line for line in to_markdown([SHEET]).splitlines() if line.startswith("|")]
    assert len(lines) == 5
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line)) == 4
    assert r"\<script\>" in lines[3]
    assert "0.912 (0.800–0.950)" in lines[2]


def test_latex_escapes_everything_special() -> None:
    text = to_latex([SHEET])
    assert r"\toprule" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("a\\_b"))
    assert r"\textbackslash{}input\{evil\}" in row
    assert r"50\% |" in row
    assert r"\$y\$" in row
    assert len(re.findall(r"(?<!\\)&", row)) == 2
    assert "0.912 (0.800--0.950)" in text


@pytest.mark.parametrize("write", [to_csv, to_latex, to_markdown])
def test_an_empty_sheet_is_a_head_without_rows(write) -> None:
    assert "Backbone" in write([Sheet("x", "t", ("Backbone", "AUC"), [])])
