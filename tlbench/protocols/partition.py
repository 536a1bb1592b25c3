"""From radiographs to partitions: the hold-out first, then train, validation and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.patients import take_patients
from tlbench.specs import UNIT_WORDS, HoldoutRule, ProtocolSpec, Unit
from tlbench.stats.units import collect_units
from tlbench.streams import stream

PARTITIONS = ("train", "validation", "test", "hold-out")
HOLDOUT = 3
FEWEST = 3
"""Patients of each label that must be left after the hold-out: one for each other partition."""


@dataclass(frozen=True)
class Partitions:
    """For each radiograph the index of its partition in `PARTITIONS`, and how the hold-out came."""

    of: NDArray[np.int64]
    note: str

    def rows(self, *names: str) -> NDArray[np.int64]:
        """Return the indices of the radiographs in the named partitions, ascending."""
        wanted = [PARTITIONS.index(name) for name in names]
        return np.flatnonzero(np.isin(self.of, wanted))


def draw_partitions(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    protocol: ProtocolSpec,
    seed: int,
    *,
    units: NDArray[np.int64] | None = None,
    unit: Unit = "image",
) -> Partitions:
    """Return the partitions of n radiographs with `labels` (n,) and patients `groups` (n,).

    The hold-out depends on the protocol alone, the rest also on `seed`. No patient is in two
    partitions. `units` (n,) are what is drawn and counted, each within one patient; without them
    radiographs are. Raises `DataError` where there is one class only or too few patients.
    """
    if units is not None:
        drawn = collect_units(labels, units)
        parts = draw_partitions(drawn.labels, groups[drawn.first], protocol, seed, unit=unit)
        return replace(parts, of=parts.of[drawn.of])
    what = UNIT_WORDS[unit]
    _check_classes(labels, what)
    held, per_class, note = draw_holdout(labels, groups, protocol.holdout, what)
    of = np.full(len(labels), HOLDOUT, dtype=np.int64)
    rest = np.flatnonzero(~held)
    _check_rest(labels[rest], groups[rest], per_class)
    of[rest] = assign_groups(
        labels[rest], groups[rest], protocol.split, stream(seed, "run/partition")
    )
    _check_parts(labels, of, what)
    return Partitions(of, note)


def assign_groups(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    shares: Sequence[float],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return a part for each row, such that groups stay whole and labels are spread by `shares`.

    Large groups are placed first, each where most of its labels are still missing altogether, and
    among those where it would leave the largest fraction of what the part is due still to come;
    `rng` decides the order among groups of one size.
    """
    names, index = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), 2))
    np.add.at(counts, (index, labels), 1)
    due = np.outer(np.asarray(shares), counts.sum(axis=0))
    have = np.zeros_like(due)
    part_of = np.zeros(len(names), dtype=np.int64)
    order = rng.permutation(len(names))
    rarer = int(np.argmin(due.sum(axis=0)))
    for group in order[np.argsort(-counts[order].sum(axis=1), kind="stable")]:
        # A group with both labels goes by the rarer one.
        label = rarer if counts[group, rarer] else 1 - rarer
        filled = ((have == 0) & (counts[group] > 0)).sum(axis=1)
        left = 1 - (have[:, label] + counts[group, label]) / np.maximum(due[:, label], 1e-9)
        part = int(np.lexsort((left, filled))[-1])
        have[part] += counts[group]
        part_of[group] = part
    return part_of[index]


def straddling(groups: NDArray[np.int64], given: Sequence[str | None]) -> NDArray[np.int64]:
    """Return the groups (ascending) whose radiographs lie in more than one given partition.

    `groups` (n,) are patient numbers, `given` (n) names of partitions; None is in none of them.
    """
    places: dict[int, set[str]] = {}
    for group, name in zip(groups, given, strict=True):
        if name is not None:
            places.setdefault(int(group), set()).add(name)
    return np.array(sorted(g for g, names in places.items() if len(names) > 1), dtype=np.int64)


def draw_holdout(
    labels: NDArray[np.int64], groups: NDArray[np.int64], rule: HoldoutRule, what: str
) -> tuple[NDArray[np.bool_], int, str]:
    """Return which of n units (`what` in words) are held out, how many of each label, and why.

    Balanced, of whole patients, and drawn from the rule's own seed; raises `DataError` where
    there are too few.
    """
    largest = int(rule.largest_share * len(labels) / 2)
    # Never more than half of the rarer label: something must be left to train on.
    half = int(np.bincount(labels, minlength=2).min()) // 2
    target = min(rule.per_class, largest, half)
    within = (
        f"{rule.largest_share:.0%} of {len(labels):,} {what}"
        if largest <= half
        else "half of the rarer label"
    )
    rng = stream(rule.seed, "hold-out")
    order = rng.permutation(np.unique(groups))
    for per_class in range(target, 1, -1):
        held = take_patients(labels, groups, order, (per_class, per_class))
        if held is not None:
            note = f"{per_class} of each label"
            if per_class < rule.per_class:
                note += (
                    f", the largest balanced hold-out within {within} "
                    f"(the protocol asks for {rule.per_class})"
                )
            return held, per_class, note
    raise DataError(
        f"{len(labels)} {what}, {int(labels.sum())} positive, are too few for a "
        f"hold-out: it needs at least 2 of each label, of whole patients, within {within}",
        "add radiographs; 100 or more make a hold-out that can show something",
    )


def _check_parts(labels: NDArray[np.int64], of: NDArray[np.int64], what: str) -> None:
    for part in (0, 1):
        if len(np.unique(labels[of == part])) < 2:
            raise DataError(
                f"the {PARTITIONS[part]} partition would have {what} of one label only: "
                "too few patients have the other",
                "add radiographs, or try another --seed",
            )


def _check_classes(labels: NDArray[np.int64], what: str) -> None:
    present = np.unique(labels)
    if len(present) < 2:
        word = "positive" if len(labels) and present[0] == 1 else "negative"
        raise DataError(
            f"all {len(labels)} {what} are {word}: an AUC needs both labels",
            "check the labels, or choose a subset that has both",
        )


def _check_rest(labels: NDArray[np.int64], groups: NDArray[np.int64], per_class: int) -> None:
    for label, word in ((1, "a fracture"), (0, "no fracture")):
        patients = len(np.unique(groups[labels == label]))
        if patients < FEWEST:
            raise DataError(
                f"{patients} patients with {word} are left beside the hold-out of "
                f"{per_class} + {per_class}: training needs at least {FEWEST}",
                "add radiographs of that label",
            )
