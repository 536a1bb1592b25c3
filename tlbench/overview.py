"""What a run would use of a data set, counted by partition and by what is known of radiographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tlbench.audit.gate import join_known
from tlbench.datasets.cards import find_card
from tlbench.datasets.counts import Count, check_columns, count_radiographs, known_words
from tlbench.datasets.table import Table, read_table
from tlbench.datasets.units import number_units
from tlbench.errors import DataError
from tlbench.plugins import PluginHost
from tlbench.progress import Progress
from tlbench.protocols.partition import PARTITIONS
from tlbench.run_request import check_unit
from tlbench.scores import plan_seed
from tlbench.specs import DataChoice, DatasetSpec, ProtocolSpec, Unit


@dataclass(frozen=True)
class Overview:
    """The radiographs that `choice` takes of a data set, and their counts.

    `protocol`, `seed` and `unit` are those of the run whose partitions are counted.
    """

    dataset: DatasetSpec
    choice: DataChoice
    protocol: str
    seed: int
    unit: Unit
    table: Table
    counts: tuple[Count, ...]

    def describe(self) -> dict[str, Any]:
        """Return all but the radiographs as JSON values."""
        return {
            "dataset": self.choice.dataset,
            "subset": self.choice.subset,
            "synthetic": self.dataset.synthetic,
            "protocol": self.protocol,
            "seed": self.seed,
            "unit": self.unit,
            "counts": [asdict(count) for count in self.counts],
            "warnings": list(self.table.warnings),
        }


def look_over(
    host: PluginHost,
    choice: DataChoice,
    *,
    protocol: str,
    seed: int,
    unit: Unit | None,
    by: Sequence[str],
    cache: Path,
    progress: Progress,
) -> Overview:
    """Count what a run would use; no pixel is read for it.

    `unit` None is what labels belong to; `by` names columns to count by beside those that may be
    shown unasked. Where the protocol can't split so few, partitions are left out with a warning.
    Raises `UnknownNameError` for names nobody offers and columns that aren't there, and `DataError`
    where the data set can't be read or does not name the units.
    """
    dataset = host.datasets.find(choice.dataset).spec
    splits = host.protocols.find(protocol).spec
    check_unit(unit)
    table = read_table(dataset, choice, cache, progress)
    check_columns(table, by)
    if unit is not None:  # what a user wants is held to; what a data set has is counted anyway
        number_units(table, unit)
    of = unit or table.labels_of
    partitions = _name_partitions(join_known(table, cache, progress), splits, seed, of, progress)
    words = known_words(find_card(choice.dataset))
    counts = count_radiographs(table, words, partitions, asked=by)
    return Overview(dataset, choice, protocol, seed, of, table, tuple(counts))


def _name_partitions(
    table: Table, protocol: ProtocolSpec, seed: int, unit: Unit, progress: Progress
) -> list[str] | None:
    """The partition of each radiograph, None where the protocol can't split so few."""
    try:
        of = plan_seed(table, protocol, seed, unit).partitions.of
    except DataError as error:
        progress.warn(f"{protocol.name} can't split this: {error.message}")
        return None
    return [PARTITIONS[number] for number in of]
