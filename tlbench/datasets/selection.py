"""What of a data set a user wants: conditions, exclusions and cohorts, one after another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tlbench.datasets.cohorts import draw_cohort
from tlbench.datasets.conditions import Condition, Values, read_condition, values_of
from tlbench.datasets.csv_files import read_list
from tlbench.errors import DataError, UnknownNameError
from tlbench.registry import unknown
from tlbench.specs import DataChoice, DatasetSpec, Radiograph


@dataclass(frozen=True)
class Selection:
    """The radiographs that were taken, and what a record says of how they came about."""

    radiographs: list[Radiograph]
    record: dict[str, Any] = field(default_factory=dict)


def select(
    radiographs: Sequence[Radiograph],
    dataset: DatasetSpec,
    choice: DataChoice,
    warn: Callable[[str], None],
) -> Selection:
    """Return the radiographs that `choice` takes; `warn` hears what a record must say of it.

    In this order: those that meet `where`; without the exclusions named in `without`, one after
    another; without the cases listed in `exclude`; of what is left, the `cohort`. At the end,
    images that are not on disk are left out where the data set may be there in part. Raises
    `DataError` where nothing is left, a cohort can't be drawn or lacks images, a condition says
    nothing or its list is of another data set; `UnknownNameError` for names nobody offers.
    """
    if not radiographs:
        return Selection([])
    work = _Work(list(radiographs), dataset, warn)
    record: dict[str, Any] = {"read": len(radiographs)}
    record["where"] = None if choice.where is None else work.keep(choice.where)
    # From Python a single name may come bare.
    names = [choice.without] if isinstance(choice.without, str) else choice.without
    record["without"] = [work.leave_out(name) for name in dict.fromkeys(names)]
    record["exclude"] = None if choice.exclude is None else work.exclude(choice.exclude)
    record["cohort"] = None if choice.cohort is None else work.draw(choice.cohort)
    record["missing"] = work.check_present(choice) if dataset.partial else 0
    record["taken"] = len(work.rows)
    return Selection(work.rows, record)


class _Work:
    """A selection under way: `rows` are the radiographs that are left."""

    def __init__(
        self, rows: list[Radiograph], dataset: DatasetSpec, warn: Callable[[str], None]
    ) -> None:
        self.all = rows
        self.rows = rows
        self.dataset = dataset
        self.warn = warn

    @cached_property
    def values(self) -> dict[int, Values]:
        """What conditions may ask of each radiograph, by the `id` of it."""
        return {id(row): values_of(row) for row in self.all}

    def split(self, condition: Condition) -> tuple[list[Radiograph], list[Radiograph]]:
        """Return those of the rows that meet the condition, and the others."""
        met: tuple[list[Radiograph], list[Radiograph]] = ([], [])
        for row in self.rows:
            met[not condition.holds(self.values[id(row)])].append(row)
        return met

    def keep(self, text: str) -> dict[str, Any]:
        condition = self.read(text)
        before = len(self.rows)
        self.rows, others = self.split(condition)
        if not self.rows:
            raise DataError(
                f"none of {before:,} radiographs meets the condition {condition.quoted}",
                "an empty cell meets no comparison; see datasets/README.md",
            )
        return {"condition": condition.text, "left_out": len(others)}

    def leave_out(self, name: str) -> dict[str, Any]:
        exclusions = self.dataset.exclusions
        if name not in exclusions:
            known = ", ".join(f'"{each}"' for each in exclusions)
            otherwise = f"there is {known}" if known else 'it has none; --where "not ..." may do'
            raise unknown(f"{self.dataset.name} exclusion", name, exclusions, otherwise)
        try:
            condition = self.read(exclusions[name])
        except UnknownNameError as error:
            error.message += f', which is the exclusion "{name}"'
            error.hint = "these radiographs don't have that column; another subset may"
            raise
        before = len(self.rows)
        met, self.rows = self.split(condition)
        if not self.rows:
            raise DataError(
                f'without "{name}" nothing is left: all {before:,} radiographs meet '
                f"{condition.quoted}",
                f"leave out --without {name}",
            )
        return {"name": name, "condition": condition.text, "left_out": len(met)}

    def exclude(self, file: Path) -> dict[str, Any]:
        listed = set(read_list(file, "case"))
        absent = len(listed.difference(row.case for row in self.all))
        if listed and absent == len(listed):
            raise DataError(
                f'no case in "{file}" is in the data set ({absent:,} listed)',
                f'cases are written like "{self.all[0].case}", one a line or in a column "case"; '
                "pseudonyms change with the files or rows of a data set: make such a list anew",
            )
        if absent:
            are = "is" if absent == 1 else "are"
            self.warn(
                f'{absent:,} of {len(listed):,} cases in "{file.name}" {are} not in the data set'
            )
        before = len(self.rows)
        self.rows = [row for row in self.rows if row.case not in listed]
        if not self.rows:
            raise DataError(
                f'without the cases in "{file}" nothing is left of {before:,} radiographs',
                "check the list",
            )
        return {
            "file": file.name,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "listed": len(listed),
            "left_out": before - len(self.rows),
        }

    def draw(self, name: str) -> dict[str, Any]:
        cohorts = self.dataset.cohorts
        if name not in cohorts:
            known = ", ".join(f'"{each}"' for each in cohorts)
            otherwise = f"there is {known}" if known else "it has no cohorts; leave out --cohort"
            raise unknown(f"{self.dataset.name} cohort", name, cohorts, otherwise)
        rule = cohorts[name]
        before = len(self.rows)
        if rule.where:
            self.keep(rule.where)
        self.rows = draw_cohort(self.rows, name, rule)
        return {"name": name} | asdict(rule) | {"left_out": before - len(self.rows)}

    def read(self, text: str) -> Condition:
        condition = read_condition(text)
        condition.check_names({name for values in self.values.values() for name in values})
        for name in sorted(condition.names.intersection(self.dataset.reveals_label)):
            self.warn(f"the condition {condition.quoted} uses {name}, which reveals the label")
        return condition

    def check_present(self, choice: DataChoice) -> int:
        there = [row for row in self.rows if row.path.is_file()]
        missing, before = len(self.rows) - len(there), len(self.rows)
        if not missing:
            return 0
        has = "has" if missing == 1 else "have"
        lack = f"{missing:,} of {before:,} radiographs {has} no image"
        if choice.cohort:
            raise DataError(
                f'{lack} in "{choice.data_root}", but the cohort "{choice.cohort}" is drawn '
                "from the whole data set",
                f"it takes {self.dataset.layout}; or leave out --cohort",
            )
        if not there:
            raise DataError(
                f'none of {before:,} radiographs has an image in "{choice.data_root}"',
                f"it must hold {self.dataset.layout}",
            )
        self.warn(f"{lack} in the data root and {'is' if missing == 1 else 'are'} left out")
        self.rows = there
        return missing
