"""In words: what was taken of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Data = Mapping[str, Any]


def selection_note(selection: Data | None) -> list[str]:
    """Return a sentence on what was taken of a data set, none where all of it was."""
    parts = list(_parts(selection)) if selection else []
    if not selection or not parts:
        return []
    taken, read = selection["taken"], selection["read"]
    return [f"Of {read:,} radiographs {taken:,} were taken: {'; '.join(parts)}."]


def _parts(selection: Data) -> Iterator[str]:
    if where := selection["where"]:
        yield f"where {where['condition']} ({where['left_out']:,} do not)"
    for exclusion in selection["without"]:
        yield f"without {exclusion['name']} ({exclusion['left_out']:,})"
    if exclude := selection["exclude"]:
        yield f"without those listed in {exclude['file']} ({exclude['left_out']:,})"
    if cohort := selection["cohort"]:
        where = f"where {cohort['where']}, " if cohort["where"] else ""
        yield (
            f"the cohort {cohort['name']}, {cohort['positives']:,} positive and "
            f"{cohort['negatives']:,} negative, {where}drawn by patient from seed {cohort['seed']}"
        )
    if missing := selection["missing"]:
        yield f"without those whose image is missing ({missing:,})"
