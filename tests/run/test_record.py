"""The record of a run: what it holds, what it does not, and that its numbers are right."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.radiographs import BLOCKS, make_folder
from tlbench.protocols.shipped import PAPER2018
from tlbench.stats import auc_interval, operating_point


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers_in(item)]
    if isinstance(value, list):
        return [n for item in value for n in numbers_in(item)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("protocol", ["paper2018", "linear-probe", "paper2018-leaky"])
def test_a_run_leaves_a_record_that_can_be_checked(evaluate, protocol: str) -> None:
    record = evaluate(protocol=protocol)
    names = sorted(path.name for path in record.folder.iterdir())
    assert names == ["predictions.csv", "record.json", "run.log", "top_layer.npz"]
    stored = json.loads((record.folder / "record.json").read_text())
    assert stored == dict(record)
    assert all(math.isfinite(n) for n in numbers_in(stored))

    held = [p for p in record.predictions() if p.partition == "hold-out"]
    labels = np.array([p.label for p in held])
    scores = np.array([p.score for p in held])
    assert record["holdout"]["n"] == len(held) == 24
    assert record["holdout"]["positives"] == labels.sum() == 12
    again = auc_interval(labels, scores)
    assert record["auc"]["value"] == again.value
    assert (record["auc"]["low"], record["auc"]["high"]) == (again.low, again.high)
    assert (record["auc"]["method"], record["auc"]["variance_method"]) == ("logit", "delong")
    for name in ("operating_point", "operating_point_optimistic"):
        point = record[name]
        check = operating_point(labels, scores, point["cutoff"])
        assert (point["tp"], point["fn"], point["fp"], point["tn"]) == (
            check.tp,
            check.fn,
            check.fp,
            check.tn,
        )
        assert point["sensitivity"]["low"] == check.sensitivity.low
    assert 0.5 < record["auc"]["value"] <= 1


def test_the_record_has_what_others_read(evaluate) -> None:
    record = evaluate()
    head = {"run", "backbone", "weights", "dataset", "protocol", "seed"}
    assert head | {"holdout", "auc", "operating_point"} <= set(record)
    assert record["backbone"] == "blocks"
    assert record["weights"] == "none"
    assert record["operating_point"]["rule"] == "youden"
    assert record["operating_point"]["chosen_on"] == "validation"
    assert record["operating_point_optimistic"]["chosen_on"] == "hold-out"
    protocol = record["details"]["protocol"]
    assert protocol["steps"] == list(PAPER2018.steps)
    assert protocol["parameters"] == dict(PAPER2018.parameters)
    assert len(protocol["training_views"]) == 8
    history = record["top_layer"]
    assert len(history["step"]) == len(history["loss"]) == len(history["validation_loss"]) == 41


def test_the_cutoff_comes_from_validation_alone(evaluate) -> None:
    record = evaluate()
    validation = [p for p in record.predictions() if p.partition == "validation"]
    positives = sum(p.label for p in validation)
    negatives = len(validation) - positives

    def youden(cutoff: float) -> float:
        hits = sum(p.score >= cutoff and p.label == 1 for p in validation)
        alarms = sum(p.score >= cutoff and p.label == 0 for p in validation)
        return hits / positives - alarms / negatives

    chosen = record["operating_point"]["cutoff"]
    assert chosen in {p.score for p in validation}
    assert youden(chosen) == pytest.approx(max(youden(p.score) for p in validation))


def test_seeds_share_the_holdout(evaluate) -> None:
    first, second = evaluate(seed=0), evaluate(seed=1)
    assert first["holdout"]["fingerprint"] == second["holdout"]["fingerprint"]
    assert first["run"] != second["run"]


def test_only_training_radiographs_are_augmented(evaluate, tmp_path: Path) -> None:
    """Counts the views in the cache: eight of each training radiograph, one of all others."""
    record = evaluate()
    shards = [np.load(f) for f in (tmp_path / "cache" / "features").rglob("*.npy")]
    rows = sum(len(shard) for shard in shards)
    parts = record["partitions"]
    others = sum(parts[name]["n"] for name in ("validation", "test", "hold-out"))
    assert rows == 8 * parts["train"]["n"] + others


def test_the_leak_is_shown_beside_the_clean_score(evaluate) -> None:
    record = evaluate(protocol="paper2018-leaky")
    leaky, clean = record["internal_test"], record["internal_test_without_leak"]
    outside = record["radiographs"] - record["holdout"]["n"]
    assert leaky["n"] == pytest.approx(0.1 * 8 * outside, abs=3)
    assert clean == evaluate()["internal_test"]
    assert any("train and in test" in line for line in record["warnings"])


def test_no_patient_id_leaves_the_run(tmp_path: Path, evaluate) -> None:
    plugin = tmp_path / "ward.py"
    plugin.write_text(
        "from pathlib import Path\n"
        "from tlbench import DatasetSpec, Radiograph, hookimpl\n"
        "def read(request):\n"
        "    files = sorted(request.root.rglob('*.png'))\n"
        "    return [Radiograph(f'{i:03d}', f, int(f.parent.name == 'fracture'),\n"
        "            f'SECRET-{i // 2}') for i, f in enumerate(files)]\n"
        "@hookimpl\n"
        "def tlbench_register_datasets():\n"
        "    return [DatasetSpec('ward', 'a ward', read, 'png files')]\n"
    )
    record = evaluate(plugins=[BLOCKS, plugin], dataset="ward")
    for file in record.folder.iterdir():
        assert b"SECRET" not in file.read_bytes()
    with (record.folder / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["patient"] for row in rows}) == 60
    assert record["patients"] == 60
    assert record["auc"]["variance_method"] == "obuchowski"
    partitions: dict[str, set[str]] = {}
    for row in rows:
        partitions.setdefault(row["patient"], set()).add(row["partition"])
    assert all(len(names) == 1 for names in partitions.values())


def test_unreadable_files_can_be_left_out_and_are_listed(evaluate, spoilt: Path) -> None:
    record = evaluate(data_root=spoilt, skip_unreadable=True)
    skipped = record["details"]["dataset"]["skipped"]
    assert [item["case"] for item in skipped] == [
        "fracture/000.png", "no_fracture/002.png", "no_fracture/003.png",
    ]  # fmt: skip
    assert skipped[0]["reason"] == "the file is empty"  # without its path, which may name a patient
    assert record["radiographs"] == 57
    assert any("3 unreadable files" in line for line in record["warnings"])


def test_copies_stay_together_and_are_said(evaluate, tmp_path: Path) -> None:
    root = make_folder(tmp_path / "copies", per_class=40)
    for file in sorted((root / "fracture").iterdir())[:20]:
        (root / "fracture" / f"copy {file.name}").write_bytes(file.read_bytes())
    both = root / "fracture" / "000.png"
    (root / "no_fracture" / "contradiction.png").write_bytes(both.read_bytes())
    record = evaluate(data_root=root)
    partition = {p.case: p.partition for p in record.predictions()}
    for name in (f"{i:03d}.png" for i in range(20)):
        assert partition[f"fracture/{name}"] == partition[f"fracture/copy {name}"]
    assert partition["fracture/000.png"] == partition["no_fracture/contradiction.png"]
    assert any("21 files are copies of others" in line for line in record["warnings"])
    assert any("1 picture stands in the data set with both" in line for line in record["warnings"])


def test_an_observer_cannot_change_the_record(evaluate, tmp_path: Path) -> None:
    plugin = tmp_path / "vandal.py"
    plugin.write_text(
        "from tlbench import hookimpl\n@hookimpl\ndef tlbench_run_finished(event):\n"
        "    event.record['auc'] = None\n"
    )
    assert evaluate(plugins=[BLOCKS, plugin])["auc"]["value"] > 0


def test_a_record_shows_itself_in_a_notebook(evaluate) -> None:
    record = evaluate()
    assert "<table>" in record._repr_html_()
    assert record["run"] in repr(record)


def test_every_field_of_a_record_is_documented(evaluate) -> None:
    text = (Path(__file__).parents[2] / "results" / "README.md").read_text(encoding="utf-8")
    records = [evaluate(), evaluate(protocol="linear-probe"), evaluate(protocol="paper2018-leaky")]
    for record in records:
        fields = set(record) | {f"details.{name}" for name in record["details"]}
        for name in ("holdout", "auc", "internal_test", "top_layer", "extraction"):
            fields |= set(record[name])
        for name in ("operating_point", "operating_point_optimistic"):
            fields |= set(record[name])
            fields |= set(record[name]["sensitivity"]) | set(record[name]["lr_positive"])
        fields.discard("details")
        missing = [f for f in fields if f"`{f}`" not in text and f"`….{f}`" not in text]
        assert not missing


def test_whole_radiographs_are_prepared_too(evaluate) -> None:
    plain = evaluate(backbone="image_statistics")
    prepared = evaluate(backbone="image_statistics", prepare=["clahe"])
    scores = [np.array([p.score for p in r.predictions()]) for r in (plain, prepared)]
    assert np.abs(scores[0] - scores[1]).max() > 1e-6
