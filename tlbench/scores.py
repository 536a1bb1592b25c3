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
from tlbench.protocols.partition import PARTITIONS, Partitions, assign_groups
from tlbench.records import Prediction
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


def train_and_measure(
    table: Table,
    partitions: Partitions,
    protocol: ProtocolSpec,
    extract: Callable[[Sequence[Wanted]], Features],
    *,
    seed: int,
    level: float,
    method: Literal["logit", "wald"],
) -> Measured:
    """Train by the protocol, choose the cut-off, and score every radiograph as it is."""
    training = _Training(table, protocol, extract, seed)
    clean = _split_first(partitions, protocol)
    samples = _augment_first(table, partitions, protocol, seed) if protocol.split_views else clean
    # All features in one go, so that there is one progress bar and one pass over the images.
    everything: Sample = [(row, AS_IS) for row in range(len(table))]
    training.extract_all([*everything, *(item for s in samples.values() for item in s)])
    layer = training.train(samples)
    scores = training.score(layer, everything)
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
        "internal_test": training.measure_test(layer, samples["test"]),
        "partitions": _describe_partitions(table, partitions),
        "top_layer": finite(dict(layer.history)),
        "warnings": list(layer.warnings),
    }
    if protocol.split_views:
        # The same data, split before augmentation: what the internal test should have shown.
        honest = training.train(clean)
        statistics["internal_test_without_leak"] = training.measure_test(honest, clean["test"])
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
    """The features of one run, and what is trained on them."""

    table: Table
    protocol: ProtocolSpec
    extract: Callable[[Sequence[Wanted]], Features]
    seed: int

    def _wanted(self, sample: Sample) -> list[Wanted]:
        return [(self.table.digests[row], view) for row, view in sample]

    def extract_all(self, sample: Sample) -> None:
        # Views of one image stand together, so that it is read once; sorting makes the batches
        # the same however the partitions were drawn.
        self.extract(sorted(set(self._wanted(sample))))

    def train(self, samples: Mapping[str, Sample]) -> TopLayer:
        rows = {name: np.array([row for row, _ in s]) for name, s in samples.items()}
        labels, groups = self.table.labels, self.table.groups
        data = TrainingData(
            train=self.extract(self._wanted(samples["train"])),
            train_labels=labels[rows["train"]],
            train_groups=groups[rows["train"]],
            validation=self.extract(self._wanted(samples["validation"])),
            validation_labels=labels[rows["validation"]],
            validation_groups=groups[rows["validation"]],
            seed=self.seed,
            parameters=self.protocol.parameters,
            rows=rows["train"],
        )
        with one_blas_thread():
            layer = self.protocol.train(data)
        if not isinstance(layer, TopLayer):
            raise PluginError(
                f'protocol "{self.protocol.name}" returned {type(layer).__name__} instead of a '
                "TopLayer",
                "its plugin is at fault",
            )
        return layer

    def score(self, layer: TopLayer, sample: Sample) -> NDArray[np.float64]:
        features = self.extract(self._wanted(sample))
        with one_blas_thread():
            scores = np.asarray(layer.score(features), dtype=np.float64)
        if not np.isfinite(scores).all():
            raise TlbenchError(
                f'training by "{self.protocol.name}" ended in scores that are not finite numbers',
                "the features are too large for it: check the scale of the backbone's input",
            )
        return scores

    def measure_test(self, layer: TopLayer, sample: Sample) -> dict[str, Any]:
        labels = np.array([self.table.labels[row] for row, _ in sample])
        return measure_partition(labels, self.score(layer, sample))


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
