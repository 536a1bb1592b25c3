"""Data set cards: what `datasets/<name>/dataset.toml` says of a data set."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.datasets.conditions import Condition, read_condition
from tlbench.errors import DataError
from tlbench.specs import CohortRule, DatasetRequest, DatasetSpec, Radiograph

# Installed, the cards lie inside the package; in a checkout they lie where people look for them.
_HOMES = (Path(__file__).with_name("cards"), Path(__file__).parents[2] / "datasets")
_FILE = "dataset.toml"


@dataclass(frozen=True)
class Card:
    """A card and the folder it lies in; `content` is the whole file as `tomllib` reads it."""

    name: str
    folder: Path
    content: Mapping[str, Any]

    @property
    def subsets(self) -> Mapping[str, Mapping[str, Any]]:
        """The subsets by name, each with the `file` that lists it or the condition `where`."""
        found: Mapping[str, Mapping[str, Any]] = self.content.get("subsets", {})
        return found

    def subset_file(self, subset: str) -> Path:
        """Return the CSV file that lists a subset, by image; KeyError where none does."""
        return self.folder / str(self.subsets[subset]["file"])

    def subset_condition(self, subset: str) -> Condition | None:
        """Return the condition on metadata that a subset is, or None where a file lists it."""
        where = self.subsets[subset].get("where")
        return None if where is None else read_condition(where)

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The folders that may hold the images, below the data root; none if it does not say."""
        named = self.content.get("files", {}).get("images", ())
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def reveals_label(self) -> tuple[str, ...]:
        """The columns, of the data set or of a subset's list, that reveal the label."""
        parts = [self.content.get("columns", {}), *self.subsets.values()]
        return tuple(dict.fromkeys(c for part in parts for c in part.get("reveals_label", ())))

    def describe(self, read: Callable[[DatasetRequest], list[Radiograph]]) -> DatasetSpec:
        """Return the card's data set as plugins offer it; `read` is its reader.

        Raises `DataError` naming the card if an entry is missing or is not what it must be.
        """
        content = self.content
        try:
            return DatasetSpec(
                name=self.name,
                title=content["title"],
                read=read,
                layout=content["layout"],
                licence=content["licence"],
                source=content["source"],
                citation=content["citation"],
                subsets=tuple(self.subsets),
                needs_root=content["needs_root"],
                synthetic=content["synthetic"],
                unit=content.get("unit", "image"),
                label=content["label"],
                group=content["group"],
                known_issues=tuple(content["known_issues"]),
                exclusions=content.get("exclusions", {}),
                cohorts={
                    cohort: CohortRule(**rule)
                    for cohort, rule in content.get("cohorts", {}).items()
                },
                reveals_label=self.reveals_label,
                partial=content.get("partial", False),
            )
        except KeyError as error:
            raise DataError(
                f'the card "{self.folder / _FILE}" lacks the entry "{error.args[0]}"',
                "add it; datasets/README.md says what a card holds",
            ) from None
        except (TypeError, ValueError) as error:
            raise DataError(
                f'the card "{self.folder / _FILE}" has an entry that can\'t be: {error}',
                "correct it; datasets/README.md says what a card holds",
            ) from None


def read_card(name: str) -> Card:
    """Read the card of the data set `name`.

    Raises `DataError` if there is none or it is not TOML.
    """
    card = find_card(name)
    if card is None:
        raise DataError(f'data set "{name}" has no card', "install tlbench anew: files are missing")
    return card


def find_card(name: str) -> Card | None:
    """Return the card of the data set `name`, or None: data sets of plugins may have none.

    Raises `DataError` if it is not TOML.
    """
    for home in _HOMES:
        file = home / name / _FILE
        if not file.is_file():
            continue
        try:
            return Card(name, file.parent, tomllib.loads(file.read_text(encoding="utf-8")))
        except ValueError as error:
            raise DataError(f'the card "{file}" is not valid TOML: {error}') from None
    return None
