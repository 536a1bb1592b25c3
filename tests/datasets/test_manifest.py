import re

import numpy as np
import pytest
from PIL import Image

from tests.dicom_files import write_dicom
from tlbench.datasets.manifest import read
from tlbench.datasets.table import build_table
from tlbench.errors import DataError, UnknownNameError
from tlbench.specs import DatasetRequest

ROWS = ["a/1.png,1,p1", "a/2.png,0,p1", "b/3.jpg,0,p2"]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "set"
    for name in ("a/1.png", "a/2.png", "b/3.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((6, 8), np.uint8)).save(root / name)
    write(root)
    return root


def write(folder, rows=ROWS, header="path,label,patient"):
    file = folder / "t.csv"
    file.write_text("\n".join([header, *rows, ""]))
    return file


def ask(folder, **choices):
    said = []
    request = DatasetRequest(folder, manifest=folder / "t.csv", say=said.append, **choices)
    return read(request), said


def refusal(folder, error=DataError, **choices):
    with pytest.raises(error) as caught:
        ask(folder, **choices)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


def test_each_row_is_a_radiograph_below_the_tables_folder(root):
    radiographs, said = ask(root)
    assert [(r.path.relative_to(root).as_posix(), r.label, r.patient) for r in radiographs] == [
        ("a/1.png", 1, "p1"),
        ("a/2.png", 0, "p1"),
        ("b/3.jpg", 0, "p2"),
    ]
    assert all(r.study is None and r.partition is None for r in radiographs)
    assert len(build_table(radiographs)) == 3
    assert len(said) == 1


def test_a_data_root_holds_the_files_instead(root, tmp_path):
    other = tmp_path / "tables"
    other.mkdir()
    write(other)
    with pytest.raises(DataError, match="3 files are missing"):
        ask(other)
    radiographs, _ = ask(other, root=root)
    assert all(r.path.is_relative_to(root) for r in radiographs)
    assert "does not exist" in refusal(root, root=tmp_path / "none").message


@pytest.mark.parametrize("column", ["patient", "study"])
def test_a_table_of_patients_or_studies_without_cases_has_pseudonyms(root, tmp_path, column):
    (root / "a").rename(root / "Doe_Jane")
    rows = ["Doe_Jane/1.png,1,Doe", "Doe_Jane/2.png,0,Doe", "b/3.jpg,0,p2"]
    write(root, rows, f"path,label,{column}")
    cases = [r.case for r in ask(root)[0]]
    assert len(set(cases)) == 3
    assert all(re.fullmatch("[0-9a-f]{12}", case) for case in cases)
    moved = root.rename(tmp_path / "elsewhere")
    write(moved, rows[::-1], f"path,label,{column}")
    assert [r.case for r in ask(moved)[0]] == cases[::-1]
    # Salted with the whole table; names that the user chose stay.
    write(moved, [*rows[:2], "b/3.jpg,0,p3"], f"path,label,{column}")
    assert not {r.case for r in ask(moved)[0]} & set(cases)
    write(moved, [f"{row},k{i}" for i, row in enumerate(rows)], f"path,label,{column},case")
    assert [r.case for r in ask(moved)[0]] == ["k0", "k1", "k2"]


def test_study_partition_case_and_metadata_come_from_their_columns(root):
    header = "path,label,exam,partition,case,projection,age,device,note"
    rows = [
        "a/1.png,1,e1,train,c1,2,54,x,",
        "a/2.png,0,e1,,c2,,,y,n",
        "b/3.jpg,0,e2,hold-out,c3,1,9,,",
    ]
    write(root, rows, header)
    radiographs, _ = ask(root, columns={"study": "exam"})
    assert [(r.case, r.study, r.partition) for r in radiographs] == [
        ("c1", "e1", "train"),
        ("c2", "e1", None),
        ("c3", "e2", "hold-out"),
    ]
    assert radiographs[0].metadata == {"view": "2", "age": "54", "device": "x", "note": ""}
    assert radiographs[1].metadata == {"device": "y", "note": "n"}


def test_two_words_and_which_is_positive(root):
    write(root, ["a/1.png,x", "a/2.png,y"], "path,label")
    assert "--positive NAME" in refusal(root).hint
    assert [r.label for r in ask(root, positive="y")[0]] == [0, 1]


@pytest.mark.parametrize("name", ["a/1.png", "./a/1.png", "a//1.png", "a\\1.png"])
def test_a_path_may_be_written_in_several_ways_but_once(root, name):
    write(root, [f"{name},1"], "path,label")
    (radiograph,) = ask(root)[0]
    assert radiograph.case == "a/1.png"
    write(root, ["a/1.png,1", f"{name},1"], "path,label")
    assert '"a/1.png" stands twice in' in (message := refusal(root).message)
    assert message.endswith("lines 2, 3")


def test_a_whole_path_below_the_root_is_taken_and_its_case_is_short(root):
    write(root, [f"{root / 'a' / '1.png'},1"], "path,label")
    (radiograph,) = ask(root)[0]
    assert (radiograph.case, radiograph.path) == ("a/1.png", root / "a/1.png")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["/etc/hostname,1,p"], '"/etc/hostname" is no path below .* .line 2 of'),
        (["C:\\x\\1.png,1,p"], "is no path below"),
        (["a/1.png,1,p", "a/../b/3.jpg,1,p", "../t.png,0,p"], "is no path below .*lines 3, 4"),
        ([".,1,p"], "is no path below"),
        (["a/1.png,1,p", ",1,p"], '"path" of .* is empty in line 3'),
        (["a/1.png,1,"], '"patient" of .* is empty in line 2'),
        (["a/1.png,,p"], '"label" of .* is empty in line 2'),
        (["a/1.png,2,p", "a/2.png,1,p", "b/3.jpg,0,p"], '"2" .line 2'),
        (["a,1,p"], '1 file is missing below .*: "a" .line 2'),
        (["a/1.png\0,1,p"], "1 file is missing"),
        ([f"{'x' * 300}.png,1,p"], "1 file is missing"),
    ],
)
def test_rows_that_mean_no_file_are_refused_with_their_lines(root, rows, message):
    write(root, rows)
    caught = refusal(root)
    assert re.search(message, caught.message)


def test_many_missing_files_are_one_line(root):
    write(root, [*ROWS, *(f"x/{n}.png,1,p" for n in range(1200))])
    message = refusal(root).message
    assert message.startswith('1,200 files are missing below "')
    assert '"x/0.png", "x/1.png", "x/2.png" and 1,197 more (lines 5, 6, 7 and 1,197 more' in message


def test_choices_that_do_not_apply_are_refused(root):
    assert "leave out --subset" in refusal(root, UnknownNameError, subset="wrist").hint
    with pytest.raises(DataError, match="needs a table"):
        read(DatasetRequest(folder=root))
    write(root, ["1"], "label")
    assert "no column of paths" in refusal(root).message


# Rows that name DICOM files


@pytest.fixture
def mixed(root):
    hospital = {"PatientID": "MRN77", "StudyInstanceUID": "1.2.7", "ViewPosition": "LL"}
    more = {"ImageLaterality": "L", "PatientAge": "054Y", "PatientSex": "F", "Manufacturer": "ACME"}
    write_dicom(root / "Roe_Jane" / "7.dcm", SOPInstanceUID="1.2.7.1", **hospital, **more)
    write_dicom(root / "Roe_Jane" / "8", SOPInstanceUID="1.2.7.2", **hospital, **more)
    return root


def test_headers_say_what_the_table_leaves_out(mixed):
    rows = ["Roe_Jane/7.dcm,1,,PA", "Roe_Jane/8,1,33,", "a/1.png,0,50,AP"]
    write(mixed, rows, "path,label,age,view")
    first, second, picture = ask(mixed)[0]
    header = {"laterality": "L", "sex": "F", "device": "ACME", "modality": "DX"}
    assert first.metadata == header | {"view": "PA", "age": "54"}
    assert second.metadata == header | {"view": "LL", "age": "33"}
    assert (first.patient, first.study) == ("MRN77", "1.2.7")
    assert picture.metadata == {"age": "50", "view": "AP"}
    assert (picture.case, picture.patient) == ("a/1.png", None)


def test_the_tables_patients_and_studies_go_before_the_headers(mixed):
    write(mixed, ["Roe_Jane/7.dcm,1,p,s"], "path,label,patient,study")
    (radiograph,) = ask(mixed)[0]
    assert (radiograph.patient, radiograph.study) == ("p", "s")


def test_a_dicom_file_is_named_by_a_pseudonym_or_the_users_word(mixed):
    write(mixed, ["Roe_Jane/7.dcm,1", "Roe_Jane/8,0"], "path,label")
    cases = [r.case for r in ask(mixed)[0]]
    assert len(set(cases)) == 2
    assert all(re.fullmatch("[0-9a-f]{12}", case) for case in cases)
    write(mixed, ["Roe_Jane/7.dcm,1,k1", "Roe_Jane/8,0,k2"], "path,label,case")
    assert [r.case for r in ask(mixed)[0]] == ["k1", "k2"]


def test_a_dicom_file_called_like_a_picture_is_one_all_the_same(mixed):
    (mixed / "Roe_Jane" / "8").rename(mixed / "Roe_Jane" / "8.png")
    write(mixed, ["Roe_Jane/8.png,1"], "path,label")
    (radiograph,) = ask(mixed)[0]
    assert re.fullmatch("[0-9a-f]{12}", radiograph.case)


def test_a_damaged_dicom_file_waits_until_its_pixels_are_read(mixed):
    file = mixed / "Roe_Jane" / "7.dcm"
    file.write_bytes(file.read_bytes()[:200])
    write(mixed, ["Roe_Jane/7.dcm,1"], "path,label")
    (radiograph,) = ask(mixed)[0]
    assert re.fullmatch("[0-9a-f]{12}", radiograph.case)
    assert radiograph.metadata == {}
