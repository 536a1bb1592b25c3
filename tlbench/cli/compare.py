"""`tlbench compare` and `tlbench evaluate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tlbench.cli.groups import grouped
from tlbench.cli.options import Ci, Json, Level, Limits, Runs

if TYPE_CHECKING:
    from tlbench.report.sheets import Sheet


class Format(StrEnum):
    """How tables are written."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"
    latex = "latex"


class ProportionLimits(StrEnum):
    """How the limits of proportions are made."""

    wilson = "wilson"
    clopper_pearson = "clopper-pearson"


class PlotFormat(StrEnum):
    """The file formats of plots."""

    png = "png"
    svg = "svg"


FormatOption = Annotated[Format, typer.Option("--format", help="How tables are written.")]
Plots = Annotated[
    Path | None, typer.Option("--plots", help="Save plots in this folder.", metavar="DIR")
]
PlotFormatOption = Annotated[PlotFormat, typer.Option(help="The file format of the plots.")]


@grouped
def compare_command(
    chosen: Runs,
    output: FormatOption = Format.table,
    json: Json = False,
    plots: Plots = None,
    plot_format: PlotFormatOption = PlotFormat.png,
    html: Annotated[
        Path | None,
        typer.Option(help="Write the page of `tlbench report` too.", metavar="FILE"),
    ] = None,
) -> None:
    """Compare the runs that share a hold-out: which backbones can be told apart, and how surely."""
    from tlbench.report.comparisons import comparison_sheets

    compared = chosen.compare()
    _write(compared.data, comparison_sheets(compared.data), Format.json if json else output)
    if plots:
        from tlbench.report.curves import curves_of_comparison

        curves = curves_of_comparison(compared)
        _plot(curves, plots, chosen.level, chosen.ci, plot_format, compared.data)
    if html:
        from tlbench.cli.report import save

        save(compared, html)


def evaluate_command(
    file: Annotated[Path, typer.Argument(help="A CSV file: one row a case.", metavar="FILE.csv")],
    label: Annotated[str | None, typer.Option(help="The column of labels.")] = None,
    score: Annotated[
        list[str] | None, typer.Option(help="A column of scores; may be repeated.")
    ] = None,
    patient: Annotated[str | None, typer.Option(help="The column of patients.")] = None,
    unit_column: Annotated[
        str | None,
        typer.Option(help="A column, say of studies: scores are averaged over each."),
    ] = None,
    case: Annotated[str | None, typer.Option(help="The column that names cases.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="The label that is positive.", metavar="NAME")
    ] = None,
    cutoff: Annotated[
        list[str] | None,
        typer.Option(
            help="A number, or a rule: youden, closest, sensitivity=0.9, specificity=0.9; "
            "may be repeated."
        ),
    ] = None,
    level: Level = 0.95,
    ci: Ci = Limits.logit,
    proportion_ci: Annotated[
        ProportionLimits, typer.Option(help="How the limits of proportions are made.")
    ] = ProportionLimits.wilson,
    bootstrap: Annotated[
        int,
        typer.Option(help="Redraw patients N times for intervals of chosen cut-offs.", min=0),
    ] = 0,
    output: FormatOption = Format.table,
    json: Json = False,
    plots: Plots = None,
    plot_format: PlotFormatOption = PlotFormat.png,
) -> None:
    """Evaluate predictions made elsewhere: by another tool, or by a panel of readers."""
    from tlbench.comparison import choices_of
    from tlbench.evaluate import evaluate_predictions
    from tlbench.predictions import read_predictions
    from tlbench.report.comparisons import evaluation_sheets

    choices = choices_of(cutoff or (), level, ci.value, proportion_ci.value, bootstrap)
    predictions = read_predictions(
        file,
        label=label,
        scores=score or (),
        patient=patient,
        case=case,
        positive=positive,
        unit=unit_column,
    )
    data = evaluate_predictions(predictions, choices)
    _write(data, evaluation_sheets(data, file.name), Format.json if json else output)
    if plots:
        from tlbench.report.curves import curves_of_predictions

        _plot(curves_of_predictions(predictions, data), plots, level, ci, plot_format, data)


def _write(data: dict[str, Any], sheets: list[Sheet], output: Format) -> None:
    from tlbench.cli.output import print_json, print_sheet, print_text
    from tlbench.report.formats import to_csv, to_latex, to_markdown

    if output is Format.json:
        print_json(data)
    elif output is Format.table:
        for number, sheet in enumerate(sheets):
            if number:
                print_text("\n")
            print_sheet(sheet)
    else:
        write = {Format.markdown: to_markdown, Format.csv: to_csv, Format.latex: to_latex}
        print_text(write[output](sheets))


def _plot(
    curves: Any,
    folder: Path,
    level: float,
    ci: Limits,
    plot_format: PlotFormat,
    data: dict[str, Any],
) -> None:
    from tlbench.cli.output import print_line
    from tlbench.report.plots import save_plots

    title = data.get("dataset", "") + (" (synthetic)" if data.get("synthetic") else "")
    if any("leaks in the data" in line for line in data.get("warnings", ())):
        title += " (leaks in the data)"
    files = save_plots(
        curves, folder, level=level, ci=ci.value, title=title, formats=(plot_format.value,)
    )
    for file in files:
        print_line(f"saved {file}")
