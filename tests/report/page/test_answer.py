"""The answer says who is best and how surely, in words that fit the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.report.page.comparisons import (
    changed,
    compared,
    record_of,
    reference,
    renamed,
    rescored,
)
from tlbench.report.page.answer import answer_context, answer_sentences, answer_warnings


def nearly_perfect(label: int, score: float) -> float:
    return 0.02 * score + (0.9 if label else 0.0)


def useless(_label: int, score: float) -> float:
    return (score * 7919) % 1


def titles(data: dict[str, Any], audit: dict[str, Any] | None = None) -> list[str]:
    return [title for title, _ in answer_warnings(data, audit)]


def test_where_nobody_can_be_told_apart_nobody_is_called_best() -> None:
    best, cutoff, unseen = answer_sentences(reference().data)
    for part in (
        "No backbone is shown to be the best on the hold-out of 100 radiographs, 50 with a",
        "efficientnet_lite1 has the highest AUC, 0.871, 95 % interval 0.788 to 0.925",
        "any of the other 8",
        "the controls inception_v3 random and image_statistics among them",
    ):
        assert part in best
    assert "finds 37 of 50 radiographs with a fracture (sensitivity 0.740" in cutoff
    assert "clears 40 of 50 without one (specificity 0.800" in cutoff
    assert "0.080 to 0.202" in unseen


def test_one_that_beats_all_others_is_called_best(tmp_path: Path) -> None:
    record = record_of("mobilenet_v2")
    good = rescored(
        record, tmp_path / "good", nearly_perfect, backbone="good", run="good",
        operating_point=record["operating_point"] | {"cutoff": 0.5},
    )  # fmt: skip
    poor = [
        rescored(record, tmp_path / name, useless, backbone=name, run=name) for name in ("b", "c")
    ]
    data = compared([*poor, good]).data
    first, second, _ = answer_sentences(data)
    assert first.startswith("good is the best of 3: an AUC of 1.000, 95 % interval 0.")
    assert first.endswith("higher than that of every other.")
    assert "good finds 50 of 50 radiographs with a fracture" in second


def test_some_that_lead_together_are_named(tmp_path: Path) -> None:
    record = record_of("mobilenet_v2")
    records = [
        rescored(record, tmp_path / name, score, backbone=name, run=name)
        for name, score in (("a", nearly_perfect), ("b", nearly_perfect), ("c", useless))
    ]
    first = answer_sentences(compared(records).data)[0]
    assert first.startswith("2 of 3 can't be told apart as the best on the hold-out")
    assert first.endswith("but can't be told apart from b.")


def test_a_control_at_the_top_is_called_one(tmp_path: Path) -> None:
    record = record_of("mobilenet_v2")
    control = rescored(
        record, tmp_path / "c", nearly_perfect, backbone="pixels", run="c", control=True
    )
    first = answer_sentences(compared([record, control]).data)[0]
    assert first.startswith("The control pixels is the best of 2: an AUC of 1.000")


def test_a_cutoff_that_nobody_reaches_is_said() -> None:
    record = record_of("mobilenet_v2")
    point = record["operating_point"] | {"cutoff": None}
    data = compared([changed(record, operating_point=point)]).data
    assert answer_sentences(data)[1].endswith(
        "mobilenet_v2 calls none of the radiographs positive."
    )
    (row,) = answer_context(data, None)["rows"]
    assert "cut-off never reached" in row["marks"]


@pytest.mark.parametrize(("unit", "word"), [("study", "studies"), ("patient", "patients")])
def test_the_unit_of_scores_is_named(unit: str, word: str) -> None:
    # Read as units of one radiograph each: the words are what is tested.
    data = dict(reference().data) | {"unit": unit}
    sentences = " ".join(answer_sentences(data))
    assert f"hold-out of 100 {word}" in sentences
    assert f"37 of 50 {word} with a fracture" in sentences
    assert "radiographs" not in sentences


def test_warnings_are_marked_by_their_kind_and_said_once() -> None:
    record = record_of("mobilenet_v2")

    def under_trained(data: dict[str, Any]) -> None:
        data["top_layer"]["converged"] = False
        data["operating_point"]["chosen_on"] = "hold-out"
        data["warnings"] = [
            "synthetic data: the figures say nothing about patients",
            "the top layer has not converged: in the last quarter the loss still fell by 15%",
            "shortcuts tell labels apart: 'cast' (AUC 0.81)",
        ]

    entries = compared([changed(record, under_trained, synthetic=True)])
    found = dict(answer_warnings(entries.data, {"mode": "warn", "leaks": ["a and b are one"]}))
    assert list(found) == [
        "Synthetic data",
        "Failed audit",
        "Under-trained top layer",
        "Cut-off chosen on the hold-out",
        "Shortcuts in the data",
        "No control",
    ]
    assert all(len(lines) == 1 for lines in found.values())
    assert "a and b are one" in found["Failed audit"][0]
    (row,) = answer_context(entries.data, None)["rows"]
    assert row["marks"] == ["under-trained top layer", "cut-off chosen on the hold-out"]


def test_what_figures_show_is_marked_even_where_a_record_does_not_warn() -> None:
    record = changed(record_of("mobilenet_v2"), synthetic=True, warnings=[])
    data = compared([record, record_of("image_statistics")]).data
    assert "Synthetic data" in titles(data)
    found = dict(answer_warnings(data))["Not shown to beat the controls"]
    assert found == ["mobilenet_v2 against image_statistics."]


def test_a_comparison_that_is_sound_has_no_warning(tmp_path: Path) -> None:
    record = changed(record_of("mobilenet_v2"), warnings=[])
    good = rescored(record, tmp_path / "good", nearly_perfect, backbone="good", run="good")
    control = rescored(record, tmp_path / "c", useless, backbone="c", run="c", control=True)
    data = compared([good, control]).data
    first = answer_sentences(data)[0]
    assert first.startswith("good is shown to be better than the control c: an AUC of 1.000")
    assert titles(data, {"mode": "strict", "leaks": []}) == []
    assert [row["marks"] for row in answer_context(data, None)["rows"]] == [[], []]


def test_no_shared_seed_is_a_warning() -> None:
    other = renamed(record_of("mobilenet_v2_torch"), "other", seed=3)
    found = dict(answer_warnings(compared([record_of("mobilenet_v2"), other]).data))
    assert any("No seed is shared by all" in line for line in found["Warning"])
