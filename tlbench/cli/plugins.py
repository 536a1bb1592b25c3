"""`tlbench plugins`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tlbench.cli.options import Cache, Json, Offline, PluginFiles

plugins_app = typer.Typer(
    help="Write a plugin, and check one.", no_args_is_help=True, rich_markup_mode=None
)


@plugins_app.command("check")
def check_plugin(
    name: Annotated[str, typer.Argument(help="The backbone, as `tlbench list backbones` has it.")],
    weights: Annotated[
        str, typer.Option("--weights", "-w", help="Weights by name, auto, or a file.")
    ] = "auto",
    offline: Offline = False,
    json: Json = False,
    cache: Cache = None,
    plugin: PluginFiles = None,
) -> None:
    """Check that a backbone keeps its promises; exit code 1 where it does not."""
    from tlbench.cli.output import ConsoleProgress, print_json, print_line, print_table
    from tlbench.testing import check_backbone

    report = check_backbone(
        name,
        weights=weights,
        plugins=plugin or [],
        cache=cache,
        offline=offline,
        progress=ConsoleProgress(),
    )
    if json:
        print_json(report.describe())
    else:
        rows = [(check.name, check.result, check.seen, check.todo) for check in report]
        print_table(("check", "result", "seen", "what to do"), rows)
        failed = len(report.failures)
        print_line(
            f"{report.backbone}, weights {report.weights}: "
            + (f"{failed} of {len(report.checks)} checks failed" if failed else "no check failed")
        )
    if not report.passed:
        raise typer.Exit(1)


@plugins_app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(help="What the backbone is to be called.")],
    one_file: Annotated[
        bool, typer.Option("--one-file", help="One Python file, for --plugin FILE.")
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where it is written.", metavar="DIR")
    ] = Path(),
) -> None:
    """Write a plugin that works: a package to install, or one file."""
    from tlbench.cli.output import print_line, print_text
    from tlbench.scaffold import make_plugin

    made = make_plugin(name, output, one_file=one_file)
    print_text("".join(f"{file}\n" for file in made))
    if one_file:
        print_line(f"now: tlbench run --backbone {name} --plugin {shlex.quote(str(made[0]))}")
    else:
        folder = output / f"tlbench-{name.replace('_', '-')}"
        print_line(f"now: pip install -e {shlex.quote(f'{folder}[dev]')}")
        print_line(f"     tlbench plugins check {name}")
