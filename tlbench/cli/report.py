"""`tlbench report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tlbench.cli.compare import Ci, Level
from tlbench.cli.options import Limits, Results

if TYPE_CHECKING:
    from tlbench.compare import Compared


class ReportFormat(StrEnum):
    """What a report is written as."""

    html = "html"
    markdown = "markdown"
    latex = "latex"


def report_command(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Names of runs; without any, all of them.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to write; by default report.html, and tables go to stdout.",
            metavar="FILE",
        ),
    ] = None,
    written_as: Annotated[
        ReportFormat,
        typer.Option(
            "--format",
            help="One self-contained page, or its tables: Markdown, which pandoc makes a Word "
            "document of, or LaTeX.",
        ),
    ] = ReportFormat.html,
    dataset: Annotated[str | None, typer.Option(help="Only runs on this data set.")] = None,
    subset: Annotated[str | None, typer.Option(help="Only runs on this subset.")] = None,
    protocol: Annotated[str | None, typer.Option(help="Only runs by this protocol.")] = None,
    unit: Annotated[
        str | None, typer.Option(help="Only runs whose scores are of this: image, study, patient.")
    ] = None,
    level: Level = 0.95,
    ci: Ci = Limits.logit,
    results: Results = Path("results"),
) -> None:
    """Write the comparison of the runs that share a hold-out as one page that opens anywhere."""
    from tlbench.cli.output import print_text, print_warning
    from tlbench.compare import compare
    from tlbench.report.document import report_text

    compared = compare(
        runs or (),
        results=results,
        dataset=dataset,
        subset=subset,
        protocol=protocol,
        unit=unit,
        warn=print_warning,
        level=level,
        ci=ci.value,
    )
    if output is None and written_as is ReportFormat.html:
        output = Path("report.html")
    if output is None:
        print_text(report_text(compared, written_as.value))
    else:
        save(compared, output, written_as)


def save(compared: Compared, file: Path, written_as: ReportFormat = ReportFormat.html) -> None:
    """Write the report of a comparison, and say where it is."""
    from tlbench.cli.output import print_line
    from tlbench.files import size_in_words
    from tlbench.report.document import save_report

    save_report(compared, file, written_as.value)
    print_line(f"saved {file} ({size_in_words(file.stat().st_size)})")
