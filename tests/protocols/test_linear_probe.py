from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tlbench.protocols.linear_probe import train_top_layer
from tlbench.protocols.shipped import LINEAR_PROBE
from tlbench.specs import TrainingData
from tlbench.stats.roc import auc
from tlbench.streams import stream


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = stream(0, "test/probe")
    labels = rng.integers(0, 2, 300)
    X = rng.standard_normal((300, 30)) * np.linspace(0.01, 100, 30)  # scales far apart
    X[:, 3] += 1.5 * labels * X[:, 3].std()
    X[:, 7] = 5.0  # constant
    X = X.astype(np.float32)
    groups = np.arange(300) // 2
    return TrainingData(
        X[:240],
        labels[:240],
        groups[:240],
        X[240:],
        labels[240:],
        groups[240:],
        seed=0,
        parameters=LINEAR_PROBE.parameters,
        rows=np.arange(240),
        train_units=np.arange(240),
        validation_units=np.arange(240, 300),
    )


def test_it_finds_the_informative_feature(data: TrainingData) -> None:
    layer = train_top_layer(data)
    rng = stream(1, "test/probe")
    labels = rng.integers(0, 2, 2000)
    X = rng.standard_normal((2000, 30)) * np.linspace(0.01, 100, 30)
    X[:, 3] += 1.5 * labels * np.linspace(0.01, 100, 30)[3]
    X[:, 7] = 5.0
    assert auc(labels, layer.score(X.astype(np.float32))) > 0.8
    assert layer.warnings == ()


def test_c_is_the_smallest_with_the_best_validation_auc(data: TrainingData) -> None:
    history = train_top_layer(data).history
    best = max(history["validation_auc"])
    assert history["chosen_c"] == history["c"][history["validation_auc"].index(best)]
    assert len(history["c"]) == len(LINEAR_PROBE.parameters["log10_c"])


def test_the_cutoff_is_chosen_on_scores_that_training_did_not_see(data: TrainingData) -> None:
    """With labels at random, refitted scores would separate them; cross-validated ones can't."""
    rng = stream(2, "test/probe")
    X = rng.standard_normal((100, 400)).astype(np.float32)
    labels = np.tile([0, 1], 50)
    noise = replace(
        data,
        train=X[:80],
        train_labels=labels[:80],
        train_groups=np.arange(80),
        validation=X[80:],
        validation_labels=labels[80:],
        validation_groups=np.arange(80, 100),
        rows=np.arange(80),
        train_units=np.arange(80),
        validation_units=np.arange(80, 100),
    )
    layer = train_top_layer(noise)
    assert auc(labels, layer.score(X)) > 0.9
    assert auc(layer.cutoff_labels, layer.cutoff_scores) < 0.7
    assert len(layer.cutoff_scores) == 100
    assert layer.cutoff_chosen_on == "train + validation, cross-validated"


def test_groups_are_not_split_over_folds(data: TrainingData) -> None:
    """Each patient's images are copies: a split would give 1.0."""
    rng = stream(3, "test/probe")
    half = rng.standard_normal((60, 500)).astype(np.float32)
    labels = np.repeat(rng.permutation(np.tile([0, 1], 30)), 2)
    X = np.repeat(half, 2, axis=0)
    groups = np.repeat(np.arange(60), 2)
    twins = replace(
        data,
        train=X[:100],
        train_labels=labels[:100],
        train_groups=groups[:100],
        validation=X[100:],
        validation_labels=labels[100:],
        validation_groups=groups[100:],
        rows=np.arange(100),
        train_units=np.arange(100),
        validation_units=np.arange(100, 120),
    )
    layer = train_top_layer(twins)
    assert auc(layer.cutoff_labels, layer.cutoff_scores) < 0.7


def test_views_of_a_radiograph_count_once_for_the_cutoff(data: TrainingData) -> None:
    rows = np.repeat(np.arange(30), 8)
    labels = np.tile([0, 1], 15)[rows]
    views = replace(data, train_labels=labels, train_groups=rows, rows=rows)
    assert len(train_top_layer(views).cutoff_scores) == 30 + 60


def test_c_and_the_cutoff_are_of_units(data: TrainingData) -> None:
    """Two rows a unit: the AUCs in the history are of means, scores for the cut-off name units."""
    units = replace(
        data, train_units=np.arange(240) // 2, validation_units=np.arange(240, 300) // 2
    )
    layer = train_top_layer(units)
    assert layer.cutoff_units is not None
    assert layer.cutoff_units.tolist() == [i // 2 for i in range(300)]
    # Of the validation rows' own scores AUCs are others.
    assert layer.history["validation_auc"] != train_top_layer(data).history["validation_auc"]


def test_the_same_seed_gives_the_same_scores(data: TrainingData) -> None:
    first, again = train_top_layer(data), train_top_layer(data)
    assert np.array_equal(first.score(data.validation), again.score(data.validation))
    assert np.array_equal(first.cutoff_scores, again.cutoff_scores)


def test_scores_that_hardly_differ_are_warned_of(data: TrainingData) -> None:
    strong = replace(data, parameters={**LINEAR_PROBE.parameters, "log10_c": [-8.0]})
    layer = train_top_layer(strong)
    (warning,) = layer.warnings
    assert warning.startswith("scores hardly differ")
    assert np.ptp(layer.cutoff_scores) < 0.01
