"""Golden text of the run table, from the reference record that is committed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tlbench.report.html import record_to_html
from tlbench.report.rows import run_sheet
from tlbench.report.sheets import stacked


def proportion(value: float | None, low: float = 0.5, high: float = 0.9) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


RECORD: dict[str, Any] = {
    "backbone": "net",
    "weights": "imagenet",
    "dataset": "demo",
    "subset": None,
    "protocol": "paper2018",
    "seed": 0,
    "synthetic": True,
    "holdout": {"n": 60, "positives": 30, "patients": 52},
    "auc": {
        "value": 0.91234, "low": 0.81, "high": 0.96, "level": 0.95, "method": "logit",
        "variance_method": "obuchowski", "note": None,
    },
    "operating_point": {
        "chosen_on": "validation", "cutoff": 0.4321,
        "sensitivity": proportion(0.8), "specificity": proportion(0.7),
    },
    "operating_point_optimistic": {
        "chosen_on": "hold-out", "cutoff": 0.5,
        "sensitivity": proportion(0.85), "specificity": proportion(None),
    },
    "details": {"weights": {"title": "ImageNet"}, "dataset": {}},
    "warnings": ["synthetic data: the figures say nothing about patients"],
}  # fmt: skip


def test_the_table_of_a_run() -> None:
    table = run_sheet([RECORD])
    assert table.title == (
        "demo (synthetic), paper2018, seed 0: hold-out of 60 radiographs of 52 patients, "
        "30 positive"
    )
    texts = [tuple(stacked(cell) for cell in row) for row in table.rows]
    assert texts == [
        ("net\nimagenet", "0.912\n0.810–0.960", "validation\n0.432", "0.800\n0.500–0.900",
         "0.700\n0.500–0.900"),
        ("", "", "hold-out: optimistic\n0.500", "0.850\n0.500–0.900", "–"),
    ]  # fmt: skip
    assert table.notes == [
        "Below each figure its 95 % interval. AUC: clustered variance (Obuchowski 1997), for some "
        "patients have several images, logit-transformed limits; proportions: Wilson with Rao and "
        "Scott's effective size.",
        "net: weights ImageNet.",
        "Warning: synthetic data: the figures say nothing about patients.",
    ]


@pytest.mark.parametrize(
    ("patients", "unit", "words"),
    [
        (52, "image", "some patients have several images"),
        (52, "study", "some patients have several studies"),
        (60, "image", "some patients share a picture"),
        (60, "patient", "some patients share a picture"),
        (None, "image", "some pictures are there more than once"),
    ],
)
def test_why_units_belong_together_is_what_is_true(
    patients: int | None, unit: str, words: str
) -> None:
    record = RECORD | {"unit": unit, "holdout": RECORD["holdout"] | {"patients": patients}}
    assert f"clustered variance (Obuchowski 1997), for {words}, " in run_sheet([record]).notes[-3]


def test_warnings_shared_by_runs_are_said_once() -> None:
    other = RECORD | {"backbone": "other", "warnings": [*RECORD["warnings"], "something else"]}
    table = run_sheet([RECORD, other])
    assert len(table.rows) == 4
    assert [note for note in table.notes if note.startswith("Warning")] == [
        "Warning: synthetic data: the figures say nothing about patients.",
        "Warning: other: something else.",
    ]


@pytest.mark.parametrize(
    ("level", "words"), [(0.95, "95 %"), (0.975, "97.5 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")]
)
def test_levels_are_not_rounded_away(level: float, words: str) -> None:
    record = RECORD | {"auc": RECORD["auc"] | {"level": level}}
    assert f"its {words} interval" in run_sheet([record]).notes[0]


def test_every_method_in_use_is_named() -> None:
    exact = RECORD | {"backbone": "perfect", "auc": RECORD["auc"] | {"method": "exact"}}
    assert "logit-transformed or exact limits" in run_sheet([RECORD, exact]).notes[0]


def test_limits_that_allow_for_patients_are_shown_where_there_are_any() -> None:
    point = deepcopy(RECORD["operating_point"])
    point["sensitivity"]["by_patient"] = {"low": 0.4, "high": 0.95}
    row = run_sheet([RECORD | {"operating_point": point}]).rows[0]
    assert stacked(row[3]) == "0.800\n0.400–0.950"


def test_the_leak_is_spelt_out() -> None:
    leaky = RECORD | {
        "internal_test": {"auc": 0.99, "n": 190},
        "internal_test_without_leak": {"auc": 0.8, "n": 24},
    }
    assert any("0.990 (190 views), without it 0.800" in note for note in run_sheet([leaky]).notes)


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=1>'])
def test_html_shows_hostile_names_as_text(hostile: str) -> None:
    record = deepcopy(RECORD)
    record["backbone"] = record["dataset"] = hostile
    record["warnings"] = [hostile]
    page = record_to_html(record)
    assert hostile not in page.replace("&amp;", "").replace("&quot;", "").replace("&lt;", "")
    assert "<script" not in page
    assert "<img" not in page


def test_a_backbone_that_failed_has_a_row_and_a_reason() -> None:
    sheet = run_sheet([RECORD], {"big": "killed (SIGKILL): probably out of memory"})
    assert sheet.rows[-1] == ("big", "failed", "", "", "")
    assert "Failed: big: killed (SIGKILL): probably out of memory." in sheet.notes
