"""The command `tlbench`: its commands, and the one place where errors are shown."""

from __future__ import annotations

import errno
import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType
from typing import Annotated

import typer

from tlbench import __version__
from tlbench.cli import audit, cache, catalogue, compare, data, doctor, plugins, report, run
from tlbench.errors import InterruptedRunError, TlbenchError

app = typer.Typer(
    name="tlbench",
    help="Which pre-trained backbone to build on for a small set of radiographs, "
    "and how sure that is.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help appears twice as fast
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", short_help="Evaluate backbones on a data set.")(run.run_command)
app.command("compare", short_help="Compare runs that share a hold-out.")(compare.compare_command)
app.command("report", short_help="Write the comparison as one page.")(report.report_command)
app.command("evaluate", short_help="Evaluate predictions made elsewhere.")(compare.evaluate_command)
app.command("audit", short_help="Look through a data set for leaks and shortcuts.")(
    audit.audit_command
)
app.command("doctor", short_help="Say what this machine can do.")(doctor.doctor_command)
app.add_typer(catalogue.list_app, name="list")
app.add_typer(catalogue.show_app, name="show")
app.add_typer(data.data_app, name="data")
app.add_typer(cache.cache_app, name="cache")
app.add_typer(plugins.plugins_app, name="plugins")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tlbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Say the version and exit."
        ),
    ] = False,
) -> None:
    """Which pre-trained backbone to build on for a small set of radiographs."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise InterruptedRunError


def main() -> None:
    """Run the command line: exit code 0 done, 1 an error to act on, 2 usage, 130 Ctrl-C."""
    signal.signal(signal.SIGINT, _interrupt)
    # A terminal that can't show a dash shows a question mark, which beats a traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where a full disk can still be said
    except TlbenchError as error:
        from tlbench.cli.output import print_error, print_traceback

        print_traceback(error)
        print_error(error)
        sys.exit(error.exit_code)
    except InterruptedRunError as error:
        from tlbench.cli.output import print_line

        print_line(
            f"interrupted {error}"
            if error.args
            else "interrupted; what is finished is kept, the same command goes on from there"
        )
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing more to say, nothing to flush.
        _give_up_stdout()
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        from tlbench.cli.output import print_error

        _give_up_stdout()
        print_error(
            TlbenchError("the disk is full: the output can't be written", "free some space")
        )
        sys.exit(1)


def _give_up_stdout() -> None:
    """Send what Python still wants to flush nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
