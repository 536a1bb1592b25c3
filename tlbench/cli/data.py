"""`tlbench data`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tlbench.cli.groups import grouped
from tlbench.cli.options import Cache, DatasetArgument, Json, Place, Plugins, Prepare, Selection

if TYPE_CHECKING:
    from tlbench.datasets.check import Finding
    from tlbench.datasets.counts import Count
    from tlbench.datasets.table import Table
    from tlbench.plugins import PluginHost
    from tlbench.progress import Progress
    from tlbench.report.contact_sheet import Tile

data_app = typer.Typer(
    help="Fetch a data set, check it, look at it.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(help="The data set, as `tlbench list datasets` has it.")]
_SIZE = (299, 299)
_FEW = 3


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
        print_json(
            {
                "dataset": name,
                "passed": passed,
                "findings": [_finding_facts(finding) for finding in findings],
            }
        )
    else:
        rows = [
            (f.what, _number(f.expected), _number(f.found), f.result, _details(f)) for f in findings
        ]
        print_table(("", "expected", "found", "result", ""), rows)
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
    from tlbench.audit.gate import join_known
    from tlbench.cli.output import ConsoleProgress, print_json, print_line, print_table
    from tlbench.datasets.cards import find_card
    from tlbench.datasets.counts import count_radiographs, known_words
    from tlbench.datasets.table import read_table
    from tlbench.environment import cache_folder
    from tlbench.preparation import order_steps
    from tlbench.quiet import stdout_aside
    from tlbench.specs import DataChoice

    host = plugins.open()
    spec = host.datasets.find(dataset).spec
    choice = DataChoice(dataset=dataset, **place.as_choice(), **selection.as_choice())
    progress = ConsoleProgress()
    steps = order_steps(prepare or ())
    size = _input_size(host, backbone)
    file = sheet or Path(f"{dataset}-contact-sheet.png")
    tiles: list[Tile] = []
    with stdout_aside():
        table = read_table(spec, choice, cache or cache_folder(), progress)
        joined = join_known(table, cache or cache_folder(), progress)
        partitions = _partitions(joined, host, protocol, seed, progress)
        words = dict.fromkeys([*known_words(find_card(dataset)), *(by or ())])
        counts = count_radiographs(table, words, partitions)
        if not no_sheet:
            from tlbench.images import prepare as prepare_pixels
            from tlbench.report.contact_sheet import choose_tiles, save_sheet

            look = partial(prepare_pixels, size=size, steps=steps)
            tiles = choose_tiles(table, per_class, seed, look, progress.warn)
            remarks = [f"drawn at random, seed {seed}; {_seen(backbone, size, steps)}"]
            title = f"{dataset}, {selection.subset}" if selection.subset else dataset
            save_sheet(file, table, tiles, title, remarks, synthetic=spec.synthetic, names=names)
    if cases is not None:
        _write_cases(cases, table, tiles)
    if json:
        facts = {
            "dataset": dataset,
            "subset": selection.subset,
            "synthetic": spec.synthetic,
            "protocol": protocol,
            "seed": seed,
            "counts": [asdict(count) for count in counts],
            "warnings": list(table.warnings),
            "sheet": None if no_sheet else str(file),
        }
        print_json(facts)
    else:
        columns = ("", "", "radiographs", "fracture", "none", "patients")
        print_table(columns, _count_rows(counts))
    if spec.synthetic:
        print_line("synthetic: drawn by tlbench, no patient's radiographs")
    if not no_sheet:
        print_line(f"saved in {file}")


def _input_size(host: PluginHost, backbone: str | None) -> tuple[int, int]:
    """The size a backbone gets radiographs in; 299 by 299 where it takes any, or none is named."""
    if backbone is None:
        return _SIZE
    from tlbench.backbones import find_backbone

    return find_backbone(host, backbone).spec.preprocessing.size or _SIZE


def _seen(backbone: str | None, size: tuple[int, int], steps: Sequence[str]) -> str:
    seen = f"at {size[0]}×{size[1]} pixels" + (f", as {backbone} gets them" if backbone else "")
    return f"{', '.join(steps)}, {seen}" if steps else seen


def _partitions(
    table: Table, host: PluginHost, protocol: str, seed: int, progress: Progress
) -> list[str] | None:
    """The partition of each radiograph, None where the protocol can't split so few."""
    from tlbench.errors import DataError
    from tlbench.protocols.partition import PARTITIONS
    from tlbench.scores import plan_seed

    spec = host.protocols.find(protocol).spec
    try:
        of = plan_seed(table, spec, seed, table.labels_of).partitions.of
    except DataError as error:
        progress.warn(f"{protocol} can't split this: {error.message}")
        return None
    return [PARTITIONS[number] for number in of]


def _count_rows(counts: Sequence[Count]) -> list[tuple[str, ...]]:
    """Rows of a table in which each word stands once."""
    rows: list[tuple[str, ...]] = []
    before = ""
    for count in counts:
        rows.append(
            (
                count.word if count.word != before else "",
                count.value,
                f"{count.radiographs:,}",
                f"{count.fractures:,}",
                f"{count.radiographs - count.fractures:,}",
                _number(count.patients),
            )
        )
        before = count.word
    return rows


def _write_cases(file: Path, table: Table, tiles: Sequence[Tile]) -> None:
    """Write what each case is, for the user alone: paths may name patients."""
    import csv
    import io

    from tlbench.files import write_whole

    on_sheet = {tile.row: tile.name for tile in tiles}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("case", "path", "tile"))
    for row, radiograph in enumerate(table.radiographs):
        writer.writerow((radiograph.case, radiograph.path, on_sheet.get(row, "")))
    write_whole(file, lambda stream: stream.write(text.getvalue().encode()))


def _finding_facts(finding: Finding) -> dict[str, Any]:
    return asdict(finding) | {"names": list(finding.names)}


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _details(finding: Finding) -> str:
    """The first few names, or the reason."""
    from tlbench.datasets.table import few

    return finding.reason or few(list(finding.names), _FEW)
