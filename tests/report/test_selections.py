from __future__ import annotations

from copy import deepcopy
from typing import Any

from tests.report.test_rows import RECORD
from tlbench.report.rows import run_sheet
from tlbench.report.seeds import run_sheets
from tlbench.report.selections import selection_note

ALL: dict[str, Any] = {
    "read": 20327,
    "where": None,
    "without": [],
    "exclude": None,
    "cohort": None,
    "missing": 0,
    "taken": 20327,
}
SOME = ALL | {
    "where": {"condition": "age >= 8", "left_out": 4000},
    "without": [{"name": "cast", "condition": "cast == 1", "left_out": 5000}],
    "exclude": {"file": "out.csv", "sha256": "", "listed": 3, "left_out": 2},
    "cohort": {
        "name": "kim2018",
        "positives": 745,
        "negatives": 744,
        "title": "the paper's",
        "where": "projection == 2",
        "seed": 0,
        "left_out": 9836,
    },
    "taken": 1489,
}
SENTENCE = (
    "Of 20,327 radiographs 1,489 were taken: where age >= 8 (4,000 do not); without cast (5,000); "
    "without those listed in out.csv (2); the cohort kim2018, 745 positive and 744 negative, "
    "where projection == 2, drawn by patient from seed 0."
)


def test_what_was_taken_is_one_sentence() -> None:
    assert selection_note(SOME) == [SENTENCE]
    assert selection_note(ALL | {"missing": 20315, "taken": 12}) == [
        "Of 20,327 radiographs 12 were taken: without those whose image is missing (20,315)."
    ]


def test_where_all_was_taken_or_an_older_record_is_silent_there_is_none() -> None:
    assert selection_note(ALL) == selection_note(None) == selection_note({}) == []


def test_tables_of_runs_and_seeds_begin_with_it() -> None:
    record = deepcopy(RECORD)
    record["details"]["dataset"]["selection"] = SOME
    assert run_sheet([record]).notes[0] == SENTENCE
    assert run_sheets([record, record | {"seed": 1}])[0].notes[0] == SENTENCE
    assert SENTENCE not in run_sheet([RECORD]).notes
