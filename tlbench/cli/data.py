"""`tlbench data`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tlbench.cli.groups import grouped
from tlbench.cli.options import (
    Cache,
    DatasetArgument,
    Json,
    Place,
    Plugins,
    Prepare,
    Selection,
    UnitOption,
)

if TYPE_CHECKING:
    from tlbench.report.contact_sheet import Tile
    from tlbench.specs import Unit

data_app = typer.Typer(
    help="Fetch a data set, check it, look at it.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(help="The data set, as `tlbench list datasets` has it.")]


@data_app.command("fetch")
@grouped
def fetch_data(
    *,
    name: Name,
    data_root: Annotated[
        Path | None,
        typer.Option(help="The folder it becomes; by default its name, here.", metavar="DIR"),
    ] = None,
    plugins: Plugins,
) -> None:
    """Download a public data set, check it and unpack it; given again, it goes on."""
    from tlbench.cli.output import ConsoleProgress, print_line, print_text
    from tlbench.datasets.cards import find_card
    from tlbench.datasets.fetch import fetch, read_source

    plugins.open().datasets.find(name)  # a misspelt name is found first
    root = data_root or Path(name)
    if not fetch(name, read_source(name, find_card(name)), root, ConsoleProgress()):
        print_line("fetched before; `tlbench data check` compares it with what was fetched")
    print_text(f"{root}\n")
    place = shlex.quote(str(root))
    print_line(f"now: tlbench run --backbone NAME --dataset {name} --data-root {place}")


@data_app.command("check")
@grouped
def check_data(
    *, name: Name, place: Place, json: Json = False, cache: Cache = None, plugins: Plugins
) -> None:
    """Compare a folder with the data set's card; exit code 1 where something is missing."""
    from tlbench.cli.output import ConsoleProgress, print_json, print_table
    from tlbench.datasets.cards import find_card
    from tlbench.datasets.check import check_folder
    from tlbench.environment import cache_folder
    from tlbench.report.data_sets import FINDING_COLUMNS, finding_rows
    from tlbench.specs import DataChoice

    dataset = plugins.open().datasets.find(name).spec
    findings = check_folder(
        dataset,
        find_card(name),
        DataChoice(dataset=name, **place.as_choice()),
        cache or cache_folder(),
        ConsoleProgress(),
    )
    passed = all(finding.is_harmless for finding in findings)
    if json:
        facts = [asdict(finding) for finding in findings]
        print_json({"dataset": name, "passed": passed, "findings": facts})
    else:
        print_table(FINDING_COLUMNS, finding_rows(findings))
    if not passed:
        raise typer.Exit(1)


@data_app.command("show")
@grouped
def show_data(
    *,
    dataset: DatasetArgument,
    place: Place,
    selection: Selection,
    prepare: Prepare = None,
    unit: UnitOption = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Count by this column of your table too; may be repeated."),
    ] = None,
    protocol: Annotated[str, typer.Option(help="The protocol that splits.")] = "paper2018",
    seed: Annotated[int, typer.Option(help="Decides partitions and tiles.", min=0)] = 0,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help="Where the contact sheet goes; by default DATASET-contact-sheet.png.",
            metavar="FILE",
        ),
    ] = None,
    no_sheet: Annotated[bool, typer.Option("--no-sheet", help="Draw no contact sheet.")] = False,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", "-b", help="Whose input size the sheet has, not 299×299."),
    ] = None,
    per_class: Annotated[
        int, typer.Option(help="Radiographs of each class on the sheet.", min=1, max=120)
    ] = 12,
    names: Annotated[bool, typer.Option("--names", help="Print case names on the sheet.")] = False,
    cases: Annotated[
        Path | None,
        typer.Option(help="Write case, path and tile of each radiograph.", metavar="FILE"),
    ] = None,
    json: Json = False,
    cache: Cache = None,
    plugins: Plugins,
) -> None:
    """Count what a run would use, and draw radiographs of each class as a network sees them."""
    from tlbench.cli.output import ConsoleProgress, print_json, print_line, print_table
    from tlbench.environment import cache_folder
    from tlbench.files import spare_inputs
    from tlbench.overview import look_over
    from tlbench.quiet import stdout_aside
    from tlbench.report.contact_sheet import choose_look, draw_contact_sheet, write_cases
    from tlbench.report.data_sets import COUNT_COLUMNS, count_rows
    from tlbench.specs import DataChoice

    host = plugins.open()
    choice = DataChoice(dataset=dataset, **place.as_choice(), **selection.as_choice())
    progress = ConsoleProgress()
    look = choose_look(host, backbone, prepare or ())
    file = None if no_sheet else sheet or Path(f"{dataset}-contact-sheet.png")
    # The default sheet may be drawn anew, wherever it lies.
    place.spare([None if no_sheet else sheet, cases], selection.exclude)
    tiles: list[Tile] = []
    with stdout_aside():
        overview = look_over(
            host,
            choice,
            protocol=protocol,
            seed=seed,
            unit=cast("Unit | None", unit),
            by=by or (),
            cache=cache or cache_folder(),
            progress=progress,
        )
        spare_inputs([file, cases], (r.path for r in overview.table.radiographs))
        if file is not None:
            tiles = draw_contact_sheet(file, overview, look, per_class, progress.warn, names=names)
    if cases is not None:
        write_cases(cases, overview.table, tiles)
    if json:
        print_json(overview.describe() | {"sheet": None if file is None else str(file)})
    else:
        print_table(COUNT_COLUMNS, count_rows(overview.counts))
    if overview.dataset.synthetic:
        print_line("synthetic: drawn by tlbench, no patient's radiographs")
    if file is not None:
        print_line(f"saved in {file}")
