"""Leaks between partitions that a data set gives, and what weights have seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.audit.alike import Group
from tlbench.audit.leaks import find_leaks, find_seen
from tlbench.datasets.table import Table
from tlbench.specs import Radiograph


def table(*rows: tuple[str, str | None, str | None], alike=()) -> Table:
    """Rows of case, patient and partition; the digest is the case's letter."""
    radiographs = tuple(
        Radiograph(case, Path(case), 0, patient=patient, partition=partition)
        for case, patient, partition in rows
    )
    return Table(radiographs, tuple(case[0] for case, *_ in rows), alike=alike)


def test_a_patient_in_two_partitions_leaks() -> None:
    data = table(("a", "p", "train"), ("b", "p", "hold-out"), ("c", "q", "train"))
    (leak,) = find_leaks(data, [])
    assert leak.kind == "patient"
    assert (
        leak.text
        == 'radiographs of one patient lie in train and hold-out: "a" (train), "b" (hold-out)'
    )
    assert leak.rows == (0, 1)


def test_a_picture_in_two_partitions_leaks() -> None:
    data = table(("a", "p", "train"), ("b", "q", "test"), ("c", "r", "test"), alike=(("a", "b"),))
    (leak,) = find_leaks(data, [Group((0, 1), "picture", (), False)])
    assert leak.kind == "picture"
    assert leak.text == '"a" (train) and "b" (test) show the same picture'


def test_long_leaks_say_how_much_more_there_is() -> None:
    many = [(f"a{i}", "p", "train" if i else "test") for i in range(10)]
    (leak,) = find_leaks(table(*many), [])
    assert leak.text.endswith('"a7" (train) and 2 more')
    (leak,) = find_leaks(table(*many), [Group(tuple(range(10)), "bytes", (), False)])
    assert leak.text == '"a0" (test) and "a1" (train) show the same picture, and 8 more with them'


def test_a_copy_byte_for_byte_leaks() -> None:
    data = table(("a1", None, "train"), ("a2", None, "validation"), ("b", None, "test"))
    (leak,) = find_leaks(data, [Group((0, 1), "bytes", (), False)])
    assert leak.text == '"a1" (train) and "a2" (validation) show the same picture'


def test_patients_whom_a_picture_links_leak_although_that_picture_does_not() -> None:
    data = table(
        ("a", "p", "train"),
        ("b", "q", "train"),
        ("c", "q", "train"),
        ("d", "p", "test"),
        alike=(("a", "b"),),
    )
    (leak,) = find_leaks(data, [Group((0, 1), "picture", (), False)])
    assert leak.kind == "patient"
    assert "patients whom a picture or a study links lie in train and test" in leak.text


@pytest.mark.parametrize("partition", [None, "train"])
def test_without_two_partitions_nothing_leaks(partition: str | None) -> None:
    data = table(("a1", "p", partition), ("a2", "q", partition), ("b", "p", partition))
    assert find_leaks(data, [Group((0, 1), "bytes", (), False)]) == []


def test_no_text_names_a_patient() -> None:
    data = table(("a", "SECRET", "train"), ("b", "SECRET", "test"))
    assert "SECRET" not in find_leaks(data, [])[0].text


def test_weights_leak_what_they_were_trained_on() -> None:
    data = table(("a", None, None), ("b", None, None))
    (named,) = find_seen(data, "fracatlas", "w", ["imagenet", "fracatlas"])
    assert named.text == 'the weights "w" were trained on data set "fracatlas"'
    (listed,) = find_seen(data, "folder", "w", ["b", "z"])
    assert listed.rows == (1,)
    assert listed.text == 'the weights "w" were trained on 1 of these radiographs: "b"'
    assert find_seen(data, "folder", "w", ["imagenet", "z"]) == []
