"""The reference backbone with its real weights, on the synthetic set and on real radiographs."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import tlbench
from tests.shared_data import find_shared

pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.fixture
def evaluate(reference_cache: Path, tmp_path: Path):
    def call(**options: Any) -> tlbench.Record:
        defaults = {"results": tmp_path / "results", "cache": reference_cache}
        return tlbench.run("inception_v3", **(defaults | options))

    return call


def test_the_demo_lands_where_it_should_and_twice_alike(evaluate, tmp_path: Path) -> None:
    record = evaluate()
    assert record["weights"] in ("imagenet", "nsfwjs")
    assert record["synthetic"]
    assert record["holdout"]["n"] == 60
    assert record["holdout"]["positives"] == 30
    assert 0.85 <= record["auc"]["value"] <= 0.97
    assert record["auc"]["variance_method"] == "obuchowski"
    partitions: dict[str, set[str]] = defaultdict(set)
    for prediction in record.predictions():
        partitions[prediction.patient].add(prediction.partition)
    assert all(len(found) == 1 for found in partitions.values())
    again = evaluate(results=tmp_path / "again")
    first, second = ((r.folder / "predictions.csv").read_bytes() for r in (record, again))
    assert first == second


def test_real_radiographs_give_the_same_bytes_from_two_cold_caches(
    evaluate, tmp_path: Path
) -> None:
    options = {
        "dataset": "fracatlas",
        "subset": "wrist_lateral",
        "data_root": find_shared("fracatlas"),
        "protocol": "linear-probe",
        "weights": "random",
    }
    predictions = [
        (evaluate(cache=tmp_path / name, results=tmp_path / name, **options).folder)
        for name in ("first", "second")
    ]
    first, second = ((folder / "predictions.csv").read_bytes() for folder in predictions)
    assert first == second
    assert first.count(b"\n") == 189


def test_the_linear_probe_on_all_radiographs_is_where_others_found_it(evaluate) -> None:
    """Measured apart from this project: 0.78 and 0.73 by two scalings; above 0.9 is a leak."""
    record = evaluate(
        dataset="fracatlas",
        data_root=find_shared("fracatlas"),
        protocol="linear-probe",
    )
    assert record["radiographs"] == 1245
    assert record["holdout"]["n"] == 100
    assert 0.70 <= record["auc"]["value"] <= 0.82
    assert 0.70 <= record["internal_test"]["auc"] <= 0.86
