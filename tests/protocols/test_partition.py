from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlbench.errors import DataError
from tlbench.protocols.partition import PARTITIONS, assign_groups, draw_partitions, straddling
from tlbench.protocols.shipped import PAPER2018
from tlbench.specs import HoldoutRule
from tlbench.streams import stream


def draw(labels, groups=None, seed: int = 0, **rule):
    labels = np.asarray(labels)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    protocol = replace(PAPER2018, holdout=HoldoutRule(**rule)) if rule else PAPER2018
    return labels, groups, draw_partitions(labels, groups, protocol, seed)


def test_the_papers_cohort_gives_the_papers_numbers() -> None:
    labels, _, parts = draw([1] * 745 + [0] * 744)
    counts = {name: len(parts.rows(name)) for name in PARTITIONS}
    assert counts["hold-out"] == 100
    assert labels[parts.rows("hold-out")].sum() == 50
    assert counts["train"] == pytest.approx(0.8 * 1389, abs=2)
    assert counts["validation"] == pytest.approx(0.1 * 1389, abs=2)
    assert counts["test"] == pytest.approx(0.1 * 1389, abs=2)
    for name in ("train", "validation", "test"):
        assert labels[parts.rows(name)].mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("positives", "negatives", "per_class"),
    [(370, 875, 50), (80, 108, 18), (150, 150, 30), (250, 250, 50), (10, 290, 5), (15, 15, 3)],
)
def test_smaller_sets_get_the_largest_balanced_holdout(
    positives: int, negatives: int, per_class: int
) -> None:
    labels, _, parts = draw([1] * positives + [0] * negatives)
    held = parts.rows("hold-out")
    assert len(held) == 2 * per_class
    assert labels[held].sum() == per_class
    assert ("largest balanced" in parts.note) == (per_class < 50)


patients = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 1)), min_size=60, max_size=300)


@settings(max_examples=60)
@given(patients, st.integers(0, 5))
def test_no_patient_is_in_two_partitions(rows: list[tuple[int, int]], seed: int) -> None:
    groups, labels = np.array(rows).T
    try:
        _, _, parts = draw(labels, groups, seed)
    except DataError:
        return
    for group in np.unique(groups):
        assert len(np.unique(parts.of[groups == group])) == 1
    for name in ("train", "validation"):
        assert set(labels[parts.rows(name)]) == {0, 1}
    held = parts.rows("hold-out")
    assert labels[held].sum() * 2 == len(held)
    assert len(held) <= 0.2 * len(labels)
    together = np.concatenate([parts.rows(name) for name in PARTITIONS])
    assert sorted(together) == list(range(len(labels)))


def test_the_holdout_is_the_same_for_all_seeds_and_the_rest_is_not() -> None:
    labels = [1] * 100 + [0] * 200
    first, second = draw(labels, seed=0)[2], draw(labels, seed=1)[2]
    assert np.array_equal(first.rows("hold-out"), second.rows("hold-out"))
    assert not np.array_equal(first.rows("train"), second.rows("train"))
    assert np.array_equal(first.of, draw(labels, seed=0)[2].of)


def test_every_partition_has_both_labels_even_in_a_small_set() -> None:
    labels, _, parts = draw([1] * 12 + [0] * 40)
    for name in PARTITIONS:
        assert set(labels[parts.rows(name)]) == {0, 1}


def test_patients_with_both_labels_stay_whole_and_balance_holds() -> None:
    groups = np.repeat(np.arange(100), 2)
    labels = np.tile([1, 0], 100)
    labels[:80] = 1
    _, _, parts = draw(labels, groups)
    held = parts.rows("hold-out")
    assert labels[held].sum() * 2 == len(held)
    assert all(len(np.unique(parts.of[groups == g])) == 1 for g in range(100))


@pytest.mark.parametrize(("label", "word"), [(1, "positive"), (0, "negative")])
def test_one_class_only_is_an_error(label: int, word: str) -> None:
    with pytest.raises(DataError, match=f"all 50 radiographs are {word}"):
        draw([label] * 50)


@pytest.mark.parametrize(("positives", "negatives"), [(2, 2), (3, 3), (4, 200), (9, 9)])
def test_too_few_patients_is_an_error_with_a_hint(positives: int, negatives: int) -> None:
    with pytest.raises(DataError) as caught:
        draw([1] * positives + [0] * negatives)
    assert caught.value.hint


def test_one_patient_with_everything_is_an_error() -> None:
    with pytest.raises(DataError):
        draw([0, 1] * 100, groups=[7] * 200)


def test_groups_are_spread_by_the_shares() -> None:
    labels = np.array([1] * 300 + [0] * 700)
    part = assign_groups(labels, np.arange(1000), [0.5, 0.3, 0.2], stream(0, "test"))
    assert np.allclose(np.bincount(part) / 1000, [0.5, 0.3, 0.2], atol=0.005)
    for share in range(3):
        assert labels[part == share].mean() == pytest.approx(0.3, abs=0.01)


def test_groups_in_two_given_partitions_are_found() -> None:
    groups = np.array([4, 4, 7, 7, 2, 2, 9])
    given = ["train", "hold-out", "train", "train", "test", "validation", None]
    assert straddling(groups, given).tolist() == [2, 4]
    assert straddling(groups, ["train"] * 7).tolist() == []
    assert straddling(groups, [None] * 7).tolist() == []


@pytest.mark.parametrize(
    ("labels", "groups", "digests"),
    [
        ([1] * 745 + [0] * 744, range(1489), ("46a8e17afc6b3bd0", "5701a169fcec499d")),
        ([1] * 80 + [0] * 108, range(188), ("736605a6a2feae68", "b3611d6f6dfdbeeb")),
        (
            [int(i // 3 % 5 < 2) for i in range(300)],
            [i // 2 for i in range(300)],
            ("20a572323c637159", "3d37555f6eccfbe9"),
        ),
    ],
    ids=["paper", "small", "patients"],
)
def test_partitions_of_images_are_those_of_before_there_were_units(
    labels: list[int], groups: list[int], digests: tuple[str, str]
) -> None:
    labels, groups = np.array(labels), np.array(groups)
    for seed, digest in enumerate(digests):
        for units in (None, np.arange(len(labels))):
            parts = draw_partitions(labels, groups, PAPER2018, seed, units=units)
            assert sha256(parts.of.astype(np.uint8).tobytes()).hexdigest()[:16] == digest


studies = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 2), st.integers(0, 1)), min_size=80, max_size=300
)


@settings(max_examples=60)
@given(studies, st.integers(0, 5), st.booleans())
def test_no_unit_is_split_and_the_holdout_is_balanced_in_units(
    rows: list[tuple[int, int, int]], seed: int, by_patient: bool
) -> None:
    groups, study, labels = np.array(rows).T
    units = groups if by_patient else groups * 3 + study
    unit = "patient" if by_patient else "study"
    try:
        parts = draw_partitions(labels, groups, PAPER2018, seed, units=units, unit=unit)
    except DataError:
        return
    for group in np.unique(groups):
        assert len(np.unique(parts.of[groups == group])) == 1
    held = parts.rows("hold-out")
    fractured = {unit for unit in units[held] if labels[units == unit].any()}
    assert len(fractured) * 2 == len(set(units[held]))
    assert len(set(units[held])) <= 0.2 * len(set(units))
    if "the largest" in parts.note:
        assert "radiographs" not in parts.note
