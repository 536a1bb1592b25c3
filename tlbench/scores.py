"""From features to scores: trains the top layer and measures what it does on the hold-out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.datasets.table import Table
from tlbench.errors import PluginError, TlbenchError
from tlbench.measures import finite, measure, measure_partition
from tlbench.protocols.partition import (
    PARTITIONS,
    Partitions,
    assign_groups,
    draw_partitions,
)
from tlbench.records import Prediction, to_json
from tlbench.specs import ProtocolSpec, TopLayer, TrainingData
from tlbench.stats.cutoff import choose_cutoff
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
    the same, unless it augments first.
    """

    table: Table
    protocol: ProtocolSpec
    seed: int
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


def plan_seed(table: Table, protocol: ProtocolSpec, seed: int) -> Plan:
    """Draw the partitions of one seed; raises `DataError` where that is impossible."""
    partitions = draw_partitions(table.labels, table.groups, protocol, seed)
    clean = _split_first(partitions, protocol)
    samples = _augment_first(table, partitions, protocol, seed) if protocol.split_views else clean
    return Plan(table, protocol, seed, partitions, samples, clean)


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

    `read` returns the features (n, d) of images and views that have been extracted.
    """
    table, partitions = plan.table, plan.partitions
    training = _Training(plan, read)
    layer = training.train(plan.samples)
    scores = training.score(layer, plan.everything)
    cutoff = choose_cutoff(layer.cutoff_labels, layer.cutoff_scores, "youden")
    held = partitions.rows("hold-out")
    statistics = {
        "holdout": _describe_holdout(table, partitions),
        **measure(
            table.labels[held],
            scores[held],
            table.groups[held],
            cutoff=cutoff,
            chosen_on=layer.cutoff_chosen_on,
            level=level,
            method=method,
        ),
        "internal_test": training.measure_test(layer, plan.samples["test"]),
        "partitions": _describe_partitions(table, partitions),
        "top_layer": finite(dict(layer.history)),
        "warnings": list(layer.warnings),
    }
    if plan.protocol.split_views:
        # The same data, split before augmentation: what the internal test should have shown.
        honest = training.train(plan.clean)
        statistics["internal_test_without_leak"] = training.measure_test(honest, plan.clean["test"])
    predictions = _predictions(table, partitions, scores)
    return Measured(statistics, predictions, layer.arrays)


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
        )
        with one_blas_thread():
            layer = protocol.train(data)
        if not isinstance(layer, TopLayer):
            raise PluginError(
                f'protocol "{protocol.name}" returned {type(layer).__name__} instead of a TopLayer',
                "its plugin is at fault",
            )
        check_layer(layer, protocol.name)
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
        labels = np.array([self.plan.table.labels[row] for row, _ in sample])
        return measure_partition(labels, self.score(layer, sample))


def check_layer(layer: TopLayer, protocol: str) -> None:
    """Raise `PluginError` where a top layer's cut-off or history is none that can be used."""
    what = f'the top layer of protocol "{protocol}"'
    rows = np.size(layer.cutoff_labels)
    as_numbers(layer.cutoff_scores, rows, f"`cutoff_scores` of {what}")
    if set(np.unique(as_numbers(layer.cutoff_labels, rows, f"`cutoff_labels` of {what}"))) != {
        0,
        1,
    }:
        raise _useless(f"`cutoff_labels` of {what} are not 0 and 1")
    try:
        to_json({"history": finite(dict(layer.history)), "warnings": list(layer.warnings)})
    except (TypeError, ValueError) as error:
        raise _useless(f"`history` or `warnings` of {what} can't be kept: {error}") from error


def as_numbers(values: Any, rows: int, what: str) -> NDArray[np.float64]:
    """Return `values` as float64 (rows,), or raise `PluginError`."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _useless(f"{what}: {type(values).__name__} that holds no numbers") from error
    if numbers.shape != (rows,):
        raise _useless(f"{what}: shape {numbers.shape} instead of ({rows},)")
    return numbers


def _useless(what: str) -> PluginError:
    return PluginError(what, "its plugin is at fault; see `TopLayer` in tlbench.specs")


def _describe_holdout(table: Table, partitions: Partitions) -> dict[str, Any]:
    held = partitions.rows("hold-out")
    return _count(table, held) | {
        "rule": partitions.note,
        "fingerprint": table.fingerprint_of(held),
    }


def _describe_partitions(table: Table, partitions: Partitions) -> dict[str, Any]:
    return {name: _count(table, partitions.rows(name)) for name in PARTITIONS}


def _count(table: Table, rows: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "n": len(rows),
        "positives": int(table.labels[rows].sum()),
        "patients": len(np.unique(table.groups[rows])) if table.has_patients else None,
    }


def _predictions(
    table: Table, partitions: Partitions, scores: NDArray[np.float64]
) -> list[Prediction]:
    return [
        Prediction(
            radiograph.case,
            table.pseudonyms[row],
            PARTITIONS[partitions.of[row]],
            radiograph.label,
            float(scores[row]),
        )
        for row, radiograph in enumerate(table.radiographs)
    ]
