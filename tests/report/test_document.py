"""Markdown and LaTeX carry the numbers of the comparison, and can be read back."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

import tlbench
from tests.report.page.comparisons import (
    REFERENCE,
    changed,
    compared,
    record_of,
    reference,
    reference_records,
    renamed,
)
from tests.report.page.reading import Page, Table
from tlbench.report.comparisons import comparison_sheets
from tlbench.report.document import make_report, report_text
from tlbench.report.formats import to_latex
from tlbench.report.page.answer import answer_sentences
from tlbench.report.sheets import Estimate, Sheet, in_line

HOSTILE = r"[q] a_b & 50% | *x* \input{evil} <script>alert(1)</script> $y$ #1 {z} ~^ ž ≥ × −"


def markdown_tables(text: str) -> list[Table]:
    """The tables as a Markdown reader shows them."""
    html = MarkdownIt("commonmark").enable("table").render(text)
    return Page(html.replace("<hr />", "<hr>")).tables


COMMANDS = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^",
    r"\textless{}": "<", r"\textgreater{}": ">", r"\&": "&", r"\%": "%", r"\$": "$", r"\#": "#",
    r"\_": "_", r"\{": "{", r"\}": "}", "{[}": "[", "{]}": "]", "--": "–", "$-$": "−",
    r"$\times$": "×", r"$\geq$": "≥",
}  # fmt: skip
COMMAND = re.compile("|".join(map(re.escape, COMMANDS)))


def latex_tables(text: str) -> list[tuple[str, list[list[str]]]]:
    """Captions and rows; every environment that begins must end, and every rule be there."""
    out = []
    for kind in ("table", "tabular", "longtable"):
        assert text.count(f"\\begin{{{kind}}}") == text.count(f"\\end{{{kind}}}")
    for block in re.split(r"(?=% needs)", text)[1:]:
        assert [r in block for r in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3
        columns = len(re.search(r"\\begin\{(?:tabular|longtable)\}\{(l+)\}", block)[1])
        caption = re.search(r"\\caption\{(.*)\}\n", block)[1]
        body = block[block.index(r"\toprule") + 8 : block.index(r"\bottomrule")]
        rows = []
        for line in re.findall(r"^    (?!\\(?:mid|top))(.*) \\\\$", body, re.MULTILINE):
            # The commands that stand for characters first: none of them ends a cell.
            cells = re.split(r" & ", line)
            assert len(cells) == columns, line
            rows.append([COMMAND.sub(lambda m: COMMANDS[m[0]], cell) for cell in cells])
        out.append((caption, rows))
    return out


def texts(sheet: Sheet) -> list[list[str]]:
    return [[" ".join(in_line(cell).split()) for cell in row] for row in sheet.rows]


def test_markdown_has_the_words_and_every_table_with_its_figures() -> None:
    text = report_text(reference(), "markdown")
    shown = unescape(MarkdownIt("commonmark").enable("table").render(text))
    for sentence in answer_sentences(reference().data):
        assert f"<p>{sentence}</p>" in shown
    tables = markdown_tables(text)
    sheets = comparison_sheets(reference().data)
    for table, sheet in zip(tables, sheets, strict=False):
        assert table.heads == list(sheet.columns)
        assert table.rows == texts(sheet)
    heads = [table.heads[0] for table in tables[len(sheets) :]]
    assert heads == ["Partition", *["Backbone"] * 3, "", *["Item"] * 3]


def test_markdown_says_every_warning_once(tmp_path: Path) -> None:
    def warn(data: dict[str, Any]) -> None:
        data["warnings"] = ["first thing", "second thing"]
        data["audit"] = {"mode": "warn", "counts": {}, "leaks": ["a and b show one picture"]}

    one = changed(record_of("mobilenet_v2"), warn)
    other = changed(renamed(record_of("mobilenet_v2"), "twin", seed=1), warn)
    text = report_text(compared([one, other]), "markdown")
    said = ("First thing", "Second thing", "a and b show one picture", "No seed is shared by all")
    for words in (*said, "No control", "does not beat a control"):
        assert text.lower().count(words.lower()) == 1, words
    # A table that stands alone still has them.
    latex = report_text(compared([one, other]), "latex").lower()
    for words in ("first thing", "second thing", "no seed is shared by all", "no control"):
        assert latex.count(words) == 1, words


def test_latex_has_the_tables_of_figures_and_reads_back() -> None:
    tables = latex_tables(report_text(reference(), "latex"))
    sheets = comparison_sheets(reference().data)
    assert len(tables) == len(sheets) + 1
    for (_, rows), sheet in zip(tables, sheets, strict=False):
        assert rows == [list(sheet.columns), *texts(sheet)]
    assert tables[-1][1][-1] == ["hold-out", "100", "50"]


def hostile_sheet(rows: int) -> Sheet:
    return Sheet("x", HOSTILE, ("A", "B"), [(HOSTILE, Estimate(-0.1, -0.2, 0.3))] * rows, [HOSTILE])


@pytest.mark.parametrize("rows", [1, 90])
def test_hostile_text_reads_back_from_latex_as_it_was(rows: int) -> None:
    ((_, found),) = latex_tables(to_latex([hostile_sheet(rows)]))
    # "&" within a cell is escaped, so that a split at " & " finds the cells alone.
    assert found[1:] == [[HOSTILE, "-0.100 (-0.200 to 0.300)"]] * rows


def test_hostile_names_stay_text_in_markdown() -> None:
    evil = renamed(record_of("mobilenet_v2"), HOSTILE)
    tables = markdown_tables(report_text(compared([evil]), "markdown"))
    assert tables[0].rows[0][0].startswith(HOSTILE)
    assert all(len(row) == len(table.heads) for table in tables for row in table.rows)


def has_latex() -> bool:
    """Whether LaTeX and its `booktabs` are here."""
    command = ["kpsewhich", "booktabs.sty"]
    return bool(shutil.which(command[0])) and not subprocess.call(
        command, stdout=subprocess.DEVNULL
    )


@pytest.mark.slow
@pytest.mark.skipif(
    not has_latex(), reason="needs LaTeX with booktabs, which `make test` installs where apt can"
)
def test_latex_compiles(tmp_path: Path) -> None:
    records = reference_records()
    many = [renamed(records[i % 9], f"net_{i}") for i in range(10)]  # 45 pairs: a long table
    body = report_text(compared(many), "latex") + to_latex([hostile_sheet(1), hostile_sheet(90)])
    (tmp_path / "t.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,longtable}\\begin{document}\n"
        f"{body}\\end{{document}}\n"
    )
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


def test_an_unknown_format_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="html, markdown, latex"):
        report_text(reference(), "word")  # type: ignore[arg-type]


def test_the_same_from_python(tmp_path: Path) -> None:
    file = tlbench.make_report(
        [record_of("image_statistics")["run"]],
        results=REFERENCE, output=tmp_path / "new" / "r.html", images=False, level=0.9,
    )  # fmt: skip
    assert file.read_text().startswith("<!doctype html>")
    assert "90 % interval" in file.read_text()
    assert make_report is tlbench.make_report


def test_a_report_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "r.html"
    file.write_text("earlier")
    broken = changed(record_of("mobilenet_v2"), dataset="other")
    with pytest.raises(tlbench.TlbenchError):
        make_report([broken], output=file, data_root=tmp_path / "nothing")
    assert file.read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
