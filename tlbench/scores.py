"""From features to scores: trains the top layer and measures what it does on the hold-out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.contract import as_numbers, check_layer
from tlbench.datasets.table import Table, fingerprint_image
from tlbench.datasets.units import fingerprint_units, name_units, number_units
from tlbench.errors import DataError, PluginError, TlbenchError
from tlbench.measures import finite, measure, measure_partition
from tlbench.protocols.given import take_partitions
from tlbench.protocols.partition import (
    PARTITIONS,
    Partitions,
    assign_groups,
    draw_partitions,
)
from tlbench.records import Prediction
from tlbench.specs import UNIT_WORDS, ProtocolSpec, TopLayer, TrainingData, Unit
from tlbench.stats.cutoff import Cutoff, choose_cutoff
from tlbench.stats.units import collect_units
from tlbench.streams import stream
from tlbench.threads import one_blas_thread

AS_IS = "as is"
Features = NDArray[np.float32]
Wanted = tuple[str, str]
Sample = list[tuple[int, str]]
"""Radiographs by row, each with the name of a view."""


@dataclass(frozen=True)
class Measured:
    """What a record gets from training and scoring."""

    statistics: dict[str, Any]
    predictions: list[Prediction]
    arrays: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What one seed trains on and scores, before there are features.

    `clean` are the samples split before augmentation; `samples` are what the protocol trains on:
    the same, unless it augments first. `units` (n,) are the numbers of the units that scores are
    averaged over, of the kind `unit`.
    """

    table: Table
    protocol: ProtocolSpec
    seed: int
    unit: Unit
    units: NDArray[np.int64]
    partitions: Partitions
    samples: dict[str, Sample]
    clean: dict[str, Sample]

    @property
    def everything(self) -> Sample:
        """Every radiograph as it is: what is scored."""
        return [(row, AS_IS) for row in range(len(self.table))]

    def wanted(self, sample: Sample) -> list[Wanted]:
        """Return the images and views of a sample."""
        return [(self.table.digests[row], view) for row, view in sample]

    def units_of(self, sample: Sample, start: int = 0) -> NDArray[np.int64]:
        """Return the unit of each of a sample's rows.

        Where the unit is the image, every row is one of its own, counted from `start`: views that
        are split before they are judged are judged one by one.
        """
        if self.unit == "image":
            return np.arange(start, start + len(sample))
        return self.units[[row for row, _ in sample]]


def plan_seed(table: Table, protocol: ProtocolSpec, seed: int, unit: Unit = "image") -> Plan:
    """Draw the partitions of one seed, or take those that the data set gives.

    Raises `DataError` where that is impossible.
    """
    units = number_units(table, unit)
    labels, groups = table.labels, table.groups
    if table.gives_partitions:
        partitions = take_partitions(table.given, labels, groups, units, protocol, seed, unit)
    else:
        partitions = draw_partitions(labels, groups, protocol, seed, units=units, unit=unit)
    clean = _split_first(partitions, protocol)
    samples = _augment_first(table, partitions, protocol, seed) if protocol.split_views else clean
    return Plan(table, protocol, seed, unit, units, partitions, samples, clean)


def all_wanted(plans: Sequence[Plan]) -> list[Wanted]:
    """Return the images and views that all these plans need, each once.

    All in one go, so that there is one progress bar and one pass over the images. Views of one
    image stand together, so that it is read once; sorting makes the batches the same however the
    partitions were drawn.
    """
    found = {
        wanted
        for plan in plans
        for sample in (plan.everything, *plan.samples.values())
        for wanted in plan.wanted(sample)
    }
    return sorted(found)


def train_and_measure(
    plan: Plan,
    read: Callable[[Sequence[Wanted]], Features],
    *,
    level: float,
    method: Literal["logit", "wald"],
) -> Measured:
    """Train by the protocol, choose the cut-off, and score every radiograph as it is.

    Radiographs train; scores are averaged over units before anything is chosen or measured.
    `read` returns the features (n, d) of images and views that have been extracted.
    """
    table, partitions = plan.table, plan.partitions
    training = _Training(plan, read)
    layer = training.train(plan.samples)
    scores = training.score(layer, plan.everything)
    held = partitions.rows("hold-out")
    units = collect_units(table.labels[held], plan.units[held])
    statistics = {
        "holdout": _describe_holdout(plan),
        **measure(
            units.labels,
            units.average(scores[held]),
            table.groups[held][units.first],
            cutoff=_choose_cutoff(layer, plan),
            chosen_on=layer.cutoff_chosen_on,
            level=level,
            method=method,
            unit=plan.unit,
        ),
        "internal_test": training.measure_test(layer, plan.samples["test"]),
        "partitions": {name: _count(plan, partitions.rows(name)) for name in PARTITIONS},
        "top_layer": finite(dict(layer.history)),
        "warnings": [*_describe_given(plan), *layer.warnings],
    }
    if plan.protocol.split_views:
        # The same data, split before augmentation: what the internal test should have shown.
        honest = training.train(plan.clean)
        statistics["internal_test_without_leak"] = training.measure_test(honest, plan.clean["test"])
    return Measured(statistics, _predictions(plan, scores), layer.arrays)


def _split_first(partitions: Partitions, protocol: ProtocolSpec) -> dict[str, Sample]:
    """Views of the training partition only; validation and test as they are."""
    return {
        "train": [(r, v) for r in partitions.rows("train") for v in protocol.training_views],
        "validation": [(r, AS_IS) for r in partitions.rows("validation")],
        "test": [(r, AS_IS) for r in partitions.rows("test")],
    }


def _augment_first(
    table: Table, partitions: Partitions, protocol: ProtocolSpec, seed: int
) -> dict[str, Sample]:
    """All views of all radiographs outside the hold-out, split without regard to their origin."""
    rest = partitions.rows("train", "validation", "test")
    views: Sample = [(r, v) for r in rest for v in protocol.training_views]
    labels = np.array([table.labels[row] for row, _ in views])
    rng = stream(seed, "run/partition of views")
    part = assign_groups(labels, np.arange(len(views)), protocol.split, rng)
    return {
        name: [views[i] for i in np.flatnonzero(part == index)]
        for index, name in enumerate(PARTITIONS[:3])
    }


@dataclass
class _Training:
    """What is trained for one seed, and on which features."""

    plan: Plan
    read: Callable[[Sequence[Wanted]], Features]

    def _features(self, sample: Sample) -> Features:
        return self.read(self.plan.wanted(sample))

    def train(self, samples: Mapping[str, Sample]) -> TopLayer:
        rows = {name: np.array([row for row, _ in s]) for name, s in samples.items()}
        table, protocol = self.plan.table, self.plan.protocol
        labels, groups = table.labels, table.groups
        data = TrainingData(
            train=self._features(samples["train"]),
            train_labels=labels[rows["train"]],
            train_groups=groups[rows["train"]],
            validation=self._features(samples["validation"]),
            validation_labels=labels[rows["validation"]],
            validation_groups=groups[rows["validation"]],
            seed=self.plan.seed,
            parameters=protocol.parameters,
            rows=rows["train"],
            train_units=self.plan.units_of(samples["train"]),
            validation_units=self.plan.units_of(samples["validation"], len(samples["train"])),
        )
        with one_blas_thread():
            layer = protocol.train(data)
        if not isinstance(layer, TopLayer):
            raise PluginError(
                f'protocol "{protocol.name}" returned {type(layer).__name__} instead of a TopLayer',
                "its plugin is at fault",
            )
        check_layer(layer, protocol.name, self.plan.unit)
        return layer

    def score(self, layer: TopLayer, sample: Sample) -> NDArray[np.float64]:
        features = self._features(sample)
        with one_blas_thread():
            made = layer.score(features)
        scores = as_numbers(made, len(sample), f'`score` of protocol "{self.plan.protocol.name}"')
        if not np.isfinite(scores).all():
            raise TlbenchError(
                f'training by "{self.plan.protocol.name}" ended in scores that are not finite '
                "numbers",
                "the features are too large for it: check the scale of the backbone's input",
            )
        return scores

    def measure_test(self, layer: TopLayer, sample: Sample) -> dict[str, Any]:
        if not sample:
            return measure_partition(np.empty(0, np.int64), np.empty(0))
        labels = np.array([self.plan.table.labels[row] for row, _ in sample])
        units = collect_units(labels, self.plan.units_of(sample))
        return measure_partition(units.labels, units.average(self.score(layer, sample)))


def _choose_cutoff(layer: TopLayer, plan: Plan) -> Cutoff:
    """The cut-off for scores of units, chosen on scores of units."""
    if layer.cutoff_units is None:
        return choose_cutoff(layer.cutoff_labels, layer.cutoff_scores, "youden")
    units = collect_units(layer.cutoff_labels, layer.cutoff_units)
    if len(np.unique(units.labels)) < 2:
        raise DataError(
            f"the cut-off would be chosen on {UNIT_WORDS[plan.unit]} of one label only",
            "add radiographs, or try another --seed",
        )
    return choose_cutoff(units.labels, units.average(layer.cutoff_scores), "youden")


def _describe_holdout(plan: Plan) -> dict[str, Any]:
    held = plan.partitions.rows("hold-out")
    return _count(plan, held) | {
        "rule": plan.partitions.note,
        "fingerprint": fingerprint_units(plan.table, held, plan.unit),
    }


def _describe_given(plan: Plan) -> list[str]:
    if not plan.table.gives_partitions:
        return []
    return [f"partitions are the data set's, not the protocol's: hold-out {plan.partitions.note}"]


def _count(plan: Plan, rows: NDArray[np.int64]) -> dict[str, Any]:
    table, units = plan.table, collect_units(plan.table.labels[rows], plan.units[rows])
    counts = {
        "n": len(units.labels),
        "positives": int(units.labels.sum()),
        "patients": table.count_patients(rows),
    }
    return counts if len(rows) == counts["n"] else counts | {"images": len(rows)}


def _predictions(plan: Plan, scores: NDArray[np.float64]) -> list[Prediction]:
    table, partitions = plan.table, plan.partitions
    units = name_units(table, plan.unit)
    return [
        Prediction(
            radiograph.case,
            table.pseudonyms[row],
            PARTITIONS[partitions.of[row]],
            radiograph.label,
            float(scores[row]),
            units[row],
            fingerprint_image(table.digests[row]),
        )
        for row, radiograph in enumerate(table.radiographs)
    ]
