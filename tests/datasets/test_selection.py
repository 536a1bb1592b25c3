from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.datasets.selection import select
from tlbench.errors import DataError, UnknownNameError
from tlbench.specs import CohortRule, DataChoice, DatasetSpec, Radiograph

SPEC = DatasetSpec(
    "bones",
    "a data set",
    lambda _request: [],
    "a layout",
    exclusions={"cast": "cast", "young": "age < 5", "marked": "mark", "all": "age or not age"},
    cohorts={
        "small": CohortRule(3, 4, "a small one", "view == 1"),
        "large": CohortRule(300, 400, "a large one"),
    },
    reveals_label=("mark",),
)
ROWS = [
    Radiograph(
        f"c{i:02d}",
        Path(f"c{i:02d}.png"),
        i % 2,
        f"p{i // 2}",
        {"age": str(i), "cast": "1" if i % 5 == 0 else "", "view": str(i % 3), "mark": str(i % 2)},
    )
    for i in range(60)
]


def take(spec: DatasetSpec = SPEC, rows=ROWS, **choices):
    said: list[str] = []
    selection = select(rows, spec, DataChoice(dataset="bones", **choices), said.append)
    json.dumps(selection.record, allow_nan=False)
    return [r.case for r in selection.radiographs], selection.record, said


def refusal(error=DataError, **choices):
    with pytest.raises(error) as caught:
        take(**choices)
    assert caught.value.hint
    assert str(caught.value).isprintable()
    return caught.value


def test_nothing_chosen_takes_all() -> None:
    cases, record, said = take()
    assert cases == [r.case for r in ROWS]
    assert record == {
        "read": 60,
        "where": None,
        "without": [],
        "exclude": None,
        "cohort": None,
        "missing": 0,
        "taken": 60,
    }
    assert said == []


def test_all_choices_work_one_after_another(tmp_path) -> None:
    (tmp_path / "out.csv").write_text("reason,case\ncopy,c11\n")
    cases, record, said = take(
        where="age >= 10",
        without=("cast", "young", "cast"),
        exclude=tmp_path / "out.csv",
        cohort="small",
    )
    assert record["where"] == {"condition": "age >= 10", "left_out": 10}
    assert record["without"] == [
        {"name": "cast", "condition": "cast", "left_out": 10},
        {"name": "young", "condition": "age < 5", "left_out": 0},
    ]
    assert record["exclude"] | {"sha256": ""} == {
        "file": "out.csv",
        "sha256": "",
        "listed": 1,
        "left_out": 1,
    }
    assert record["cohort"] == {
        "name": "small",
        "positives": 3,
        "negatives": 4,
        "title": "a small one",
        "where": "view == 1",
        "seed": 0,
        "left_out": 32,
    }
    assert record["taken"] == len(cases) == 7
    assert "c11" not in cases
    assert all(int(case[1:]) >= 10 and int(case[1:]) % 3 == 1 for case in cases)
    assert said == []


@given(st.integers(0, 59), st.booleans(), st.booleans())
def test_what_is_left_out_and_what_is_taken_make_the_whole(age, cast, young) -> None:
    without = ("cast",) * cast + ("young",) * young
    cases, record, _ = take(where=f"age >= {age} or view == 1", without=without)
    left_out = record["where"]["left_out"] + sum(w["left_out"] for w in record["without"])
    assert left_out + record["taken"] == record["read"] == 60
    expected = [
        r.case
        for i, r in enumerate(ROWS)
        if (i >= age or i % 3 == 1) and not (cast and i % 5 == 0) and not (young and i < 5)
    ]
    assert cases == expected


def test_a_single_exclusion_may_come_bare() -> None:
    assert take(without="cast")[0] == take(without=("cast",))[0]


def test_where_nothing_is_left_the_condition_is_named(tmp_path) -> None:
    assert '"age > 100"' in refusal(where="age > 100").message
    assert 'without "all" nothing is left' in refusal(without=("all",)).message
    (tmp_path / "all.txt").write_text("\n".join(r.case for r in ROWS))
    assert 'all.txt" nothing is left' in refusal(exclude=tmp_path / "all.txt").message
    assert '"view == 1"' in refusal(where="view == 2", cohort="small").message


def test_unknown_names_are_put_right() -> None:
    assert refusal(UnknownNameError, where="agee > 3").hint == 'did you mean "age"?'
    error = refusal(UnknownNameError, without=("csat",))
    assert (error.message, error.hint) == (
        'unknown bones exclusion "csat"',
        'did you mean "cast"?',
    )
    assert refusal(UnknownNameError, cohort="smal").hint == 'did you mean "small"?'
    assert '"small", "large"' in refusal(UnknownNameError, cohort="zzz").hint
    bare = DatasetSpec("bare", "t", lambda _: [], "l")
    assert "--where" in refusal(UnknownNameError, spec=bare, without=("cast",)).hint
    assert "no cohorts" in refusal(UnknownNameError, spec=bare, cohort="kim").hint


def test_an_exclusion_may_ask_for_a_column_that_is_not_there() -> None:
    spec = DatasetSpec("b", "t", lambda _: [], "l", exclusions={"splint": "splint == 1"})
    error = refusal(UnknownNameError, spec=spec, without=("splint",))
    assert 'which is the exclusion "splint"' in error.message


def test_a_condition_on_what_reveals_the_label_is_allowed_and_said() -> None:
    assert take(where="mark == 1")[2] == [
        'the condition "mark == 1" uses mark, which reveals the label'
    ]
    assert "mark" in take(without=("marked",))[2][0]


def test_a_cohort_too_large_says_what_there_is() -> None:
    assert "there are 30 and 30 of 30 patients" in refusal(cohort="large").message


LISTS = {
    "lines": "c01\n  c02  \n\n",
    "a table": 'case,reason\nc01,copy\nc02,"dark, empty"\n',
    "a table with a byte order mark": "\ufeffreason, case\r\nx,c02\r\n,c01\r\n",
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_lists_of_cases_are_lines_or_tables(tmp_path, text: str) -> None:
    file = tmp_path / "list"
    file.write_text(text, newline="")
    cases, record, said = take(exclude=file)
    assert not {"c01", "c02"} & set(cases)
    assert (record["exclude"]["left_out"], record["taken"], said) == (2, 58, [])


def test_cases_of_elsewhere_are_counted_in_one_line(tmp_path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("c01\nx1\nx2\nx1\n")
    assert take(exclude=file)[2] == ['2 of 3 cases in "list.txt" are not in the data set']
    # Nothing is amiss where the case was left out before.
    assert take(exclude=file, where="age > 30")[1]["exclude"]["left_out"] == 0


def test_lists_that_can_not_be_meant_are_refused(tmp_path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("p1_a\np1_b\n")
    error = refusal(exclude=file)
    assert error.message.endswith('list.txt" is in the data set (2 listed)')
    assert '"c00"' in error.hint
    file.write_text("case,reason\nc01\n")
    assert "line 2" in refusal(exclude=file).message
    file.write_bytes(b"\xff\xfe\x00c")
    assert "not UTF-8" in refusal(exclude=file).message
    with pytest.raises(DataError, match="can't read"):
        take(exclude=tmp_path / "none.txt")


@pytest.mark.parametrize("text", ["", "case,reason\n", "case"])
def test_an_empty_list_leaves_nothing_out(tmp_path, text: str) -> None:
    file = tmp_path / "list.txt"
    file.write_text(text)
    _, record, said = take(exclude=file)
    assert (record["exclude"]["listed"], record["taken"], said) == (0, 60, [])


# Data sets that may be there in part


@pytest.fixture
def in_part(tmp_path):
    """Radiographs of which every second has a file, and a data set that allows it."""
    rows = []
    for i, row in enumerate(ROWS):
        path = tmp_path / row.path
        if i % 2 == i // 2 % 2:
            path.touch()
        rows.append(Radiograph(row.case, path, row.label, row.patient, row.metadata))
    fields = {name: getattr(SPEC, name) for name in ("exclusions", "cohorts")}
    return {"rows": rows, "spec": DatasetSpec("b", "t", lambda _: [], "l", partial=True, **fields)}


def test_missing_images_are_counted_in_one_line_and_left_out(in_part) -> None:
    cases, record, said = take(**in_part, where="age < 50")
    assert said == ["25 of 50 radiographs have no image in the data root and are left out"]
    assert (record["missing"], record["taken"], len(cases)) == (25, 25, 25)


def test_a_cohort_is_the_same_wherever_images_are_missing(in_part) -> None:
    error = refusal(**in_part, cohort="small", data_root=Path("D"))
    assert " of 7 radiographs have no image in" in error.message
    whole, _, _ = take(cohort="small")
    for row in in_part["rows"]:
        if row.case in whole:
            row.path.touch()
    assert take(**in_part, cohort="small")[0] == whole


def test_no_image_at_all_is_an_error(in_part) -> None:
    for row in in_part["rows"]:
        row.path.unlink(missing_ok=True)
    error = refusal(**in_part, data_root=Path("D"))
    assert error.message == 'none of 60 radiographs has an image in "D"'


def test_an_empty_data_set_is_for_the_table_to_refuse() -> None:
    assert take(rows=[], where="age > 3")[0] == []
