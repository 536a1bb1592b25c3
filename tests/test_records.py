from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tlbench.errors import CacheError, UnknownNameError
from tlbench.records import (
    SCHEMA,
    Prediction,
    find_record,
    get_record,
    list_records,
    load_record,
    save_record,
)

PREDICTIONS = [
    Prediction("a.png", "p1", "train", 0, 0.1 + 0.2),
    Prediction('b, "quoted".png', "p2", "hold-out", 1, 1e-300),
]


NEEDED = (
    *("created", "backbone", "weights", "dataset", "subset", "protocol", "seed", "synthetic"),
    *("control", "holdout", "auc", "operating_point", "operating_point_optimistic"),
    *("top_layer", "warnings", "details"),
)


def save(results: Path, run: str = "one", **fields):
    record = dict.fromkeys(NEEDED) | {"schema": SCHEMA, "run": run} | fields
    return save_record(results, record, PREDICTIONS, {"weights": np.ones(3)}, ["log"])


def test_predictions_come_back_to_the_last_bit(tmp_path: Path) -> None:
    assert save(tmp_path).predictions() == PREDICTIONS
    assert load_record(tmp_path / "one").predictions() == PREDICTIONS


def test_the_units_of_predictions_come_back(tmp_path: Path) -> None:
    predictions = [
        Prediction("a", "p1", "train", 0, 0.1, "u1"),
        Prediction("b", "p2", "train", 0, 0.25, "u2"),
        Prediction("c", "p1", "train", 1, 0.4, "u1"),
        Prediction("d", "p1", "hold-out", 0, 0.5, "u1"),
    ]
    record = dict.fromkeys(NEEDED) | {"schema": SCHEMA, "run": "one", "unit": "study"}
    save_record(tmp_path, record, predictions, {}, [])
    found = load_record(tmp_path / "one")
    assert found.predictions() == predictions
    assert found.unit_predictions() == [
        Prediction("a", "p1", "train", 1, 0.25, "u1"),
        predictions[1],
        predictions[3],
    ]


def test_a_record_of_units_whose_file_has_none_is_damaged(tmp_path: Path) -> None:
    record = save(tmp_path, unit="study")
    with pytest.raises(CacheError, match="unit"):
        record.predictions()


def test_a_new_record_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    save(tmp_path, note="old")
    save(tmp_path, note="new")
    assert load_record(tmp_path / "one")["note"] == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_nan_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        save(tmp_path, value=float("nan"))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(CacheError, match="the disk is full"):
        save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_arrays_are_kept_without_pickling(tmp_path: Path) -> None:
    record = save(tmp_path)
    with np.load(record.folder / "top_layer.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["weights"], np.ones(3))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": "one"}', '{"schema": "x"}'])
def test_a_damaged_record_is_named(tmp_path: Path, content: str) -> None:
    save(tmp_path)
    (tmp_path / "one" / "record.json").write_text(content)
    with pytest.raises(CacheError, match=r"record\.json"):
        load_record(tmp_path / "one")


def test_a_later_schema_asks_for_a_newer_tlbench(tmp_path: Path) -> None:
    save(tmp_path)
    later = json.dumps({"schema": SCHEMA + 1, "run": "one"})
    (tmp_path / "one" / "record.json").write_text(later)
    with pytest.raises(CacheError, match=f"schema {SCHEMA + 1}"):
        load_record(tmp_path / "one")


def test_records_are_found_and_listed_by_name(tmp_path: Path) -> None:
    save(tmp_path, "two")
    save(tmp_path, "one")
    assert [record["run"] for record in list_records(tmp_path, print)] == ["one", "two"]
    assert find_record(tmp_path, "three") is None
    with pytest.raises(UnknownNameError, match='unknown run "tow"'):
        get_record(tmp_path, "tow")
    assert list_records(tmp_path / "nowhere", print) == []


def test_a_damaged_record_does_not_hide_the_others(tmp_path: Path) -> None:
    save(tmp_path, "good")
    save(tmp_path, "bad")
    (tmp_path / "bad" / "record.json").write_text('{"schema": 1}')
    warnings: list[str] = []
    assert [record["run"] for record in list_records(tmp_path, warnings.append)] == ["good"]
    (warning,) = warnings
    assert "bad" in warning
    assert "it lacks run" in warning


@pytest.mark.parametrize("damage", ["case,patient\n1,2\n", None, "case,label,score\nx,y,z\n"])
def test_lost_predictions_are_a_clear_error(tmp_path: Path, damage: str | None) -> None:
    record = save(tmp_path)
    file = record.folder / "predictions.csv"
    file.unlink()
    if damage is not None:
        file.write_text(damage)
    with pytest.raises(CacheError, match=r"predictions\.csv"):
        record.predictions()
