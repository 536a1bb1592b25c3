from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import tlbench
from tests.shared_data import find_shared
from tlbench.cli.main import app
from tlbench.datasets.cards import read_card
from tlbench.datasets.grazpedwri_dx import read
from tlbench.datasets.selection import select
from tlbench.datasets.table import read_table
from tlbench.errors import DataError, UnknownNameError
from tlbench.images import read_pixels
from tlbench.progress import Progress
from tlbench.specs import DataChoice, DatasetRequest

BLOCKS = Path(__file__).parents[2] / "plugins" / "examples" / "blocks.py"
CARD = read_card("grazpedwri-dx")
SPEC = CARD.describe(read)
HEADER = (
    "filestem,patient_id,study_number,timehash,gender,age,laterality,projection,initial_exam,"
    "ao_classification,cast,diagnosis_uncertain,fracture_visible\n"
)
ROWS = [
    "0001_1297860395_01_WRI-L1_M014,1,1,1297860395,M,14.1,L,1,1,23r-M/2.1,,,\n",
    "0001_1297860435_01_WRI-L2_M014,1,1,1297860435,M,14.1,L,2,1,23r-M/2.1,,,1\n",
    "0002_0354485735_01_WRI-R3_F012,2,1,354485735,F,12,R,3,,,1,1,\n",
]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "data"
    for folder, row in zip(("images", "images_part2", "images_part4"), ROWS, strict=True):
        (root / folder).mkdir(parents=True)
        (root / folder / f"{row.partition(',')[0]}.png").touch()
    write(root, ROWS)
    return root


def write(root, rows, header=HEADER):
    (root / "dataset.csv").write_text("\ufeff" + header + "".join(rows), encoding="utf-8")


def ask(root, **choices):
    said: list[str] = []
    return read(DatasetRequest(folder=root, root=root, say=said.append, **choices)), said


def refusal(root, error=DataError, **choices):
    with pytest.raises(error) as caught:
        ask(root, **choices)
    assert caught.value.hint
    assert str(caught.value).isprintable()
    return caught.value


def test_rows_become_radiographs(root) -> None:
    radiographs, said = ask(root)
    assert [(r.case, r.label, r.patient, r.study) for r in radiographs] == [
        ("0354485735_01_WRI-R3", 0, "2", "2/1/R"),
        ("1297860395_01_WRI-L1", 0, "1", "1/1/L"),
        ("1297860435_01_WRI-L2", 1, "1", "1/1/L"),
    ]
    assert all(r.path.is_file() for r in radiographs)
    assert radiographs[1].metadata == {
        "study_number": "1",
        "gender": "M",
        "sex": "M",
        "age": "14.1",
        "laterality": "L",
        "projection": "1",
        "view": "AP",
        "initial_exam": "1",
        "ao_classification": "23r-M/2.1",
        "hidden_fracture": "1",
        "cast": "",
        "diagnosis_uncertain": "",
    }
    assert [r.metadata["view"] for r in radiographs] == ["oblique", "AP", "lateral"]
    assert [r.metadata["hidden_fracture"] for r in radiographs] == ["", "1", ""]
    assert said == []


def test_nothing_but_patient_and_study_tells_the_patient(root) -> None:
    for r in ask(root)[0]:
        assert not {"patient_id", "filestem", "timehash", "fracture_visible"} & r.metadata.keys()
        assert not r.case.startswith(f"{int(r.patient or 0):04d}_")


def test_the_subset_is_a_condition(root) -> None:
    assert [r.case for r in ask(root, subset="lateral")[0]] == ["1297860435_01_WRI-L2"]
    assert refusal(root, UnknownNameError, subset="latral").hint == 'did you mean "lateral"?'


def test_rows_without_an_image_are_returned_and_images_without_a_row_said(root) -> None:
    (root / "images_part2" / "0001_1297860435_01_WRI-L2_M014.png").unlink()
    for name in ("0009_1297860435_01_WRI-L2_M014.png", "notes.txt", ".hidden.png"):
        (root / "images" / name).touch()
    radiographs, said = ask(root)
    assert [r.path.is_file() for r in radiographs] == [True, True, False]
    assert len(said) == 1
    assert said[0].startswith("1 images are left out")


@pytest.mark.parametrize("folder", [*CARD.image_folders, "images_part3/images_part3"])
def test_the_check_looks_where_the_reader_does(root, folder: str) -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for image in list(root.rglob("*.png")):
        image.rename(root / folder / image.name)
    assert all(r.path.is_file() for r in ask(root)[0])
    done = CliRunner().invoke(
        app, ["data", "check", "grazpedwri-dx", "--data-root", str(root), "--json"]
    )
    found = {finding["what"]: finding["found"] for finding in json.loads(done.stdout)["findings"]}
    assert found["images in the table"] == found["found by tlbench"] == len(ROWS)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("../../secret,1,1,1,M,14,L,1,1,,,,1\n", "line 5 of"),
        ("0007_1297860395_01_WRI-L1_M014,1,1,1,M,14,L,1,1,,,,1\n", "not made of its patient_id"),
        ("0007_1297860395_01_WRI-L1_M014,7,1,1,M,14,L,4,1,,,,1\n", '"4" in column "projection"'),
        ("0007_1297860395_01_WRI-L1_M014,7,1,1,M,14,L,1,1,,,,yes\n", '"yes" in column'),
        (ROWS[0], "occurs twice"),
    ],
)
def test_a_row_that_can_not_be_is_refused(root, row: str, message: str) -> None:
    write(root, [*ROWS, row])
    assert message in refusal(root).message


def test_another_layout_is_refused_with_what_is_missing(root, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert '"images" or "images_part1" to 4' in refusal(tmp_path / "empty").message
    for wrong in (root.parent, root / "images"):
        assert refusal(wrong).hint == f'did you mean --data-root "{root}"?'
    (root / "dataset.csv").unlink()
    assert refusal(root).message.endswith('has no "dataset.csv"')
    assert "doi:10.6084" in refusal(root).hint
    write(root, ROWS, HEADER.replace("fracture_visible", "fracture"))
    assert 'no column "fracture_visible"' in refusal(root).message
    assert '"x" can\'t be chosen' in refusal(root, positive="x").message


# The real one


@pytest.fixture(scope="module")
def real_rows():
    root = find_shared("grazpedwri-dx")
    return read(DatasetRequest(folder=root, root=root))


def test_the_real_table_holds_what_the_card_says(real_rows) -> None:
    rows = real_rows
    expected = CARD.content["expected"]
    views = Counter(r.metadata["view"] for r in rows)
    assert expected == {
        "radiographs": len(rows),
        "fractures": sum(r.label for r in rows),
        "patients": len({r.patient for r in rows}),
        "ap": views["AP"],
        "lateral": views["lateral"],
        "oblique": views["oblique"],
    }
    lateral = [r for r in rows if r.metadata["view"] == "lateral"]
    entry = CARD.content["subsets"]["lateral"]
    assert entry["radiographs"] == len(lateral)
    assert entry["fractures"] == sum(r.label for r in lateral)
    assert entry["patients"] == len({r.patient for r in lateral})
    assert len({r.case for r in rows}) == len(rows)
    assert len({r.study for r in rows}) == 10842


def test_known_issues_are_counted_right(real_rows) -> None:
    rows = real_rows
    issues = " ".join(CARD.content["known_issues"])

    def count(column: str, label: int) -> str:
        return f"{sum(r.metadata[column] == '1' and r.label == label for r in rows):,}"

    for column in ("cast", "osteopenia", "metal"):
        assert count(column, 1) in issues
        assert count(column, 0) in issues
    assert f"{count('hidden_fracture', 0)} radiographs" in issues
    assert f"{sum(r.metadata['diagnosis_uncertain'] == '1' for r in rows)}" in issues
    later = [r for r in rows if not r.metadata["initial_exam"]]
    assert f"{len(later):,} radiographs are no initial examination" in issues
    assert f"{sum(r.label for r in later):,} of these" in issues


def choose(rows, **choices):
    """What would be taken if all images were there."""
    choice = DataChoice(dataset="grazpedwri-dx", **choices)
    return select(rows, replace(SPEC, partial=False), choice, lambda _line: None)


@pytest.mark.parametrize(
    ("name", "left_out"), [("cast", 5776), ("metal", 708), ("follow_up", 9466)]
)
def test_exclusions_of_the_card_leave_out_what_the_table_has(
    real_rows, name: str, left_out: int
) -> None:
    record = choose(real_rows, without=(name,)).record
    assert record["without"][0]["left_out"] == left_out


def test_every_exclusion_of_the_card_can_be_asked_for(real_rows) -> None:
    rows = real_rows
    for name in SPEC.exclusions:
        assert choose(rows, without=(name,)).record["without"][0]["left_out"] > 0


def test_the_real_images_are_16_bit_and_the_rest_is_one_line() -> None:
    root = find_shared("grazpedwri-dx")
    said: list[str] = []

    class Listener(Progress):
        def warn(self, line: str) -> None:
            said.append(line)

    choice = DataChoice(dataset="grazpedwri-dx", data_root=root)
    table = read_table(SPEC, choice, root, Listener())
    assert (len(table), int(table.labels.sum())) == (12, 9)
    assert said == ["20,315 of 20,327 radiographs have no image in the data root and are left out"]
    assert table.warnings == tuple(said)
    for radiograph in table.radiographs:
        pixels = read_pixels(radiograph.path)
        assert pixels.dtype == np.uint16
        # Full range already, so that nothing is stretched; rows and columns as stored.
        assert np.array_equal(pixels, np.array(Image.open(radiograph.path)))
    with pytest.raises(DataError, match="1,489 of 1,489 radiographs have no image"):
        read_table(SPEC, DataChoice(cohort="kim2018", data_root=root), root, Progress())


COHORT = "45960ce43de709ccd08ce55d98c6452444103ba47da0f12263f47bc362d97b46"


def test_the_cohort_of_the_paper_is_the_same_everywhere(real_rows) -> None:
    drawn = choose(real_rows, cohort="kim2018").radiographs
    assert Counter(r.label for r in drawn) == {1: 745, 0: 744}
    assert {r.metadata["view"] for r in drawn} == {"lateral"}
    patients = {r.patient for r in drawn}
    lateral = [r for r in real_rows if r.metadata["view"] == "lateral"]
    assert sum(r.patient in patients for r in lateral) == len(drawn)
    digest = hashlib.sha256("\n".join(sorted(r.case for r in drawn)).encode()).hexdigest()
    assert digest == COHORT


@pytest.mark.slow
def test_a_whole_run_on_the_cohort_leaves_the_numbers_of_the_paper(tmp_path, real_rows) -> None:
    """The csv is the real one, the images are tiny: it is the numbers that count."""
    drawn = choose(real_rows, cohort="kim2018").radiographs
    root = tmp_path / "data"
    (root / "images_part1").mkdir(parents=True)
    (root / "dataset.csv").write_bytes((find_shared("grazpedwri-dx") / "dataset.csv").read_bytes())
    rng = np.random.default_rng(0)
    for radiograph in drawn:
        pixels = rng.normal(30000, 6000, (32, 24)) - 1500 * radiograph.label
        image = Image.fromarray(pixels.clip(0, 65535).astype(np.uint16))
        image.save(root / "images_part1" / radiograph.path.name)
    record = tlbench.run(
        "blocks",
        plugins=[BLOCKS],
        dataset="grazpedwri-dx",
        data_root=root,
        cohort="kim2018",
        protocol="linear-probe",
        results=tmp_path / "results",
        cache=tmp_path / "cache",
    )
    held = record["partitions"]["hold-out"]
    assert (held["n"], held["positives"]) == (100, 50)
    rest = [record["partitions"][name] for name in ("train", "validation", "test")]
    positives = sum(part["positives"] for part in rest)
    assert (positives, sum(part["n"] for part in rest) - positives) == (695, 694)
    assert "kim2018" in record["run"]
    selection = record["details"]["dataset"]["selection"]
    assert selection["cohort"]["name"] == "kim2018"
    assert (selection["read"], selection["taken"], selection["missing"]) == (20327, 1489, 0)

    stems = [r.path.stem for r in drawn]
    for file in record.folder.iterdir():
        text = file.read_bytes().decode("latin-1")
        assert not any(stem in text for stem in stems)
    written = record.predictions()
    assert {p.case for p in written} == {r.case for r in drawn}
    assert not {p.patient for p in written} & {r.patient for r in drawn}
    # Pictures drawn for the test have shortcuts; what the cohort is made of gives no warning.
    assert not [line for line in record["warnings"] if "image" in line or "patient" in line]
