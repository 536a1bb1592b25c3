"""Lists of cases to leave out, as `--exclude` takes them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from tlbench.files import write_whole

COLUMNS = ("case", "reason")


def write_exclusions(file: Path, cases: Sequence[tuple[str, str]]) -> None:
    """Write a CSV file with a row for each case and its reason, whole or not at all."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([COLUMNS, *cases])
    write_whole(file, lambda stream: stream.write(out.getvalue().encode()))
