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
from tlbench.report.rows import holdout_words


def nearly_perfect(label: int, score: float) -> float:
    return 0.02 * score + (0.9 if label else 0.0)


def useless(_label: int, score: float) -> float:
    return (score * 7919) % 1


def titles(data: dict[str, Any], audit: dict[str, Any] | None = None) -> list[str]:
    return [title for title, _ in answer_warnings(data, audit)]


def test_the_answer_has_the_figures_of_the_comparison() -> None:
    data = reference().data
    best, cutoff, unseen = answer_sentences(data)
    name = data["ranking"][0]
    top = data["classifiers"][name]
    assert top["auc"] == max(c["auc"] for c in data["classifiers"].values())
    low, high = top["ci"]["low"], top["ci"]["high"]
    assert f"{name} has the highest AUC, {top['auc']:.3f}, 95 % interval {low:.3f} to" in best
    assert f"{high:.3f}, but can't be told apart from" in best
    equals = {other for group in data["groups"] if name in group for other in group}
    head = f"{len(equals)} of {len(data['ranking'])} can't be told apart as the best on the"
    assert best.startswith(f"{head} {holdout_words(data['holdout'])}: ")
    point = top["cutoffs"]["validation"]
    found, cleared = point["sensitivity"], point["specificity"]
    assert found["k"] == point["tp"]
    assert (
        f"finds {point['tp']} of {point['tp'] + point['fn']} positive radiographs "
        f"(sensitivity {found['value']:.3f}"
    ) in cutoff
    assert (
        f"clears {point['tn']} of {point['tn'] + point['fp']} negative ones "
        f"(specificity {cleared['value']:.3f}"
    ) in cutoff
    assert "{low:.3f} to {high:.3f}".format(**data["detectable"]) in unseen


def test_where_nobody_can_be_told_apart_nobody_is_called_best(tmp_path: Path) -> None:
    record = record_of("mobilenet_v2")
    same = rescored(
        record, tmp_path / "c", lambda _label, old: old, backbone="pixels", run="c", control=True
    )
    first = answer_sentences(compared([record, renamed(record, "twin"), same]).data)[0]
    assert first.startswith("No backbone is shown to be the best on the hold-out of 100")
    assert "can't be told apart from any of the other 2" in first
    both = answer_sentences(compared([record, same]).data)[0]
    assert "can't be told apart from the other" in both
    assert first.endswith("the control pixels among them.")


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
    assert "good finds 50 of 50 positive radiographs" in second


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
    point = data["classifiers"][data["ranking"][0]]["cutoffs"]["validation"]
    assert f"{point['tp']} of 50 positive {word}" in sentences
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


def test_what_figures_show_is_marked_even_where_a_record_does_not_warn(tmp_path: Path) -> None:
    record = rescored(
        record_of("mobilenet_v2"), tmp_path / "poor", useless, synthetic=True, warnings=[]
    )
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
