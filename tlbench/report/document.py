"""A comparison as a document: the page, or its tables as Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from tlbench.compare import Compared, compare
from tlbench.files import write_whole
from tlbench.records import Record
from tlbench.report.comparisons import comparison_sheets
from tlbench.report.formats import markdown_text, to_latex, to_markdown
from tlbench.report.sheets import Sheet

Format = Literal["html", "markdown", "latex"]


def make_report(
    runs: Sequence[str | Record] = (),
    *,
    output: str | Path = "report.html",
    format: Format = "html",
    **options: Any,
) -> Path:
    """Compare records that share a hold-out, write the report to `output` and return it.

    `runs` and the other `options` are those of `compare`. The file is written whole or not at all.
    Raises `DataError` where hold-outs differ, `CacheError` where the file can't be written.
    """
    file = Path(output)
    save_report(compare(runs, **options), file, format)
    return file


def save_report(compared: Compared, file: Path, format: Format = "html") -> None:
    """Write the report of a comparison to `file`, whole or not at all."""
    content = report_text(compared, format).encode()
    write_whole(file, lambda stream: stream.write(content))


def report_text(compared: Compared, format: Format = "html") -> str:
    """Return the report as text; raises ValueError for an unknown format.

    HTML is the whole page. Markdown has its words and all its tables. LaTeX has the tables of
    figures, in the style of `booktabs`; what is mostly words stays out.
    """
    if format == "html":
        from tlbench.report.page.page import make_page

        return make_page(compared)
    if format == "markdown":
        return _markdown(compared)
    if format == "latex":
        return to_latex([*comparison_sheets(compared.data), _partitions(compared)])
    raise ValueError(f"format must be one of {', '.join(get_args(Format))}, not {format!r}")


def _markdown(compared: Compared) -> str:
    from tlbench.report.page.answer import answer_sentences
    from tlbench.report.page.checklist import checklist_sheets
    from tlbench.report.page.trust import trust_sheets

    data = compared.data
    records = {entry.name: entry.record for entry in compared.entries}
    words = "\n\n".join(markdown_text(sentence) for sentence in answer_sentences(data))
    sheets = [
        *comparison_sheets(data),
        *trust_sheets(compared),
        *checklist_sheets(data, records),
    ]
    return f"{words}\n\n{to_markdown(sheets)}"


def _partitions(compared: Compared) -> Sheet:
    from tlbench.report.page.trust import trust_sheets

    return trust_sheets(compared)[0]
