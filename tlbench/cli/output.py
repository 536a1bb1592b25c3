"""All output: data to stdout, talk to stderr. The only module that knows rich."""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlbench.containment import TRACEBACK
from tlbench.errors import TlbenchError
from tlbench.progress import Progress
from tlbench.report.sheets import Sheet, stacked
from tlbench.words import counted


def print_json(value: Any) -> None:
    """Print one JSON value to stdout; a number that is not finite is a bug and raises."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_error(error: TlbenchError) -> None:
    """Print an error a user can act on: one line and a hint, to stderr."""
    console = _talk()
    console.print(Text("error: ", "bold red") + _shown(error.message))
    if error.hint:
        console.print(Text("hint: ", "bold") + _shown(error.hint))


def print_traceback(error: BaseException) -> None:
    """Print the whole traceback to stderr where `TLBENCH_TRACEBACK` is set, else nothing."""
    if wants_tracebacks():
        import traceback

        sys.stderr.write("".join(traceback.format_exception(error)))


def wants_tracebacks() -> bool:
    """Tell whether `TLBENCH_TRACEBACK` is set."""
    return os.environ.get(TRACEBACK, "0") not in ("", "0")


def print_line(line: str) -> None:
    """Print a remark to stderr."""
    _talk().print(_shown(line))


def print_sheet(sheet: Sheet) -> None:
    """Print a sheet and its notes to stdout."""
    console = Console(highlight=False)
    grid = _table(sheet.columns, names_whole=False)
    grid.title = _shown(sheet.title)
    grid.title_justify = "left"
    for number, row in enumerate(sheet.rows):
        # A line sets things apart; rows that go on with one thing begin with an empty cell.
        if number and row[0]:
            grid.add_section()
        grid.add_row(*(_shown(stacked(cell)) for cell in row))
    console.print(grid)
    for note in sheet.notes:
        console.print(_shown(note))


def print_warning(line: str) -> None:
    """Print a warning to stderr."""
    _talk().print(Text("warning: ", "bold yellow") + _shown(line))


def mend_terminal() -> None:
    """Begin a new line and show the cursor, where a process died in the middle of a live bar."""
    console = _talk()
    if console.is_terminal:
        console.show_cursor(True)
        console.print()


def print_text(text: str) -> None:
    """Print text as it is to stdout."""
    sys.stdout.write(text)


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str] = (),
    *,
    names_whole: bool = True,
) -> None:
    """Print a plain table and its notes to stdout; names are never broken, or else figures."""
    console = Console(highlight=False)
    grid = _table(columns, names_whole=names_whole)
    for row in rows:
        grid.add_row(*(_shown(cell) for cell in row))
    console.print(grid)
    for note in notes:
        console.print(_shown(note))


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and what they stand for, side by side, to stdout."""
    console = Console(highlight=False)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        grid.add_row(_shown(name), _shown(value))
    console.print(grid)


def _table(columns: Sequence[str], *, names_whole: bool) -> Table:
    """A table whose first column is never wrapped (names to copy), or else all the others."""
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        grid.add_column(_shown(column), overflow="fold", no_wrap=(number == 0) == names_whole)
    return grid


def _shown(text: str, style: str = "") -> Text:
    """Text for a terminal: what would command it, as a file's name may, is spelt out."""
    spelt = (
        repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cf") and c != "\n" else c for c in text
    )
    return Text("".join(spelt), style)


def _talk() -> Console:
    # In a file each remark is one line, on a terminal it is wrapped between words.
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


class ConsoleProgress(Progress):
    """Talks on stderr: remarks, and progress bars where it is a terminal."""

    def __init__(self) -> None:
        self._console = _talk()

    def say(self, line: str) -> None:
        """Print a remark."""
        self._console.print(_shown(line, "dim"))

    def warn(self, line: str) -> None:
        """Print a warning."""
        print_warning(line)

    @contextmanager
    def task(self, what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        """Show a bar with rate and time left, or one line at the end where there's no terminal."""
        started = time.monotonic()
        done = 0
        if not self._console.is_terminal:

            def count(step: int) -> None:
                nonlocal done
                done += step

            yield count
            seconds = max(time.monotonic() - started, 1e-9)
            made = counted(done, unit.removesuffix("s"))
            self.say(f"{what}: {made} in {seconds:.0f} s, {done / seconds:.1f} a second")
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
        )
        with bars:
            task = bars.add_task(what, total=total, rate="")

            def advance(step: int) -> None:
                nonlocal done
                done += step
                rate = done / max(time.monotonic() - started, 1e-9)
                bars.update(task, advance=step, rate=f"{rate:.1f} {unit}/s")

            yield advance
