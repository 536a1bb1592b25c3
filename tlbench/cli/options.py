"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
