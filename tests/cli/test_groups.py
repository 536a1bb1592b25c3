"""Groups of options become options of a command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from tlbench.cli.groups import grouped


@dataclass(frozen=True, kw_only=True)
class Place:
    root: Annotated[Path | None, typer.Option("--root", help="The folder.", metavar="DIR")] = None
    columns: Annotated[list[str] | None, typer.Option("--column", help="A column.")] = None


def make_app() -> typer.Typer:
    app = typer.Typer(add_completion=False)

    @app.command()
    @grouped
    def look(*, name: Annotated[str, typer.Argument()], place: Place, loud: bool = False) -> None:
        """Look at one thing."""
        typer.echo(f"{name} {place.root} {place.columns} {loud}")

    return app


def test_each_field_of_a_group_is_an_option_and_the_command_gets_the_group() -> None:
    options = ["wrist", "--column", "a", "--column", "b", "--root", "here", "--loud"]
    done = CliRunner().invoke(make_app(), options)
    assert (done.exit_code, done.stdout) == (0, "wrist here ['a', 'b'] True\n")


def test_what_is_left_out_has_the_default_of_its_field() -> None:
    assert CliRunner().invoke(make_app(), ["wrist"]).stdout == "wrist None None False\n"


def test_help_has_the_options_in_their_places() -> None:
    shown = CliRunner().invoke(make_app(), ["--help"]).stdout
    places = [shown.index(word) for word in ("Look at one thing.", "--root", "--column", "--loud")]
    assert places == sorted(places)
    assert "--place" not in shown
