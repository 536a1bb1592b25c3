"""The checklists: the items of the published ones, filled by what records say and no more."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.report.page.comparisons import changed, compared, record_of, reference
from tlbench.report.page.checklist import COLUMNS, checklist_sheets
from tlbench.report.page.facts import list_facts
from tlbench.report.page.guidelines import ALL, CLAIM, GUIDELINES, STARD_AI, TRIPOD_AI, Guideline
from tlbench.report.sheets import DASH, Sheet


def records() -> dict[str, Any]:
    return {entry.name: entry.record for entry in reference().entries}


def sheets(**more: str) -> dict[str, Sheet]:
    found = checklist_sheets(reference().data, records(), more)
    return {guideline.name: sheet for guideline, sheet in zip(GUIDELINES, found, strict=True)}


def row(sheet: Sheet, number: str) -> tuple[Any, ...]:
    return next(row for row in sheet.rows if row[0] == number)


# Sub-items by their item, as published; all other items have none.
@pytest.mark.parametrize(
    ("guideline", "items", "parts"),
    [
        (CLAIM, 44, {}),
        (STARD_AI, 40, {15: "abcd", 16: "abc", 17: "ab", 26: "ab", 40: "ab"}),
        (
            TRIPOD_AI,
            27,
            {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef",
             20: "abc", 23: "ab", 27: "abc"},
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)  # fmt: skip
def test_every_item_is_there_once_and_in_order(
    guideline: Guideline, items: int, parts: dict[int, str]
) -> None:
    wanted = [f"{n}{part}" for n in range(1, items + 1) for part in parts.get(n, [""])]
    assert [number for number, *_ in guideline.items] == wanted


def test_items_name_facts_that_exist_and_leave_nothing_open() -> None:
    known = set(list_facts(reference().data, records())) | {"cases", "heat_maps"}
    for guideline in GUIDELINES:
        for _, topic, facts, missing in guideline.items:
            assert topic
            assert set(facts) <= known
            assert facts or missing == ALL


def test_rows_are_filled_in_part_or_left_to_authors() -> None:
    claim = sheets()["CLAIM 2024"]
    assert claim.columns == COLUMNS
    assert row(claim, "44")[2:] == (DASH, ALL)
    train = records()["mobilenet_v2"]["partitions"]["train"]
    told = f"train {train['n']} ({train['positives']} positive)"
    assert told in row(claim, "19")[2]
    assert row(claim, "19")[3] == DASH
    assert row(claim, "8")[3] == "criteria for patients"
    data = reference().data
    best = data["classifiers"][data["ranking"][0]]
    low, high = best["ci"]["low"], best["ci"]["high"]
    assert f"AUC {best['auc']:.3f} ({low:.3f} to {high:.3f})" in row(claim, "38")[2]
    point = best["cutoffs"]["validation"]
    assert "TP {tp}, FN {fn}, FP {fp}, TN {tn}".format(**point) in row(claim, "38")[2]


def test_heat_maps_fill_an_item_only_where_they_are() -> None:
    assert row(sheets()["CLAIM 2024"], "31")[2:] == (DASH, ALL)
    assert row(sheets(heat_maps="They are there.")["CLAIM 2024"], "31")[2] == "They are there."


def test_the_counts_in_the_note_are_those_of_the_rows() -> None:
    for sheet in sheets().values():
        found = re.match(r"Of (\d+) rows the record fills (\d+), and (\d+) in part", sheet.notes[0])
        assert found
        rows, filled, partly = map(int, found.groups())
        assert rows == len(sheet.rows)
        assert filled == sum(row[3] == DASH for row in sheet.rows)
        assert partly == sum(row[2] != DASH and row[3] != DASH for row in sheet.rows)


def test_what_a_record_does_not_say_is_left_to_authors() -> None:
    bare = changed(record_of("mobilenet_v2"), versions={}, partitions={}, skipped=None)
    data = compared([bare]).data
    claim = checklist_sheets(data, {"mobilenet_v2": bare})[1]
    assert row(claim, "23")[2:] == (DASH, ALL)
    assert row(claim, "12")[2:] == (DASH, ALL)


def test_patients_are_claimed_to_be_apart_only_where_they_are_known() -> None:
    assert "names no patients" in row(sheets()["CLAIM 2024"], "20")[2]
    known = changed(record_of("mobilenet_v2"), patients=900)
    leaky = changed(known, audit={"mode": "warn", "leaks": ["one"]})
    for record, told in ((known, "By patient."), (leaky, "except for the leaks")):
        claim = checklist_sheets(compared([record]).data, {"x": record})[1]
        assert told in row(claim, "20")[2]


def test_how_the_final_model_was_selected_is_said_of_each_protocol() -> None:
    steps = {"step": [1, 2000, 4000], "loss": [0.7, 0.6, 0.5], "converged": True}
    trained = changed(record_of("mobilenet_v2"), top_layer=steps)
    for record, told in (
        (trained, "the last of 4,000 steps is kept."),
        (record_of("mobilenet_v2"), "by the AUC on validation, of 13 tried."),
    ):
        claim = checklist_sheets(compared([record]).data, {"x": record})[1]
        assert row(claim, "26")[2].endswith(told)
