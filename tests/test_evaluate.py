"""`tlbench.evaluate` against the oracle, through the file that a user would give."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

import tlbench
from tests.stats.oracle import case_names, load_case
from tlbench.comparison import Choices, choices_of
from tlbench.errors import DataError, TlbenchError


def write(case: dict[str, Any], file: Path) -> Path:
    names = list(case["scores"])
    groups = case["cluster"]
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["label", *names, *(["patient"] if groups else [])])
        for i, label in enumerate(case["labels"]):
            row = [label, *(repr(case["scores"][name][i]) for name in names)]
            writer.writerow([*row, f"p{groups[i]}"] if groups else row)
    return file


@pytest.mark.parametrize("case_id", case_names())
def test_the_oracles_cases_come_out_right(case_id: str, tmp_path: Path) -> None:
    case = load_case(case_id)
    file = write(case, tmp_path / "predictions.csv")
    data = tlbench.evaluate(file)
    expected = case["expected"]
    clustered = expected.get("clustered") if case["cluster"] else None
    assert data["n"] == expected["n"]
    assert data["positives"] == expected["n_pos"]
    for name, found in data["classifiers"].items():
        exact = expected["classifiers"][name]["exact"]
        assert found["auc"] == pytest.approx(exact["auc"], abs=1e-12)
        variance = clustered["classifiers"][name]["var"] if clustered else exact["var"]
        if isinstance(variance, float) and variance > 0:
            assert found["variance"] == pytest.approx(variance, rel=1e-9)
        ties = expected["classifiers"][name]["cutoffs"]["youden"]["exact_ties"]
        youden = found["cutoffs"]["youden"]
        assert youden["ties"] == len(ties)
        lowest = ties[0]
        assert [youden[key] for key in ("tp", "fn", "fp", "tn")] == [
            lowest[key] for key in ("tp", "fn", "fp", "tn")
        ]
    for pair, wanted in zip(data["pairs"], expected["pairs"], strict=True):
        assert (pair["a"], pair["b"]) == (wanted["a"], wanted["b"])
        assert pair["difference"] == pytest.approx(wanted["auc_diff"], abs=1e-12)
        if not clustered and not wanted["exact"]["degenerate"]:
            assert pair["z"] == pytest.approx(wanted["exact"]["z"], abs=1e-7)
            assert pair["p"] == pytest.approx(wanted["exact"]["p"], abs=1e-7)
        table = wanted["mcnemar"]["youden"]["all"]
        assert pair["mcnemar"]["accuracy"]["only_a"] == table["only_a"]
        assert pair["mcnemar"]["accuracy"]["p_exact"] == pytest.approx(table["p_exact"], abs=1e-10)


@pytest.mark.parametrize("case_id", case_names())
def test_json_never_holds_nan_and_nulls_say_why(case_id: str, tmp_path: Path) -> None:
    data = tlbench.evaluate(write(load_case(case_id), tmp_path / "predictions.csv"))
    json.dumps(data, allow_nan=False)
    for found in data["classifiers"].values():
        for name in ("slope", "intercept"):
            assert found["calibration"][name] is not None or found["calibration"]["note"]
        part = found["partial_auc"]["specificity_0.9_to_1"]
        assert part["mcclish"] is not None or part["note"]
        for point in found["cutoffs"].values():
            assert point["cutoff"] is not None or point["note"]
            for rate in ("sensitivity", "specificity", "ppv", "npv", "accuracy"):
                assert point[rate]["value"] is not None or point[rate]["note"]
    for pair in data["pairs"]:
        assert pair["z"] is not None or pair["note"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "predictions.csv"
    rows = [(1, 0.9, 3), (1, 0.8, 1), (0, 0.3, 2), (0, 0.6, -1), (1, 0.55, 0), (0, 0.1, 0)]
    lines = [f"{label},{a},{b}\n" for label, a, b in rows]
    path.write_text("label,a,b\n" + "".join(lines))
    return path


def test_a_fixed_cutoff_and_rules_stand_side_by_side(file: Path) -> None:
    choices = choices_of(["0.5", "closest", "specificity=0.9"], 0.9, "wald", "clopper-pearson")
    found = tlbench.evaluate(file, choices)["classifiers"]["a"]
    assert list(found["cutoffs"]) == ["fixed", "closest", "specificity=0.9"]
    fixed = found["cutoffs"]["fixed"]
    assert (fixed["cutoff"], fixed["ties"], fixed["chosen_on"]) == (0.5, None, "given")
    assert fixed["sensitivity"]["method"] == "clopper-pearson"
    assert found["ci"]["level"] == 0.9
    assert found["ci"]["method"] == "wald"


def test_a_chosen_cutoff_can_have_an_interval(file: Path) -> None:
    choices = choices_of(["0.5", "youden"], 0.95, "logit", "wilson", bootstrap=200)
    found = tlbench.evaluate(file, choices)["classifiers"]["a"]["cutoffs"]
    assert "cutoff_ci" not in found["fixed"]
    ci = found["youden"]["cutoff_ci"]
    assert ci["low"] <= found["youden"]["cutoff"] <= ci["high"]
    assert ci["n_boot"] == 200
    assert (
        tlbench.evaluate(file, choices)["classifiers"]["a"]["cutoffs"]["youden"]["cutoff_ci"] == ci
    )


def test_scores_that_are_no_probabilities_have_no_calibration(file: Path) -> None:
    data = tlbench.evaluate(file)["classifiers"]
    assert data["a"]["brier"] is not None
    assert data["b"]["brier"] is None
    assert "not probabilities" in data["b"]["calibration"]["note"]


@pytest.mark.parametrize("word", ["yuoden", "sensitivity=2", "sensitivity=", "inf", "nan", ""])
def test_a_cutoff_that_is_nothing_is_refused(word: str) -> None:
    with pytest.raises(TlbenchError) as caught:
        choices_of([word], 0.95, "logit", "wilson")
    assert f'"{word}"' in caught.value.message
    assert caught.value.hint


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("label,s\n0,1\n0,2\n")
    with pytest.raises(DataError):
        tlbench.evaluate(path, Choices())


def test_a_cutoff_that_nobody_reaches_is_null_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "reversed.csv"
    path.write_text("label,s\n0,0.9\n0,0.8\n1,0.1\n1,0.2\n")
    found = tlbench.evaluate(path)["classifiers"]["s"]
    assert found["auc"] == 0.0
    ends = {found["cutoffs"]["youden"]["cutoff"], None}
    assert found["cutoffs"]["youden"]["ties"] == 2
    assert math.isfinite(next(iter(ends - {None})))


@pytest.mark.slow
def test_a_million_rows_are_read_and_evaluated(tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1_000_000)
    scores = np.round(rng.random(1_000_000) * 0.7 + 0.3 * labels, 6)
    path = tmp_path / "many.csv"
    body = "\n".join(f"{label},{score}" for label, score in zip(labels, scores, strict=True))
    path.write_text("label,s\n" + body + "\n")
    data = tlbench.evaluate(path)
    assert data["n"] == 1_000_000
    assert data["classifiers"]["s"]["auc"] == pytest.approx(1 - (4 / 7) ** 2 / 2, abs=0.002)
