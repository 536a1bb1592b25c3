"""The section on trust tells what records hold, and what the audit found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.report.page.comparisons import changed, compared, record_of, reference, regrouped
from tlbench.records import Record
from tlbench.report.page.facts import list_facts
from tlbench.report.page.trust import found_leaks, trust_context, trust_sheets

LEAKY = {
    "mode": "warn",
    "counts": {"leaks": 2, "look_alikes": 3, "contradictions": 1, "shortcuts": 1},
    "leaks": ["a and b show the same picture", "patient 7 lies in train and in the hold-out"],
    "contradictions": [["a", "b"]],
    "shortcuts": [{"name": "cast", "auc": 0.81, "low": 0.7, "high": 0.9}],
    "digest": "0",
}


def context(**fields: Any) -> dict[str, Any]:
    return trust_context(compared([changed(record_of("mobilenet_v2"), **fields)]))


def test_a_failed_audit_says_so_and_what_it_found() -> None:
    found = context(audit=LEAKY)["audit"]
    assert found["passed"] is False
    assert found["verdict"].startswith("Failed: 2 leaks")
    lines = {title.partition(":")[0]: lines for title, lines in found["found"]}
    assert lines["Leaks"] == LEAKY["leaks"]
    assert lines["Pictures that stand in the data set with both labels"] == ["a and b"]
    assert lines["Shortcuts"] == ["cast: AUC 0.810"]
    assert any(title.endswith("more than once: 3") for title, _ in found["found"])


def test_an_audit_that_passed_was_off_or_was_not_there_is_told_apart() -> None:
    clean = {"mode": "strict", "counts": {}, "leaks": [], "contradictions": [], "shortcuts": []}
    assert context(audit=clean)["audit"]["verdict"].startswith("Passed")
    assert "switched off" in context(audit={"mode": "off"})["audit"]["verdict"]
    assert "not part of these runs" in context(audit=None)["audit"]["verdict"]


def test_the_audit_of_any_record_counts() -> None:
    clean = LEAKY | {"leaks": [], "contradictions": [], "shortcuts": [], "counts": {}}
    both = [
        changed(record_of("mobilenet_v2"), audit=clean),
        changed(record_of("mobilenet_v2_torch"), audit=LEAKY),
    ]
    assert trust_context(compared(both))["audit"]["passed"] is False


def test_leaks_of_several_runs_are_put_together_and_said_once() -> None:
    leaks = LEAKY["leaks"]
    one = changed(record_of("mobilenet_v2"), audit=LEAKY | {"leaks": leaks[:1]})
    other = changed(record_of("mobilenet_v2_torch"), audit=LEAKY)
    found = compared([one, other, changed(record_of("image_statistics"), audit=None)])
    both = [leaks[0], f"mobilenet_v2_torch: {leaks[1]}"]
    assert found_leaks(found) == {"leaks": both}
    audit = trust_context(found)["audit"]
    assert dict(audit["found"])["Leaks"] == both
    assert audit["verdict"].startswith("Failed: 2 leaks")
    assert audit["verdict"].endswith("Not audited: image_statistics.")
    assert found_leaks(compared([changed(record_of("mobilenet_v2"), audit=None)])) is None


def test_partitions_that_the_data_set_gives_are_said_to_be_its() -> None:
    def given(data: dict[str, Any]) -> None:
        data["holdout"] |= {"rule": "given by the data set", "patients": 90}
        data["patients"] = 900

    record = changed(record_of("mobilenet_v2"), given, audit=LEAKY | {"leaks": []})
    found = compared([record])
    lines = {title: lines for title, (lines,) in trust_context(found)["audit"]["found"]}
    assert "stay where it puts them" in lines["Pictures that the data set has more than once: 3"]
    notes = trust_context(found)["partitions"].notes
    assert notes == ["Hold-out: given by the data set."]
    assert disjoint(record) == "By patient."
    assert disjoint(changed(record, audit=LEAKY)).startswith("By patient, except for the leaks")
    unseen = disjoint(changed(record, audit={"mode": "off"}))
    assert unseen.startswith("Given by the data set and not checked")
    drawn = changed(record, holdout=record["holdout"] | {"rule": "50 of each label"})
    assert disjoint(changed(drawn, audit={"mode": "off"})) == "By patient."
    lines = dict(trust_context(compared([drawn]))["audit"]["found"])
    (line,) = lines["Pictures that the data set has more than once: 3"]
    assert "kept together in one partition" in line


def disjoint(record: Record) -> str:
    """How partitions are kept apart, as checklists have it."""
    return list_facts(compared([record]).data, {"mobilenet_v2": record})["disjoint"]


@pytest.mark.parametrize(
    ("patients", "words"),
    [
        (None, "for some pictures are there more than once"),
        (100, "for some patients share a picture"),
        (60, "for some patients have several images"),
    ],
)
def test_why_intervals_are_clustered_is_what_is_true(patients: int | None, words: str) -> None:
    record = record_of("mobilenet_v2")
    held = record["holdout"] | {"patients": patients}
    found = compared([changed(record, holdout=held)])
    first, second = trust_context(found)["intervals"][:2]
    assert f"Obuchowski's clustered variance, {words}." in first
    assert second.endswith("widened for the same reason (Rao and Scott).")


def test_intervals_of_radiographs_that_stand_alone_are_not_clustered(tmp_path: Path) -> None:
    found = compared([regrouped(record_of("mobilenet_v2"), tmp_path / "one", 1)])
    first, second = trust_context(found)["intervals"][:2]
    assert "DeLong's variance" in first
    assert second.endswith("at a cut-off taken as given.")


def test_partitions_are_those_of_the_record() -> None:
    sheet = trust_sheets(reference())[0]
    assert sheet.columns == ("Partition", "Radiographs", "Positive")
    assert sheet.rows == [
        ("train", "917", "256"),
        ("validation", "114", "32"),
        ("test", "114", "32"),
        ("hold-out", "100", "50"),
    ]


def test_partitions_of_studies_count_patients_and_radiographs_too() -> None:
    parts = {"hold-out": {"n": 10, "positives": 5, "patients": 7, "images": 23}}
    found = compared([changed(record_of("mobilenet_v2"), partitions=parts)])
    found.data["unit"] = "study"
    sheet = trust_context(found)["partitions"]
    assert sheet.columns == ("Partition", "Studies", "Positive", "Patients", "Radiographs")
    assert sheet.rows == [("hold-out", "10", "5", "7", "23")]


def test_weights_have_origin_licence_and_whole_checksum() -> None:
    (weights,) = [s for s in trust_sheets(reference()) if s.name == "weights"]
    row = next(row for row in weights.rows if row[0] == "inception_v3 nsfwjs")
    record = next(e.record["details"]["weights"] for e in reference().entries if e.name == row[0])
    assert record["trained_on"] in row[1]
    assert row[2:4] == (record["licence"], record["source"])
    assert row[4] == f"sha256 {record['sha256']}"


def test_time_and_memory_stand_beside_each_run() -> None:
    record = changed(record_of("mobilenet_v2"), memory_mb=1234.5)
    made = {key: value for key, value in record["extraction"].items() if "reading" not in key}
    record = changed(record, extraction=made)
    (runs,) = [s for s in trust_sheets(compared([record])) if s.name == "runs"]
    ((_, run, seed, ended, time, made, memory),) = runs.rows
    assert (run, seed, ended) == (record["run"], "0", record["created"][:16].replace("T", " "))
    assert time == f"{record['seconds']:.1f} s"
    assert made == f"of 1,245 radiographs in {record['extraction']['seconds']:.1f} s"
    assert memory == "1,234 MB"
    reading = record["extraction"] | {"reading_seconds": 2.54}
    record = changed(record, extraction=reading)
    (runs,) = [s for s in trust_sheets(compared([record])) if s.name == "runs"]
    assert runs.rows[0][5] == f"{made}, 2.5 s of them reading"


def test_every_command_is_there_once_as_a_shell_takes_it() -> None:
    command = ["tlbench", "run", "--where", "age >= 16", "it's"]
    found = context(command=command)["commands"]
    assert found == ["tlbench run --where 'age >= 16' 'it'\"'\"'s'"]
    assert len(trust_context(reference())["commands"]) == 2


def test_versions_that_differ_stand_side_by_side() -> None:
    other = changed(record_of("mobilenet_v2_torch"), versions={"python": "3.13.0"})
    found = trust_sheets(compared([record_of("mobilenet_v2"), other]))
    (sheet,) = [s for s in found if s.name == "versions"]
    assert set(sheet.columns[1:]) == {"mobilenet_v2", "mobilenet_v2_torch"}
    (row,) = [row for row in sheet.rows if row[0] == "python"]
    assert set(row[1:]) == {"3.13.0", record_of("mobilenet_v2")["versions"]["python"]}
