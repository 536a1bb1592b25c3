"""`tlbench audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlbench.cli.groups import grouped
from tlbench.cli.options import Cache, DatasetArgument, Json, Place, Plugins, Selection


@grouped
def audit_command(
    *,
    dataset: DatasetArgument,
    place: Place,
    selection: Selection,
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            "--backbone", "-b", help="Whose weights may have seen these; may be repeated."
        ),
    ] = None,
    write_exclusions: Annotated[
        Path | None,
        typer.Option(
            help="Write a list of what to leave out, for --exclude.", metavar="FILE", dir_okay=False
        ),
    ] = None,
    json: Json = False,
    cache: Cache = None,
    plugins: Plugins,
) -> None:
    """Look through a data set for leaks, shortcuts and odd files; exit code 1 where one leaks."""
    from tlbench.audit.exclusions import write_exclusions as write
    from tlbench.audit.findings import look_through
    from tlbench.backbones import find_backbone
    from tlbench.cli.output import ConsoleProgress, print_json, print_line, print_table
    from tlbench.environment import cache_folder
    from tlbench.files import spare_inputs
    from tlbench.report.audits import AUDIT_COLUMNS, audit_notes, audit_rows
    from tlbench.specs import DataChoice
    from tlbench.words import counted

    place.spare([write_exclusions], selection.exclude)
    host = plugins.open()
    spec = host.datasets.find(dataset).spec
    weights = [each for name in backbone or () for each in find_backbone(host, name).spec.weights]
    choice = DataChoice(dataset=dataset, **place.as_choice(), **selection.as_choice())
    folder = cache or cache_folder()
    findings = look_through(spec, choice, folder, ConsoleProgress(), weights)
    spare_inputs([write_exclusions], (r.path for r in findings.table.radiographs))
    facts = findings.describe()
    if json:
        print_json(facts)
    else:
        print_table(AUDIT_COLUMNS, audit_rows(facts), audit_notes(facts))
    if write_exclusions is not None:
        write(write_exclusions, findings.exclusions())
        what = counted(facts["exclusions"], "case")
        print_line(f'{what} in "{write_exclusions}", for --exclude')
    if findings.leaks:
        raise typer.Exit(1)
