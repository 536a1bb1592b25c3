"""Top layers on more features than memory should hold."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tlbench.blocks import places, weigh
from tlbench.protocols.shipped import LINEAR_PROBE, PAPER2018
from tlbench.specs import ProtocolSpec, TrainingData
from tlbench.streams import stream


def test_places_cover_all_rows_once() -> None:
    found = [i for place in places(5000, 4096) for i in range(place.start, place.stop)]
    assert found == list(range(5000))
    assert len(list(places(5000, 4096))) > 1
    assert list(places(0, 10)) == []


@pytest.mark.parametrize("size", [1, 77, 2048, 3000])
def test_a_row_weighs_the_same_wherever_it_stands(size: int) -> None:
    rng = stream(0, "test/weigh")
    X, weights = rng.standard_normal((203, size)), rng.standard_normal(size)
    whole = weigh(X, weights)
    assert np.allclose(whole, X @ weights)
    for step in (1, 7, 115):
        parts = [weigh(X[i : i + step], weights) for i in range(0, len(X), step)]
        assert np.array_equal(np.concatenate(parts), whole)


ROWS, SIZE, HELD = 60_000, 2048, 6000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    """480 MB of features in a file, the labels hinted at by one of them."""
    rng = stream(0, "test/large")
    labels = rng.integers(0, 2, ROWS)
    file: Path = tmp_path_factory.mktemp("large") / "features"
    with file.open("wb") as out:
        for start in range(0, ROWS, 5000):
            block = rng.standard_normal((5000, SIZE), dtype=np.float32)
            block[:, 0] += labels[start : start + 5000]
            out.write(block.data)
    X = np.memmap(file, dtype=np.float32, mode="r", shape=(ROWS, SIZE)).view(np.ndarray)
    groups = np.arange(ROWS)
    return TrainingData(
        X[HELD:],
        labels[HELD:],
        groups[HELD:],
        X[:HELD],
        labels[:HELD],
        groups[:HELD],
        seed=0,
        parameters={},
        rows=np.arange(ROWS - HELD),
        train_units=np.arange(ROWS - HELD),
        validation_units=np.arange(ROWS - HELD, ROWS),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "fewer"),
    [(PAPER2018, {"steps": 200}), (LINEAR_PROBE, {"log10_c": [-4.0], "folds": 2, "max_iter": 3})],
    ids=lambda value: getattr(value, "name", None),
)
def test_training_needs_memory_for_blocks_and_not_for_features(
    large: TrainingData, protocol: ProtocolSpec, fewer: dict[str, object]
) -> None:
    data = replace(large, parameters={**protocol.parameters, **fewer})
    tracemalloc.start()
    try:
        layer = protocol.train(data)
        layer.score(data.train)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < data.train.nbytes / 4
