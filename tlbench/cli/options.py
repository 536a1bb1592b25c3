"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tlbench.errors import TlbenchError

if TYPE_CHECKING:
    from tlbench.plugins import PluginHost

ALL = "all-available"


class Limits(StrEnum):
    """How the limits of an AUC are made."""

    logit = "logit"
    wald = "wald"


PluginFiles = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A Python file with a plugin; may be repeated.", metavar="FILE"),
]
StrictPlugins = Annotated[
    bool, typer.Option("--strict-plugins", help="Fail if any installed plugin is broken.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Results = Annotated[
    Path,
    typer.Option(
        "--results", help="The folder of the runs.", envvar="TLBENCH_RESULTS", metavar="DIR"
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        help="The folder of cached features and weights; by default among the user's caches.",
        envvar="TLBENCH_CACHE",
        metavar="DIR",
    ),
]


Dataset = Annotated[str, typer.Option(help="The data set, or the layout of yours.")]
Subset = Annotated[str | None, typer.Option(help="A curated subset of it.")]
DataRoot = Annotated[Path | None, typer.Option(help="The folder of the data set.", metavar="DIR")]
Positive = Annotated[
    str | None, typer.Option(help="The class that counts as fracture.", metavar="NAME")
]
Manifest = Annotated[
    Path | None,
    typer.Option(help="A table of radiographs or of labels, CSV or Parquet.", metavar="FILE"),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        help="What a column of it is, e.g. patient=mrn; may be repeated.", metavar="WORD=NAME"
    ),
]
Where = Annotated[
    str | None,
    typer.Option(help='Only radiographs that meet this condition, e.g. "age >= 16".'),
]
Without = Annotated[
    list[str] | None,
    typer.Option(help="Leave out what the data set calls so, e.g. cast; may be repeated."),
]
Cohort = Annotated[str | None, typer.Option(help="Draw this cohort of the data set.")]
Exclude = Annotated[
    Path | None, typer.Option(help="Leave out the cases in this list.", metavar="FILE")
]

Prepare = Annotated[
    list[str] | None,
    typer.Option(help="A step that prepares pixels: crop, pad, clahe; may be repeated."),
]


def data_choice(
    *, column: list[str] | None, without: list[str] | None, **more: Any
) -> dict[str, Any]:
    """Return the fields of `DataChoice` as these options give them."""
    pairs = [each.partition("=") for each in column or ()]
    for word, equals, name in pairs:
        if not (word and equals and name):
            raise TlbenchError(f'"{word}{equals}{name}" is not WORD=NAME', "e.g. patient=mrn")
    columns = {word: name for word, _, name in pairs}
    return more | {"columns": columns, "without": tuple(without or ())}


def open_plugins(files: list[Path] | None, strict: bool) -> PluginHost:
    """Return the plugin host; plugins that are left out get one warning each on stderr."""
    from tlbench.plugins import load_plugins

    host = load_plugins(files or [], strict=strict)
    if host.problems:
        from tlbench.cli.output import print_traceback, print_warning

        for plugin in host.problems:
            if plugin.error:
                print_traceback(plugin.error)
            print_warning(
                f'plugin "{plugin.source.plugin}" ({plugin.source.origin}) is left out: '
                f"{plugin.problem}"
            )
    return host
