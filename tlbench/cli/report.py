"""`tlbench report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tlbench.cli.groups import grouped
from tlbench.cli.options import Cache, Offline, Place, Plugins, Runs

if TYPE_CHECKING:
    from tlbench.compare import Compared
    from tlbench.plugins import PluginHost
    from tlbench.report.page.sources import CasesRequest


class ReportFormat(StrEnum):
    """What a report is written as."""

    html = "html"
    markdown = "markdown"
    latex = "latex"


@grouped
def report_command(
    *,
    chosen: Runs,
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
            help="One self-contained page; or its tables as Markdown, of which pandoc makes a "
            "Word document, or as LaTeX.",
        ),
    ] = ReportFormat.html,
    figures: Annotated[
        Path | None,
        typer.Option(help="Save every figure in this folder, as SVG and PNG.", metavar="DIR"),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Show cases with their pictures.")
    ] = True,
    heatmaps: Annotated[
        bool, typer.Option("--heatmaps", help="Show which places scores come from.")
    ] = False,
    place: Place,
    offline: Offline = False,
    plugins: Plugins,
    cache: Cache = None,
) -> None:
    """Write the comparison of the runs that share a hold-out as one page that opens anywhere.

    Say where the radiographs are, as for `tlbench run`, and the page shows the cases.
    """
    from tlbench.cli.output import print_text
    from tlbench.report.document import report_text
    from tlbench.report.page.sources import CasesRequest

    place.spare([output])
    compared = chosen.compare()
    if figures:
        _save_figures(compared, figures)
    if output is None and written_as is ReportFormat.html:
        output = Path("report.html")
    if output is None:
        print_text(report_text(compared, written_as.value))
        return
    cases = CasesRequest(
        images=images,
        heatmaps=heatmaps,
        **place.as_choice(),
        cache=cache,
        offline=offline,
    )
    save(compared, output, written_as, cases, plugins.open())


def _save_figures(compared: Compared, folder: Path) -> None:
    from tlbench.cli.output import print_line
    from tlbench.report.page.charts import save_charts

    files = save_charts(compared, folder)
    print_line(f"saved {len(files)} figures in {folder}")


def save(
    compared: Compared,
    file: Path,
    written_as: ReportFormat = ReportFormat.html,
    cases: CasesRequest | None = None,
    host: PluginHost | None = None,
) -> None:
    """Write the report of a comparison, and say where it is."""
    from tlbench.cli.output import ConsoleProgress, print_line
    from tlbench.files import size_in_words, spare_inputs
    from tlbench.report.document import save_report

    is_run = (file.parent / "record.json").is_file()
    spare_inputs([file], [], file.parent if is_run else None)
    save_report(compared, file, written_as.value, cases, host, ConsoleProgress())
    print_line(f"saved {file} ({size_in_words(file.stat().st_size)})")
