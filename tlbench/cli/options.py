"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tlbench.errors import TlbenchError

if TYPE_CHECKING:
    from tlbench.compare import Compared
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
DatasetArgument = Annotated[str, typer.Argument(help="The data set, or the layout of yours.")]
Prepare = Annotated[
    list[str] | None,
    typer.Option(help="A step that prepares pixels: crop, pad, clahe; may be repeated."),
]
UnitOption = Annotated[
    str | None, typer.Option("--unit", help="What a score is of: image, study, patient.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Stay off the network.")]
Level = Annotated[float, typer.Option(help="The level of the intervals.", min=0.5, max=0.9999)]
Ci = Annotated[Limits, typer.Option(help="How the limits of an AUC are made.")]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where radiographs lie, and what the table beside them says."""

    data_root: Annotated[
        Path | None, typer.Option(help="The folder of the data set.", metavar="DIR")
    ] = None
    positive: Annotated[
        str | None, typer.Option(help="The class that counts as fracture.", metavar="NAME")
    ] = None
    manifest: Annotated[
        Path | None,
        typer.Option(help="A table of radiographs or of labels, CSV or Parquet.", metavar="FILE"),
    ] = None
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="What a column of it is, e.g. patient=mrn; may be repeated.", metavar="WORD=NAME"
        ),
    ] = None

    def as_choice(self) -> dict[str, Any]:
        """Return these as fields of a `DataChoice`; `TlbenchError` for a column that is no pair."""
        pairs = [each.partition("=") for each in self.column or ()]
        for word, equals, name in pairs:
            if not (word and equals and name):
                raise TlbenchError(f'"{word}{equals}{name}" is not WORD=NAME', "e.g. patient=mrn")
        return {
            "data_root": self.data_root,
            "positive": self.positive,
            "manifest": self.manifest,
            "columns": {word: name for word, _, name in pairs},
        }

    def spare(self, outputs: Sequence[Path | None], *inputs: Path | None) -> None:
        """Raise `DataError` where an output would replace a table, an input or a radiograph."""
        from tlbench.files import spare_inputs

        spare_inputs(outputs, (self.manifest, *inputs), self.data_root)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which radiographs of a data set are used."""

    subset: Annotated[str | None, typer.Option(help="A curated subset of it.")] = None
    where: Annotated[
        str | None,
        typer.Option(help='Only radiographs that meet this condition, e.g. "age >= 16".'),
    ] = None
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave out what the data set calls so, e.g. cast; may be repeated."),
    ] = None
    cohort: Annotated[str | None, typer.Option(help="Draw this cohort of the data set.")] = None
    exclude: Annotated[
        Path | None, typer.Option(help="Leave out the cases in this list.", metavar="FILE")
    ] = None

    def as_choice(self) -> dict[str, Any]:
        """Return these as fields of a `DataChoice`."""
        return {
            "subset": self.subset,
            "where": self.where,
            "without": tuple(self.without or ()),
            "cohort": self.cohort,
            "exclude": self.exclude,
        }


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """Which plugins are loaded."""

    plugin: PluginFiles = None
    strict_plugins: Annotated[
        bool, typer.Option("--strict-plugins", help="Fail if any installed plugin is broken.")
    ] = False

    def open(self) -> PluginHost:
        """Return the plugin host; plugins that are left out get one warning each on stderr."""
        from tlbench.plugins import load_plugins

        host = load_plugins(self.plugin or [], strict=self.strict_plugins)
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


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Which runs are compared, and at which level."""

    runs: Annotated[
        list[str] | None, typer.Argument(help="Names of runs; without any, all of them.")
    ] = None
    dataset: Annotated[str | None, typer.Option(help="Only runs on this data set.")] = None
    subset: Annotated[str | None, typer.Option(help="Only runs on this subset.")] = None
    protocol: Annotated[str | None, typer.Option(help="Only runs by this protocol.")] = None
    unit: Annotated[
        str | None, typer.Option(help="Only runs whose scores are of this: image, study, patient.")
    ] = None
    level: Level = 0.95
    ci: Ci = Limits.logit
    results: Results = Path("results")

    def compare(self) -> Compared:
        """Return these runs compared; what is left out gets a warning on stderr."""
        from tlbench.cli.output import print_warning
        from tlbench.compare import compare

        return compare(
            self.runs or (),
            results=self.results,
            dataset=self.dataset,
            subset=self.subset,
            protocol=self.protocol,
            unit=self.unit,
            warn=print_warning,
            level=self.level,
            ci=self.ci.value,
        )
