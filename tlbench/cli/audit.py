"""`tlbench audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlbench.cli.options import (
    Cache,
    Cohort,
    Columns,
    DataRoot,
    Exclude,
    Json,
    Manifest,
    PluginFiles,
    Positive,
    StrictPlugins,
    Subset,
    Where,
    Without,
    data_choice,
    open_plugins,
)


def audit_command(
    dataset: Annotated[str, typer.Argument(help="The data set, or the layout of yours.")],
    subset: Subset = None,
    data_root: DataRoot = None,
    positive: Positive = None,
    manifest: Manifest = None,
    column: Columns = None,
    where: Where = None,
    without: Without = None,
    cohort: Cohort = None,
    exclude: Exclude = None,
    write_exclusions: Annotated[
        Path | None,
        typer.Option(
            help="Write a list of what to leave out, for --exclude.", metavar="FILE", dir_okay=False
        ),
    ] = None,
    json: Json = False,
    cache: Cache = None,
    plugin: PluginFiles = None,
    strict_plugins: StrictPlugins = False,
) -> None:
    """Look through a data set for leaks, shortcuts and odd files; exit code 1 where one leaks."""
    from tlbench.audit.exclusions import write_exclusions as write
    from tlbench.audit.findings import look_through
    from tlbench.cli.output import ConsoleProgress, print_json, print_line, print_table
    from tlbench.environment import cache_folder
    from tlbench.report.audits import AUDIT_COLUMNS, audit_notes, audit_rows
    from tlbench.specs import DataChoice

    host = open_plugins(plugin, strict_plugins)
    chosen = data_choice(
        dataset=dataset,
        subset=subset,
        data_root=data_root,
        positive=positive,
        manifest=manifest,
        column=column,
        where=where,
        without=without,
        cohort=cohort,
        exclude=exclude,
    )
    spec = host.datasets.find(dataset).spec
    findings = look_through(spec, DataChoice(**chosen), cache or cache_folder(), ConsoleProgress())
    facts = findings.describe()
    if json:
        print_json(facts)
    else:
        print_table(AUDIT_COLUMNS, audit_rows(facts), audit_notes(facts))
    if write_exclusions is not None:
        write(write_exclusions, findings.exclusions())
        print_line(f'{facts["exclusions"]:,} cases in "{write_exclusions}"')
    if findings.leaks:
        raise typer.Exit(1)
