import re
from pathlib import Path

import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from tests.dicom_files import write_dicom
from tlbench.datasets.dicom import read
from tlbench.errors import DataError, UnknownNameError
from tlbench.specs import DatasetRequest

# Two studies of one patient, one of another; the first has two images.
FILES = {
    "in/Roe_Jane/1.dcm": ("1.2.1.1", "1.2.1", "MRN1", "ACC1"),
    "in/Roe_Jane/2.dcm": ("1.2.1.2", "1.2.1", "MRN1", "ACC1"),
    "in/Roe_Jane/IM003": ("1.2.2.1", "1.2.2", "MRN1", "ACC2"),
    "out/Poe_John.dcm": ("1.2.3.1", "1.2.3", "0042", "ACC3"),
}
KEYS = ("SOPInstanceUID", "StudyInstanceUID", "PatientID", "AccessionNumber")
SECRETS = ("Roe", "Poe", "MRN", "ACC", "1.2.")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "export"
    for name, values in FILES.items():
        tags = dict(zip(KEYS, values, strict=True))
        write_dicom(root / name, PatientName="Roe^Jane", PatientAge="034Y", PatientSex="F", **tags)
    return root


def ask(root, table, **choices):
    file = root.parent / "labels.csv"
    file.write_text("\n".join([*table, ""]))
    said, warned = [], []
    request = DatasetRequest(
        root.parent, root=root, manifest=file, say=said.append, warn=warned.append, **choices
    )
    return read(request), said, warned


def refusal(root, table, error=DataError, **choices):
    with pytest.raises(error) as caught:
        ask(root, table, **choices)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


def labels_of(radiographs, root):
    return {r.path.relative_to(root).as_posix(): r.label for r in radiographs}


BY_IMAGE = dict(zip(FILES, (1, 0, 1, 0), strict=True))
BY_STUDY = dict(zip(FILES, (1, 1, 0, 0), strict=True))
BY_PATIENT = dict(zip(FILES, (1, 1, 1, 0), strict=True))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (["path,label", *(f"{name},{y}" for name, y in BY_IMAGE.items())], BY_IMAGE),
        (["SOPInstanceUID,label", "1.2.1.1,1", "1.2.1.2,0", "1.2.2.1,1", "1.2.3.1,0"], BY_IMAGE),
        (["StudyInstanceUID,label", "1.2.1,1", "1.2.2,0", "1.2.3,0"], BY_STUDY),
        (["Accession Number;label", "ACC1;1", "ACC2;0", "ACC3;0"], BY_STUDY),
        (["PatientID,label", "MRN1,1", "0042,0"], BY_PATIENT),
        # The finest key joins, and a study may have a row for each of its images.
        (["PatientID,study_uid,label", "MRN1,1.2.1,1", "MRN1,1.2.2,0", "0042,1.2.3,0"], BY_STUDY),
        (["accession,label", "ACC1,1", "ACC1,1", "ACC2,0", "ACC3,0"], BY_STUDY),
    ],
)
def test_labels_are_joined_by_the_finest_key_of_the_table(root, table, expected):
    units = []
    radiographs, _, warned = ask(root, table, labels_of=units.append)
    assert labels_of(radiographs, root) == expected
    assert warned == []
    by_patient = "PatientID" in table[0] and "study" not in table[0]
    assert units == ([] if expected is BY_IMAGE else ["patient" if by_patient else "study"])


def test_a_column_of_any_name_joins_where_the_user_says_so(root):
    table = ["exam,y", "ACC1,1", "ACC2,0", "ACC3,0"]
    assert "no column that joins" in refusal(root, table).message
    radiographs, _, _ = ask(root, table, columns={"accession": "exam"})
    assert labels_of(radiographs, root) == BY_STUDY


def test_headers_give_patient_study_and_metadata_but_no_names(root):
    table = [
        "StudyInstanceUID,label,partition,age",
        "1.2.1,1,train,40",
        "1.2.2,0,,",
        "1.2.3,0,test,",
    ]
    radiographs, _, _ = ask(root, table)
    by_name = {r.path.name: r for r in radiographs}
    first = by_name["1.dcm"]
    assert (first.patient, first.study, first.partition) == ("MRN1", "1.2.1", "train")
    assert first.metadata == {"age": "40", "sex": "F", "modality": "DX"}
    assert by_name["IM003"].metadata == {"age": "34", "sex": "F", "modality": "DX"}
    assert by_name["IM003"].partition is None
    assert (by_name["Poe_John.dcm"].patient, by_name["Poe_John.dcm"].partition) == ("0042", "test")


def test_rows_of_one_study_lend_it_what_they_agree_on(root):
    table = ["StudyInstanceUID,label,view,ward", "1.2.1,1,PA,w1", "1.2.1,1,LL,w1", "1.2.2,0,PA,w2"]
    radiographs, _, _ = ask(root, table)
    header = {"age": "34", "sex": "F", "modality": "DX"}
    by_name = {r.path.name: r.metadata for r in radiographs}
    assert by_name["1.dcm"] == by_name["2.dcm"] == header | {"ward": "w1"}
    assert by_name["IM003"] == header | {"view": "PA", "ward": "w2"}


def test_the_tables_patients_go_before_the_headers(root):
    radiographs, _, _ = ask(root, ["path,label,mrn", *(f"{name},1,p" for name in FILES)])
    assert {r.patient for r in radiographs} == {"p"}


# Pseudonyms


STUDIES = ["StudyInstanceUID,label", "1.2.1,1", "1.2.2,0", "1.2.3,0"]


def cases(root, table=STUDIES):
    return {pydicom.dcmread(r.path).SOPInstanceUID: r.case for r in ask(root, table)[0]}


def test_cases_identify_nobody(root):
    names = cases(root).values()
    assert len(set(names)) == len(FILES)
    assert all(re.fullmatch("[0-9a-f]{12}", name) for name in names)


def test_cases_are_the_same_wherever_the_files_lie_and_whatever_is_labelled(root, tmp_path):
    before = cases(root)
    assert cases(root, STUDIES[:3]).items() <= before.items()
    (root / "in").rename(root / "elsewhere")
    (root / "elsewhere" / "Roe_Jane" / "1.dcm").rename(root / "a")
    root.rename(tmp_path / "moved")
    assert cases(tmp_path / "moved") == before


def test_who_lacks_a_file_can_not_make_the_names(root):
    before = cases(root)
    write_dicom(root / "one_more", SOPInstanceUID="1.2.9.1", StudyInstanceUID="1.2.9")
    assert not set(cases(root).values()) & set(before.values())


def test_images_with_one_uid_or_none_still_have_names_of_their_own(root):
    write_dicom(root / "copy.dcm", SOPInstanceUID="1.2.3.1", StudyInstanceUID="1.2.3")
    write_dicom(root / "bare.dcm", SOPInstanceUID=None, StudyInstanceUID="1.2.3")
    radiographs, _, _ = ask(root, STUDIES)
    assert len({r.case for r in radiographs}) == len(radiographs) == len(FILES) + 2


# What is left out


def test_what_is_no_single_picture_is_counted_by_kind(root):
    for name, copy in (("reportsi.dcm", "report"), ("DICOMDIR", "DICOMDIR")):
        (root / copy).write_bytes(Path(get_testdata_file(name)).read_bytes())
    write_dicom(root / "cine.dcm", NumberOfFrames=12, StudyInstanceUID="1.2.1")
    (root / "read me.txt").write_text("x")
    (root / ".hidden.dcm").write_text("x")
    Image.new("L", (8, 6)).save(root / "in" / "a.png")
    radiographs, said, warned = ask(root, STUDIES)
    assert labels_of(radiographs, root) == BY_STUDY
    (line,) = (line for line in said if "left out" in line)
    assert line.startswith("5 files below")
    assert "2 not DICOM" in line
    assert "1 with several frames" in line
    assert "1 Basic Text SR Storage" in line
    assert "1 an object of an unknown class" in line
    assert warned == []


def test_files_without_a_row_and_rows_without_a_file_are_one_line_each(root):
    table = ["StudyInstanceUID,label", "1.2.1,1", "9.1,0", "9.2,0", "9.3,1", "9.4,1"]
    radiographs, said, warned = ask(root, table)
    assert len(radiographs) == 2
    (line,) = (line for line in said if "without a row" in line)
    assert "out/Poe_John.dcm" in line
    # What is warned of stands in the record, where no name of a person may be.
    assert warned == [
        "2 radiographs left out without a row in the table of labels",
        "4 rows of the table of labels without a file: lines 3, 4, 5 and 1 more",
    ]


def test_a_damaged_file_is_lost_silently_nowhere(root):
    file = root / "in/Roe_Jane/1.dcm"
    file.write_bytes(file.read_bytes()[:160])
    by_path = ["path,label", *(f"{name},{y}" for name, y in BY_IMAGE.items())]
    assert labels_of(ask(root, by_path)[0], root) == BY_IMAGE
    radiographs, said, _ = ask(root, STUDIES)
    assert len(radiographs) == 3
    assert any("1 an object of an unknown class" in line for line in said)
    write_dicom(file, BitsAllocated=32, StudyInstanceUID="1.2.1")
    radiographs, said, _ = ask(root, STUDIES)
    assert len(radiographs) == 3
    assert any("without a row" in line and "1.dcm" in line for line in said)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (["StudyInstanceUID,label", "9.9,1", "9.8,0"], "no StudyInstanceUID in column .* is that"),
        (["path,label", "x.dcm,1", "y.dcm,0"], "no path in column"),
        (["path,label", "../x.dcm,1"], "is no path below"),
        (["StudyInstanceUID,label", "1.2.1,1", "1.2.2,0", "1.2.1,0"], "two labels .*lines 2, 4"),
        (["PatientID,label", "MRN1,1", "MRN1,0", "0042,0"], "one PatientID has two labels"),
        (["SOPInstanceUID,label", "1.2.1.1,1", "1.2.1.1,1"], "one SOPInstanceUID stands twice"),
        (["StudyInstanceUID,label", ",1"], "is empty in line 2"),
        (["StudyInstanceUID,label", "1.2.1,"], "is empty in line 2"),
        (["StudyInstanceUID", "1.2.1"], "no column of labels"),
        (["label,note", "1,x"], "no column that joins"),
    ],
)
def test_tables_that_join_nothing_or_contradict_themselves_are_refused(root, table, message):
    assert re.search(message, refusal(root, table).message)


def test_contradictions_are_told_by_line_not_by_what_identifies(root):
    message = refusal(root, ["StudyInstanceUID,label", "1.2.1,1", "1.2.1,0"]).message
    assert not any(secret in message for secret in SECRETS)


def test_choices_that_do_not_apply_are_refused(root):
    assert "leave out --subset" in refusal(root, STUDIES, UnknownNameError, subset="a").hint
    with pytest.raises(DataError, match="needs to know where its files are"):
        read(DatasetRequest(root))
    with pytest.raises(DataError, match="needs a table"):
        read(DatasetRequest(root, root=root))
    assert (
        'column word "case"'
        in refusal(root, STUDIES, UnknownNameError, columns={"case": "x"}).message
    )
