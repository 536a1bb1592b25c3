"""Partitions that a data set brings itself: obeyed, and completed where one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.protocols.partition import (
    HOLDOUT,
    PARTITIONS,
    Partitions,
    assign_groups,
    draw_holdout,
    straddling,
)
from tlbench.registry import unknown
from tlbench.specs import UNIT_WORDS, ProtocolSpec, Unit
from tlbench.stats.units import Units, collect_units
from tlbench.streams import stream

TRAIN, VALIDATION, TEST = range(3)


def take_partitions(
    given: Sequence[str | None],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    units: NDArray[np.int64],
    protocol: ProtocolSpec,
    seed: int,
    unit: Unit = "image",
) -> Partitions:
    """Return the partitions that a data set gives n radiographs, with what it leaves out drawn.

    What is given as hold-out is the hold-out; where nothing is, what is given as test is. What is
    missing is drawn by the protocol's rule from what is given as train, by whole patients; those
    that lie in two given partitions stay where they are. Raises `DataError` where some
    radiographs have no partition, and where hold-out, train or validation lack a label.
    """
    of = number_given(given)
    whole = ~np.isin(groups, straddling(groups, given))
    rest = _Rest(of, labels, groups, units, whole, UNIT_WORDS[unit])
    missing = [part for part in (HOLDOUT, VALIDATION, TEST) if part not in of]
    if HOLDOUT not in missing:
        notes = ["given by the data set"]
    elif TEST not in missing:
        of[of == TEST] = HOLDOUT
        missing = [TEST if part == HOLDOUT else part for part in missing]
        notes = ["given by the data set, which calls it test"]
    else:
        notes = [rest.draw_holdout(protocol)]
    drawn = [part for part in (VALIDATION, TEST) if part in missing]
    if drawn:
        rest.draw(drawn, protocol, seed)
        names = " and ".join(PARTITIONS[part] for part in drawn)
        notes.append(f"{names} drawn from what the data set gives as train")
    for part in (HOLDOUT, TRAIN, VALIDATION):
        rest.check_labels(part, drawn=part in missing)
    return Partitions(of, "; ".join(notes))


def number_given(given: Sequence[str | None]) -> NDArray[np.int64]:
    """Return the places in `PARTITIONS` of what is given; raises `TlbenchError` for other names."""
    for name in dict.fromkeys(given):
        if name is not None and name not in PARTITIONS:
            raise unknown(
                "partition", name, PARTITIONS, f"the data set may give {', '.join(PARTITIONS)}"
            )
    without = sum(name is None for name in given)
    if without:
        raise DataError(
            f"{without:,} of {len(given):,} radiographs are in no partition, the others are in "
            "one that the data set gives",
            f"give each {', '.join(PARTITIONS[:3])} or {PARTITIONS[3]}, or give none at all",
        )
    of = np.array([PARTITIONS.index(str(name)) for name in given], dtype=np.int64)
    if TRAIN not in of:
        raise DataError("the data set gives no radiographs as train", "training needs some")
    return of


@dataclass
class _Rest:
    """What is given as train, of which the rest is drawn into other places of `of` (n,).

    `whole` (n,) says which radiographs' patients lie in one given partition.
    """

    of: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    units: NDArray[np.int64]
    whole: NDArray[np.bool_]
    what: str

    def _collect(self) -> tuple[NDArray[np.int64], Units, NDArray[np.int64]]:
        """Return the rows that may be drawn, their units, and the patients of these units."""
        rows = np.flatnonzero((self.of == TRAIN) & self.whole)
        found = collect_units(self.labels[rows], self.units[rows])
        return rows, found, self.groups[rows][found.first]

    def draw_holdout(self, protocol: ProtocolSpec) -> str:
        rows, found, groups = self._collect()
        held, _, note = draw_holdout(found.labels, groups, protocol.holdout, self.what)
        self.of[rows[held[found.of]]] = HOLDOUT
        return f"{note}; drawn from what the data set gives as train, for it gives none"

    def draw(self, drawn: Sequence[int], protocol: ProtocolSpec, seed: int) -> None:
        rows, found, groups = self._collect()
        kept = np.array([TRAIN, *drawn])
        shares = np.array(protocol.split)[kept]
        parts = assign_groups(
            found.labels, groups, list(shares / shares.sum()), stream(seed, "run/partition")
        )
        self.of[rows] = kept[parts[found.of]]

    def check_labels(self, part: int, *, drawn: bool) -> None:
        rows = self.of == part
        if len(np.unique(collect_units(self.labels[rows], self.units[rows]).labels)) < 2:
            name = PARTITIONS[part] + (" partition" if part != HOLDOUT else "")
            how = "drawn from its train" if drawn else "that the data set gives"
            raise DataError(
                f"the {name} {how} has {self.what} of one label only",
                "hold-out, train and validation need both labels each",
            )
