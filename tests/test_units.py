"""Runs whose scores are of studies or patients, through the Python door."""

from __future__ import annotations

import csv
import json
import statistics
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import tlbench
from tests.studies import ROWS, Studies
from tlbench.cli.main import app
from tlbench.compare import compare
from tlbench.errors import DataError, PluginError, TlbenchError
from tlbench.measures import finite
from tlbench.records import Record, load_record
from tlbench.report.comparisons import comparison_sheets
from tlbench.report.rows import run_sheet
from tlbench.stats import auc, auc_interval, choose_cutoff, operating_point

PROTOCOLS = ("paper2018", "paper2018-leaky", "linear-probe")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    return Studies(tmp_path_factory.mktemp("studies"))


@pytest.fixture(scope="module")
def evaluate(studies: Studies):
    return studies.evaluate


def averaged(record: Record, partition: str) -> dict[str, tuple[int, float, str]]:
    """Label, mean score and patient of each unit, from the file alone."""
    rows = defaultdict(list)
    with (record.folder / "predictions.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["partition"] == partition:
                rows[row["unit"]].append(row)
    return {
        unit: (
            max(int(row["label"]) for row in group),
            statistics.fmean(float(row["score"]) for row in group),
            group[0]["patient"],
        )
        for unit, group in rows.items()
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("unit", ["study", "patient"])
def test_statistics_are_those_of_averaged_scores(evaluate, protocol: str, unit: str) -> None:
    record = evaluate(protocol=protocol, unit=unit)
    held = averaged(record, "hold-out")
    labels, scores, patients = (np.array(column) for column in zip(*held.values(), strict=True))
    assert record["unit"] == unit
    assert record["holdout"]["n"] == len(held) < record["holdout"]["images"]
    assert record["holdout"]["positives"] * 2 == 2 * labels.sum() == len(held)
    again = auc_interval(labels, scores, groups=patients)
    for name in ("value", "low", "high", "variance"):
        assert record["auc"][name] == pytest.approx(getattr(again, name), abs=1e-12)
    assert record["auc"]["variance_method"] == again.variance_method
    assert record["auc"]["n_groups"] == len(set(patients))
    for name in ("operating_point", "operating_point_optimistic"):
        point = operating_point(labels, scores, record[name]["cutoff"])
        for count in ("tp", "fn", "fp", "tn"):
            assert record[name][count] == getattr(point, count)
    if protocol != "paper2018-leaky":
        tested = averaged(record, "test")
        labels, scores, _ = zip(*tested.values(), strict=True)
        assert record["internal_test"]["n"] == len(tested)
        assert record["internal_test"]["auc"] == pytest.approx(auc(labels, scores))


@pytest.mark.parametrize("unit", ["study", "patient"])
def test_the_cutoff_is_chosen_on_scores_of_units(evaluate, unit: str) -> None:
    record = evaluate(protocol="paper2018", unit=unit)
    found = averaged(record, "validation").values()
    labels, scores, _ = zip(*found, strict=True)
    chosen = choose_cutoff(labels, scores, "youden")
    assert record["operating_point"]["cutoff"] == chosen.value
    images = [p for p in record.predictions() if p.partition == "validation"]
    by_image = choose_cutoff([p.label for p in images], [p.score for p in images], "youden")
    assert by_image.value != chosen.value


def test_the_unit_is_the_data_sets_unless_a_user_wants_another(evaluate) -> None:
    assert evaluate()["unit"] == "study"
    assert evaluate(unit="image")["unit"] == "image"
    assert evaluate(dataset="images")["unit"] == "image"
    assert evaluate(dataset="images", unit="patient")["unit"] == "patient"
    assert evaluate()["run"] == evaluate(unit="study")["run"] != evaluate(unit="image")["run"]


@pytest.mark.parametrize("unit", ["study", "patient"])
def test_no_unit_is_split_and_partitions_count_units(evaluate, unit: str) -> None:
    record = evaluate(unit=unit)
    places = defaultdict(set)
    counts: dict[str, int] = defaultdict(int)
    for row in record.predictions():
        places[row.unit].add(row.partition)
        counts[row.partition] += 1
    assert all(len(found) == 1 for found in places.values())
    for name, part in record["partitions"].items():
        assert part["n"] == len(averaged(record, name))
        assert part.get("images", part["n"]) == counts[name]
    key = (lambda r: (r.patient, r.study)) if unit == "study" else (lambda r: r.patient)
    assert sum(part["n"] for part in record["partitions"].values()) == len(set(map(key, ROWS)))


@pytest.mark.parametrize("unit", ["image", "study", "patient", None])
def test_data_show_counts_the_partitions_of_a_run(
    evaluate, studies: Studies, unit: str | None
) -> None:
    record = evaluate(unit=unit)
    words = ["data", "show", "studies", "--data-root", studies.folder, "--plugin", studies.plugin]
    words += ["--cache", studies.cache, "--protocol", "linear-probe", "--no-sheet", "--json"]
    words += ["--unit", unit] if unit else []
    shown = json.loads(CliRunner().invoke(app, [str(word) for word in words]).stdout)
    found = {c["value"]: c["radiographs"] for c in shown["counts"] if c["word"] == "partition"}
    parts = record["partitions"].items()
    assert found == {name: part.get("images", part["n"]) for name, part in parts}
    assert shown["unit"] == record["unit"]


def test_for_images_the_file_has_no_column_of_units_and_units_are_the_radiographs(evaluate) -> None:
    record = evaluate(unit="image")
    header = (record.folder / "predictions.csv").read_text().splitlines()[0]
    assert header == "case,patient,partition,label,score,fingerprint"
    assert record.unit_predictions() == record.predictions()
    assert "images" not in record["holdout"]


def test_one_image_a_study_gives_the_figures_of_images(evaluate) -> None:
    single = [row for row in ROWS if row.case.endswith("-0.png")]
    study, image = evaluate(single), evaluate(single, unit="image")
    for name in ("auc", "operating_point", "operating_point_optimistic", "partitions", "top_layer"):
        assert study[name] == image[name]
    assert [p.score for p in study.predictions()] == [p.score for p in image.predictions()]
    assert study["holdout"]["fingerprint"] != image["holdout"]["fingerprint"]


def test_unit_predictions_are_one_for_each_unit(evaluate) -> None:
    record = evaluate()
    found = record.unit_predictions()
    assert len(found) == len({(row.patient, row.study) for row in ROWS})
    for partition in record["partitions"]:
        mine = {p.unit: (p.label, p.score, p.patient) for p in found if p.partition == partition}
        assert mine == averaged(record, partition)
    assert [p.case for p in found] == sorted(p.case for p in found)
    assert all(p.case.endswith("-0.png") for p in found)


def test_no_name_of_a_patient_or_study_gets_out(evaluate) -> None:
    record = evaluate()
    for file in record.folder.iterdir():
        assert b"Jane" not in file.read_bytes()
        assert b"study1" not in file.read_bytes()


def test_the_table_says_what_was_measured(evaluate) -> None:
    record = evaluate()
    counts = record["holdout"]
    sheet = run_sheet([record])
    assert sheet.title == (
        f"studies, linear-probe, seed 0: hold-out of {counts['n']} studies "
        f"({counts['images']} radiographs) of {counts['patients']} patients, "
        f"{counts['positives']} positive"
    )
    assert any("all figures are of studies" in note for note in sheet.notes)
    patients = evaluate(unit="patient")
    counts = patients["holdout"]
    assert (
        f"{counts['n']} patients ({counts['images']} radiographs)," in run_sheet([patients]).title
    )
    assert "studies" not in run_sheet([evaluate(unit="image")]).title.removeprefix("studies")


def test_comparisons_are_of_units(evaluate, tmp_path: Path) -> None:
    options: dict[str, Any] = {"results": tmp_path}
    record = evaluate(**options)
    control = evaluate(backbone="image_statistics", **options)
    found = compare(results=tmp_path)
    assert found.data["unit"] == "study"
    held = averaged(record, "hold-out")
    assert len(found.holdout.labels) == len(held)
    assert set(found.holdout.scores[record["run"]]) == {score for _, score, _ in held.values()}
    for one in (record, control):
        mine = found.data["classifiers"][one["backbone"]]
        assert mine["auc"] == one["auc"]["value"]
        assert mine["ci"]["low"] == pytest.approx(one["auc"]["low"], abs=1e-12)
        point = mine["cutoffs"]["validation"]
        assert point["sensitivity"]["value"] == one["operating_point"]["sensitivity"]["value"]
        assert point["tp"] == one["operating_point"]["tp"]
    assert "studies (" in comparison_sheets(found.data)[0].title
    image = evaluate(unit="image", **options)
    with pytest.raises(DataError, match="do not share a hold-out") as caught:
        compare([record, image])
    assert f"{record['holdout']['n']} studies" in caught.value.message
    assert f"{image['holdout']['n']} radiographs" in caught.value.message


def test_evaluating_its_file_gives_the_figures_of_the_record(evaluate, tmp_path: Path) -> None:
    record = evaluate()
    lines = (record.folder / "predictions.csv").read_text().splitlines(keepends=True)
    file = tmp_path / "held.csv"
    file.write_text("".join([lines[0], *(line for line in lines if ",hold-out," in line)]))
    data = tlbench.evaluate(file, unit="unit")
    assert data["n"] == record["holdout"]["n"]
    found = data["classifiers"]["score"]
    assert found["auc"] == record["auc"]["value"]
    assert found["ci"]["low"] == pytest.approx(record["auc"]["low"], abs=1e-12)
    assert tlbench.evaluate(file)["n"] == record["holdout"]["images"]


def test_runs_can_be_narrowed_to_those_of_one_unit(evaluate, tmp_path: Path) -> None:
    evaluate(results=tmp_path)
    evaluate(results=tmp_path, unit="image")
    for unit in ("study", "image"):
        (entry,) = compare(results=tmp_path, unit=unit).entries
        assert entry.record["unit"] == unit


def test_a_record_from_before_there_were_units_is_of_images(evaluate, tmp_path: Path) -> None:
    record = evaluate(unit="image", results=tmp_path)
    data = {name: value for name, value in record.items() if name != "unit"}
    (record.folder / "record.json").write_text(json.dumps(finite(data)))
    old = load_record(record.folder)
    assert old["unit"] == "image"
    assert old.unit_predictions() == record.predictions()
    assert compare([old]).data["classifiers"]["blocks"]["auc"] == record["auc"]["value"]


def test_a_study_with_both_labels_is_refused(evaluate) -> None:
    first = next(row for row in ROWS if row.case.endswith("-1.png"))
    torn = [replace(row, label=1 - row.label) if row == first else row for row in ROWS]
    with pytest.raises(DataError, match="1 study contradicts itself") as caught:
        evaluate(torn)
    assert "--unit image" in str(caught.value.hint)
    assert "Jane" not in str(caught.value)
    evaluate(torn, unit="image")


def test_a_patient_with_one_fracture_counts_as_having_one(evaluate) -> None:
    record = evaluate(unit="patient")
    fractured = {row.patient for row in ROWS if row.label}
    assert sum(part["positives"] for part in record["partitions"].values()) == len(fractured)
    assert record["positives"] == sum(row.label for row in ROWS)


@pytest.mark.parametrize(("unit", "field"), [("study", "study"), ("patient", "patient")])
def test_a_unit_that_is_not_named_is_refused(evaluate, unit: str, field: str) -> None:
    rows = [replace(row, **{field: ""}) if row.case.startswith("007") else row for row in ROWS]
    with pytest.raises(DataError, match=f"radiographs name no {unit}") as caught:
        evaluate(rows, unit=unit)
    assert "--unit image" in str(caught.value.hint)


def test_studies_without_patients_stay_whole(evaluate) -> None:
    rows = [replace(row, patient="", study=f"{row.patient} {row.study}") for row in ROWS]
    record = evaluate(rows)
    assert record["holdout"]["patients"] is None
    assert record["auc"]["variance_method"] == "delong"
    assert any("every study counts as a patient" in line for line in record["warnings"])
    image = evaluate(rows, unit="image")
    places = defaultdict(set)
    for row in image.predictions():
        places[row.case.rpartition("-")[0]].add(row.partition)
    assert all(len(found) == 1 for found in places.values())


def test_unknown_units_are_refused(evaluate) -> None:
    with pytest.raises(TlbenchError, match="unknown unit"):
        evaluate(unit="studies")


FORGETFUL = """
from dataclasses import replace
from tlbench import hookimpl
from tlbench.protocols.shipped import LINEAR_PROBE
from tlbench.specs import ProtocolSpec

def without(data):
    return replace(LINEAR_PROBE.train(data), cutoff_units=None)

def of_other_length(data):
    return replace(LINEAR_PROBE.train(data), cutoff_units=data.validation_units)

@hookimpl
def tlbench_register_protocols():
    return [
        replace(LINEAR_PROBE, name="without", train=without),
        replace(LINEAR_PROBE, name="of-other-length", train=of_other_length),
    ]
"""


def test_a_protocol_must_say_of_which_units_its_scores_are(evaluate, tmp_path: Path) -> None:
    plugin = tmp_path / "forgetful.py"
    plugin.write_text(FORGETFUL)
    with pytest.raises(PluginError, match="does not say of which studies") as caught:
        evaluate(protocol="without", plugins=(plugin,))
    assert "cutoff_units" in str(caught.value.hint)
    image = evaluate(protocol="without", plugins=(plugin,), unit="image")
    assert image["operating_point"] == evaluate(unit="image")["operating_point"]
    with pytest.raises(PluginError, match="`cutoff_units`"):
        evaluate(protocol="of-other-length", plugins=(plugin,))
