"""Runs on a data set that brings its partitions, through the Python door."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from tests.studies import ROWS, Row, Studies, give
from tlbench.errors import DataError, TlbenchError
from tlbench.records import Record
from tlbench.report.rows import run_sheet


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory: pytest.TempPathFactory):
    return Studies(tmp_path_factory.mktemp("studies")).evaluate


def places(record: Record) -> dict[str, str]:
    return {p.case: p.partition for p in record.predictions()}


def given(rows: list[Row]) -> dict[str, str]:
    return {row.case: row.partition for row in rows}


@pytest.mark.parametrize("protocol", ["paper2018", "paper2018-leaky", "linear-probe"])
@pytest.mark.parametrize("unit", ["image", "study", "patient"])
def test_partitions_that_are_all_given_are_obeyed(evaluate, protocol: str, unit: str) -> None:
    rows = give(ROWS, train=0.5, validation=0.2, test=0.1, hold_out=0.2)
    record = evaluate(rows, protocol=protocol, unit=unit)
    assert places(record) == given(rows)
    assert record["holdout"]["rule"] == "given by the data set"
    held = {(r.patient, r.study) for r in rows if r.partition == "hold-out"}
    if unit == "study":
        assert record["holdout"]["n"] == len(held)
    assert record["holdout"]["patients"] == len({patient for patient, _ in held})


def test_another_seed_changes_nothing_that_is_given(evaluate) -> None:
    rows = give(ROWS, train=0.5, validation=0.2, test=0.1, hold_out=0.2)
    assert places(evaluate(rows)) == places(evaluate(rows, seed=1))
    assert evaluate(rows)["run"] != evaluate(ROWS)["run"]


@pytest.mark.parametrize("unit", ["image", "study"])
def test_a_test_partition_is_the_holdout_where_none_is_given(evaluate, unit: str) -> None:
    rows = give(ROWS, train=0.6, validation=0.2, test=0.2)
    record = evaluate(rows, unit=unit)
    assert record["holdout"]["rule"] == (
        "given by the data set, which calls it test; test drawn from what the data set gives as "
        "train"
    )
    check_drawn(rows, record, {"train", "test"}, {"test": "hold-out", "validation": "validation"})


def test_every_table_says_that_partitions_are_given(evaluate) -> None:
    record = evaluate(give(ROWS, train=0.7, hold_out=0.3))
    (line,) = [line for line in record["warnings"] if "partitions" in line]
    assert line == (
        "partitions are the data set's, not the protocol's: hold-out given by the data set; "
        "validation and test drawn from what the data set gives as train"
    )
    assert any(line in note for note in run_sheet([record]).notes)
    assert not any("not the protocol's" in line for line in evaluate(ROWS)["warnings"])


def test_validation_and_test_are_drawn_from_train_where_they_are_missing(evaluate) -> None:
    rows = give(ROWS, train=0.7, hold_out=0.3)
    record = evaluate(rows)
    assert record["holdout"]["rule"] == (
        "given by the data set; validation and test drawn from what the data set gives as train"
    )
    drawn = {"train", "validation", "test"}
    check_drawn(rows, record, drawn, {"hold-out": "hold-out"})
    studies = [record["partitions"][name]["n"] for name in ("train", "validation", "test")]
    assert np.allclose(np.array(studies) / sum(studies), [0.8, 0.1, 0.1], atol=0.03)
    other = evaluate(rows, seed=1)
    assert places(other) != places(record)
    assert other["holdout"]["fingerprint"] == record["holdout"]["fingerprint"]


def test_a_holdout_is_drawn_from_train_where_none_is_given(evaluate) -> None:
    rows = give(ROWS, train=0.8, validation=0.2)
    record = evaluate(rows)
    assert "of each label, the largest balanced hold-out" in record["holdout"]["rule"]
    assert "drawn from what the data set gives as train" in record["holdout"]["rule"]
    assert record["holdout"]["positives"] * 2 == record["holdout"]["n"]
    check_drawn(rows, record, {"train", "test", "hold-out"}, {"validation": "validation"})


def check_drawn(rows: list[Row], record: Record, drawn: set[str], renamed: dict[str, str]) -> None:
    """What is given as train has become `drawn`, by whole patients, the rest is as `renamed`."""
    found, of_patient = places(record), defaultdict(set)
    for row in rows:
        if row.partition == "train":
            of_patient[row.patient].add(found[row.case])
        else:
            assert found[row.case] == renamed[row.partition]
    assert all(len(names) == 1 for names in of_patient.values())
    assert set.union(*of_patient.values()) == drawn


def test_a_patient_in_two_given_partitions_stays_there(evaluate) -> None:
    """The audit stops it; without the audit it is the user's will."""
    rows = give(ROWS, train=0.7, hold_out=0.3)
    case = next(r.case for r in rows if r.partition == "train" and r.case.endswith("-1.png"))
    rows = [replace(r, partition="hold-out") if r.case == case else r for r in rows]
    record = evaluate(rows, audit="off")
    found = places(record)
    assert found[case] == "hold-out"
    patient = case[:3]
    for row in rows:
        if row.case.startswith(patient):
            assert found[row.case] == row.partition
    # The two parts of the study are averaged apart.
    units = [p.partition for p in record.unit_predictions() if p.case.startswith(case[:5])]
    assert sorted(units) == ["hold-out", "train"]


def test_some_without_a_partition_are_refused(evaluate) -> None:
    rows = give(ROWS, train=0.7, hold_out=0.3)
    rows = [replace(rows[0], partition=""), *rows[1:]]
    with pytest.raises(DataError, match=f"1 of {len(rows)} radiographs are in no partition"):
        evaluate(rows)


def test_an_unknown_partition_is_refused(evaluate) -> None:
    rows = give(ROWS, train=0.7, hold_out=0.3)
    with pytest.raises(TlbenchError, match='unknown partition "trian"') as caught:
        evaluate([replace(rows[0], partition="trian"), *rows[1:]])
    assert "train" in str(caught.value.hint)


def test_nothing_to_train_on_is_refused(evaluate) -> None:
    with pytest.raises(DataError, match="no radiographs as train"):
        evaluate(give(ROWS, validation=0.5, hold_out=0.5))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("hold-out", "the hold-out that the data set gives"),
        ("validation", "the validation partition that the data set gives"),
        ("train", "the train partition that the data set gives"),
    ],
)
def test_one_label_only_is_refused(evaluate, part: str, words: str) -> None:
    rows = give(ROWS, train=0.5, validation=0.2, test=0.1, hold_out=0.2)
    with pytest.raises(DataError, match=f"{words} has studies of one label only"):
        evaluate([row for row in rows if row.partition != part or row.label == 1])


def test_too_few_to_draw_from_are_refused(evaluate) -> None:
    rows = give(ROWS, train=0.7, hold_out=0.3)
    kept = next(row.patient for row in rows if row.partition == "train" and row.label)
    few = [r for r in rows if r.partition != "train" or not r.label or r.patient == kept]
    few = [row for row in few if row.patient != kept or row.label]
    with pytest.raises(DataError, match="of one label only"):
        evaluate(few)


def test_a_test_partition_for_which_nothing_is_left_is_said(evaluate) -> None:
    """One patient to train on can't be split."""
    rows = give(ROWS, train=0.5, validation=0.25, hold_out=0.25)
    alone = [replace(r, patient="Jane Doe") if r.partition == "train" else r for r in rows]
    record = evaluate(alone, protocol="paper2018", unit="image")
    assert record["partitions"]["test"]["n"] == 0
    assert record["internal_test"] == {"n": 0, "auc": None, "note": "nothing is in it"}
