"""The tables of runs with several seeds: each seed with its intervals, and the spread apart."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tlbench.report.rows import (
    averaged,
    data_words,
    grave_warnings,
    holdout_words,
    leak_note,
    methods,
    run_sheet,
    unit_of,
)
from tlbench.report.selections import selection_note
from tlbench.report.sheets import Cell, Estimate, Sheet, estimate

Data = Mapping[str, Any]

SEED_COLUMNS = ("Backbone", "Seed", "AUC", "Sensitivity", "Specificity")
SPREAD_COLUMNS = ("Backbone", "Over seeds", "Mean", "SD", "Lowest", "Highest")


def run_sheets(records: Sequence[Data], failed: Mapping[str, str] | None = None) -> list[Sheet]:
    """Return the tables of runs that share data set and protocol: one, or two with several seeds.

    The second then has the spread over seeds, which no interval of the first contains. `failed`
    maps backbones that came to no record to the reason.
    """
    if len({record["seed"] for record in records}) < 2:
        return [run_sheet(records, failed)]
    first, seeds = records[0], _few_numbers([record["seed"] for record in records])
    holdout = holdout_words(first["holdout"], unit_of(first))
    title = f"{data_words(first)}, {first['protocol']}, {seeds}: {holdout}"
    by_backbone: dict[str, list[Data]] = {}
    for record in records:
        by_backbone.setdefault(record["backbone"], []).append(record)
    rows = [row for group in by_backbone.values() for row in _seed_rows(group)]
    lines = [f"Failed: {name}: {reason}." for name, reason in (failed or {}).items()]
    said = dict.fromkeys(line for record in records for line in record["warnings"])
    grave = [f"Warning: {line}." for line in grave_warnings(list(said))]
    spread = [row for group in by_backbone.values() for row in _spread_rows(group)]
    return [
        Sheet("runs", title, SEED_COLUMNS, rows, [*_notes(by_backbone), *lines]),
        Sheet("seeds", "Spread over seeds", SPREAD_COLUMNS, spread, [_APART, *grave]),
    ]


_APART = (
    "The spread over seeds says how much splits and training by chance matter, an interval how "
    "much the choice of cases does. Seeds share all cases of the hold-out: the one is never added "
    "to the other."
)


def _name(record: Data) -> str:
    return f"{record['backbone']}\n{record['weights']}"


def _seed_rows(group: Sequence[Data]) -> list[tuple[Cell, ...]]:
    return [
        (
            "" if number else _name(record),
            str(record["seed"]),
            estimate(record["auc"]),
            estimate(record["operating_point"]["sensitivity"]),
            estimate(record["operating_point"]["specificity"]),
        )
        for number, record in enumerate(group)
    ]


def _spread_rows(group: Sequence[Data]) -> list[tuple[Cell, ...]]:
    figures = {
        "AUC": [record["auc"] for record in group],
        "Sensitivity": [record["operating_point"]["sensitivity"] for record in group],
        "Specificity": [record["operating_point"]["specificity"] for record in group],
    }
    rows: list[tuple[Cell, ...]] = []
    for figure, found in figures.items():
        values = [item["value"] for item in found if item["value"] is not None]
        sd = statistics.stdev(values) if len(values) > 1 else None
        spread = (statistics.fmean(values), sd, min(values), max(values)) if values else (None,) * 4
        rows.append(("" if rows else _name(group[0]), figure, *map(Estimate, spread)))
    return rows


def _notes(by_backbone: Mapping[str, Sequence[Data]]) -> list[str]:
    records = [record for group in by_backbone.values() for record in group]
    chosen_on = sorted({record["operating_point"]["chosen_on"] for record in records})
    lines = [
        *selection_note(records[0]["details"]["dataset"].get("selection")),
        *averaged(records[0]),
        methods(
            [record["auc"] for record in records],
            "Wilson",
            records[0]["holdout"],
            unit_of(records[0]),
        ),
        f"Sensitivity and specificity at a cut-off chosen on {' or '.join(chosen_on)}, anew for "
        "each seed.",
    ]
    for name, group in by_backbone.items():
        lines.append(f"{name}: weights {group[0]['details']['weights']['title']}.")
        for record in group:
            if record["auc"]["note"]:
                lines.append(f"{name}, seed {record['seed']}: {record['auc']['note']}.")
            lines.extend(f"{name}, seed {record['seed']}: {line}" for line in leak_note(record))
    return lines + [f"Warning: {warning}." for warning in _warnings(by_backbone)]


def _warnings(by_backbone: Mapping[str, Sequence[Data]]) -> list[str]:
    """Each warning once, with the backbones and seeds that have it where not all do.

    Warnings that differ in their figures alone stand as what they share: records have the rest.
    """
    lines: dict[str, dict[str, list[int]]] = {}
    wordings: dict[str, set[str]] = {}
    for name, group in by_backbone.items():
        for record in group:
            for line in record["warnings"]:
                shared = line.partition(":")[0]
                lines.setdefault(shared, {}).setdefault(name, []).append(record["seed"])
                wordings.setdefault(shared, set()).add(line)
    out = []
    for shared, named in lines.items():
        line = shared if len(wordings[shared]) > 1 else next(iter(wordings[shared]))
        if {name: len(seeds) for name, seeds in named.items()} == {
            name: len(group) for name, group in by_backbone.items()
        }:
            out.append(line)
        else:
            who = ", ".join(f"{name} {_few_numbers(seeds)}" for name, seeds in named.items())
            out.append(f"{who}: {line}")
    return out


def _few_numbers(seeds: Sequence[int]) -> str:
    """The seeds in words: a range where they follow one another."""
    numbers = sorted(set(seeds))
    if len(numbers) == 1:
        return f"seed {numbers[0]}"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"seeds {numbers[0]} to {numbers[-1]}"
    return f"seeds {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
