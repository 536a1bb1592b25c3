"""What of a data set a user wants: conditions, exclusions and cohorts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tlbench.specs import DataChoice, DatasetSpec, Radiograph


def select(
    radiographs: Sequence[Radiograph],
    dataset: DatasetSpec,
    choice: DataChoice,
    warn: Callable[[str], None],
) -> list[Radiograph]:
    """Return the radiographs that `choice` takes; `warn` hears what a record must say of it."""
    return list(radiographs)
