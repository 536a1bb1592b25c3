"""Leaks: what lets a score be better than it would be on radiographs nobody has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.audit.alike import Group
from tlbench.datasets.table import Table
from tlbench.protocols.partition import straddling
from tlbench.words import few

_NAMED = 8


@dataclass(frozen=True)
class Leak:
    """One leak, in words, and the radiographs it is about, by their rows.

    `kind` is "patient" or "picture" for one that lies in two partitions given by the data set,
    "training data" for what a backbone was trained on.
    """

    kind: str
    text: str
    rows: tuple[int, ...]


def find_leaks(table: Table, groups: Sequence[Group]) -> list[Leak]:
    """Return the patients and pictures that lie in more than one partition of the data set's own.

    Partitions that tlbench draws keep both together, so that there is no such leak.
    """
    leaks = []
    for number in straddling(table.groups, table.given):
        rows = np.flatnonzero(table.groups == number).tolist()
        members = set(rows)
        pictures = [group for group in groups if members.issuperset(group.rows)]
        found = [leak for group in pictures if (leak := _picture(table, group)) is not None]
        leaks += found or [_patient(table, rows)]
    return leaks


def find_seen(table: Table, dataset: str, weights: str, seen: Sequence[str]) -> list[Leak]:
    """Return what of a data set the weights were trained on, by what they declare.

    `seen` holds names of data sets and SHA-256 of image files.
    """
    if dataset in seen:
        text = f'the weights "{weights}" were trained on data set "{dataset}"'
        return [Leak("training data", text, tuple(range(len(table))))]
    known = set(seen)
    rows = tuple(row for row, digest in enumerate(table.digests) if digest in known)
    if not rows:
        return []
    cases = few([table.radiographs[row].case for row in rows])
    text = f'the weights "{weights}" were trained on {len(rows):,} of these radiographs: {cases}'
    return [Leak("training data", text, rows)]


def _picture(table: Table, group: Group) -> Leak | None:
    first: dict[str, int] = {}
    for row in group.rows:
        partition = table.radiographs[row].partition
        if partition is not None:
            first.setdefault(partition, row)
    if len(first) < 2:
        return None
    named = [_placed(table, row) for row in first.values()]
    others = len(group.rows) - len(first)
    more = f", and {others:,} more with them" if others else ""
    return Leak("picture", f"{_and_last(named)} show the same picture{more}", group.rows)


def _patient(table: Table, rows: Sequence[int]) -> Leak:
    """Radiographs of one patient, or of several whom a picture or a study links."""
    radiographs = [table.radiographs[row] for row in rows]
    names = list(dict.fromkeys(r.partition for r in radiographs if r.partition is not None))
    patients = {r.patient for r in radiographs}
    who = "one patient" if len(patients) == 1 else "patients whom a picture or a study links"
    text = f"radiographs of {who} lie in {_and_last(names)}: "
    placed = [_placed(table, row) for row in rows]
    more = f" and {len(placed) - _NAMED:,} more" if len(placed) > _NAMED else ""
    return Leak("patient", f"{text}{', '.join(placed[:_NAMED])}{more}", tuple(rows))


def _placed(table: Table, row: int) -> str:
    """A case and the partition it lies in."""
    radiograph = table.radiographs[row]
    return f'"{radiograph.case}" ({radiograph.partition})'


def _and_last(names: Sequence[str]) -> str:
    """Two or more names as a list within a sentence."""
    return f"{', '.join(names[:-1])} and {names[-1]}"
