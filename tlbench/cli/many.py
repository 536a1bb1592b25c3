"""Several backbones in one command: each in a process of its own, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tlbench.cli.apart import call_apart
from tlbench.cli.output import (
    ConsoleProgress,
    print_json,
    print_line,
    print_sheet,
    print_text,
    print_warning,
)
from tlbench.errors import DataError, TlbenchError
from tlbench.records import Record, check_writable, get_record
from tlbench.words import counted

if TYPE_CHECKING:
    from tlbench.plugins import PluginHost
    from tlbench.run_request import RunRequest

MOST_PAIRS = 45
"""Of more backbones than make so many pairs, the table of pairs is left to `tlbench compare`."""


@dataclass(frozen=True)
class Failure:
    """A backbone that came to no record, and why."""

    backbone: str
    error: str
    hint: str | None


def run_many(
    requests: Sequence[RunRequest], plugins: Sequence[Path], host: PluginHost, *, json: bool
) -> None:
    """Carry out the requests, those of one backbone in one process, and print what came of them.

    A backbone that fails, whatever way, costs its own row. Ends with exit code 1 if one did.
    """
    _check_shared(requests[0], host)
    outcomes = _run_each(requests, plugins)
    records = [outcome for outcome in outcomes if isinstance(outcome, Record)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if json:
        print_json([dict(o) if isinstance(o, Record) else _as_json(o) for o in outcomes])
    elif records:
        _print_tables(records, failures, requests[0])
    if records:
        print_line(f'{counted(len(records), "run")} saved in "{requests[0].results}"')
    else:
        raise TlbenchError(f"all {len(failures)} backbones failed", "the reasons stand above")
    if failures:
        raise typer.Exit(1)


def _check_shared(request: RunRequest, host: PluginHost) -> None:
    """Find what would make every backbone fail before the first one is run."""
    from tlbench.features.engines.choose import check_choices

    host.datasets.find(request.dataset)
    host.protocols.find(request.protocol)
    check_choices(request.engine, request.precision)
    check_writable(request.results)


def _run_each(requests: Sequence[RunRequest], plugins: Sequence[Path]) -> list[Record | Failure]:
    jobs: dict[str, list[RunRequest]] = {}
    for request in requests:
        jobs.setdefault(request.backbone, []).append(request)
    outcomes: list[Record | Failure] = []
    for number, (backbone, job) in enumerate(jobs.items(), start=1):
        print_line(f"{number} of {len(jobs)}: {backbone}")
        ended = call_apart(carry_out, job, plugins)
        records = [get_record(job[0].results, run) for run in ended.answers]
        outcomes += records
        if len(records) == sum(request.repeats for request in job):  # whatever happened afterwards
            continue
        error = ended.error or TlbenchError("ended without a word", None)
        if isinstance(error, DataError) and not any(isinstance(o, Record) for o in outcomes):
            raise error  # what is wrong with the data is wrong for all
        outcomes.append(Failure(backbone, error.message, error.hint))
        print_warning(f"{backbone} failed: {error}")
    return outcomes


def carry_out(requests: Sequence[RunRequest], plugins: Sequence[Path]) -> Iterator[str]:
    """Yield the name of each run as soon as it is finished; what a process of its own does."""
    from tlbench.plugins import load_plugins
    from tlbench.run import execute

    host, progress = load_plugins(plugins), ConsoleProgress()
    for request in requests:
        for record in execute(request, host, progress):
            yield record["run"]


def _as_json(failure: Failure) -> dict[str, Any]:
    return {"backbone": failure.backbone, "error": failure.error, "hint": failure.hint}


def _print_tables(
    records: Sequence[Record], failures: Sequence[Failure], request: RunRequest
) -> None:
    from tlbench.compare import compare
    from tlbench.report.comparisons import comparison_sheets
    from tlbench.report.seeds import run_sheets

    failed = {failure.backbone: failure.error for failure in failures}
    for number, sheet in enumerate(run_sheets(records, failed)):
        if number:
            print_text("\n")
        print_sheet(sheet)
    # Where some files can't be read at one size only, hold-outs may differ.
    holdouts = Counter(record["holdout"]["fingerprint"] for record in records)
    ((most, count),) = holdouts.most_common(1)
    if count < 2:
        return
    shared = [record for record in records if record["holdout"]["fingerprint"] == most]
    data = compare(shared, level=request.level, ci=request.ci).data
    for sheet in comparison_sheets(data):
        if sheet.name == "pairs" and len(sheet.rows) > MOST_PAIRS:
            print_line(f"{len(sheet.rows)} pairs are left out; `tlbench compare` prints them")
            continue
        print_text("\n")
        print_sheet(sheet)
