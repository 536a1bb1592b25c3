"""Reading predictions made elsewhere: the right answer or a clear error, never a lost row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tlbench.errors import DataError, TlbenchError, UnknownNameError
from tlbench.predictions import read_predictions


@pytest.fixture
def read(tmp_path: Path):
    def call(text: str | bytes, **options):
        file = tmp_path / "predictions.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_predictions(file, **options)

    return call


def test_label_and_scores_are_found_by_their_names_and_kinds(read) -> None:
    found = read("case,label,model a,remark\nx,1,0.9,good\ny,0,0.1,bad\n")
    assert found.labels.tolist() == [1, 0]
    assert found.scores["model a"].tolist() == [0.9, 0.1]
    assert list(found.scores) == ["model a"]
    assert found.patients is None
    assert 'not scores, left aside: "remark"' in found.notes


def test_columns_can_be_named(read) -> None:
    text = "a,b,c,d\n1,0.5,7,u\n0,0.25,7,v\n"
    found = read(text, label="a", scores=["b"], patient="c", case="d")
    assert list(found.scores) == ["b"]
    assert found.patients.tolist() == [0, 0]
    with pytest.raises(UnknownNameError, match='unknown score column "e"'):
        read(text, label="a", scores=["e"])


def test_scores_are_read_to_the_last_bit(read) -> None:
    values = [0.1 + 0.2, 1e-300, -1e300, 5e-324, float(np.nextafter(1, 2))]
    rows = "".join(f"{i % 2},{value!r}\n" for i, value in enumerate(values))
    assert read("y,s\n" + rows).scores["s"].tolist() == values


@pytest.mark.parametrize(
    "text",
    [
        "label;patient;s\n1;007;0,5\n0;7;0,25\n",
        "label;patient;s\n1;007;0.5\n0;7;0.25\n",
        "label\tpatient\ts\n1\t007\t0.5\n0\t7\t0.25\n",
        "label\tpatient\ts\n1\t007\t0,5\n0\t7\t0,25\n",
        '"label","patient","s"\n"1","007","0.5"\n"0","7","0.25"\n',
        "label , patient , s\r\n1 , 007 , 0.5\r\n0 , 7 , 0.25\r\n",
        "\ufefflabel,patient,s\n1,007,0.5\n0,7,0.25\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_separators_decimal_commas_and_encodings(read, text: str, encoding: str) -> None:
    found = read(text.lstrip("\ufeff").encode(encoding) if encoding == "utf-16" else text)
    assert found.labels.tolist() == [1, 0]
    assert found.scores["s"].tolist() == [0.5, 0.25]
    assert found.patients.tolist() in ([0, 1], [1, 0])  # "007" is not "7"


def test_an_old_encoding_is_read(read) -> None:
    found = read("label,Müller\n1,0.5\n0,0.25\n".encode("cp1252"))
    assert list(found.scores) == ["Müller"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("1", "0"), [1, 0]),
        (("true", "false"), [1, 0]),
        (("TRUE", "FALSE"), [1, 0]),
        (("fracture", "no fracture"), [1, 0]),
        (("0", "1"), [0, 1]),
        (("no fracture", "fracture"), [0, 1]),
        (("1.0", "0.0"), [1, 0]),
    ],
)
def test_the_positive_label_is_guessed_where_that_is_safe(read, words, expected) -> None:
    assert read(f"label,s\n{words[0]},1\n{words[1]},2\n").labels.tolist() == expected


def test_other_labels_ask_which_is_positive(read) -> None:
    text = "label,s\nbroken,1\nwhole,2\n"
    with pytest.raises(DataError, match="which is positive") as caught:
        read(text)
    assert "--positive" in str(caught.value.hint)
    found = read(text, positive="broken")
    assert found.labels.tolist() == [1, 0]
    assert 'positive is "broken", negative is "whole"' in found.notes
    with pytest.raises(UnknownNameError, match='unknown class "brokn"') as caught:
        read(text, positive="brokn")
    assert caught.value.hint == 'did you mean "broken"?'


BAD = {
    "no label": ("a,b\n1,2\n", "has no label column: it has"),
    "three classes": ("label,s\n0,1\n1,2\n2,3\n", 'has 3 classes instead of two: "0", "1", "2"'),
    "one class": ("label,s\n1,1\n1,2\n", "has one class instead of two"),
    "missing label": ("label,s\n1,1\n,2\n0,3\n", "has no label: line 3"),
    "missing score": ("label,s\n1,1\n0,\n1,2\n", '"s" are missing or not finite: line 3'),
    "infinite": ("label,s\n1,inf\n0,1\n1,-inf\n", "not finite: line 2, line 4"),
    "text score": ("label,s\n1,0.3\n0,high\n", "not finite: line 3"),
    "no rows": ("label,s\n", "has no rows"),
    "empty": ("", "is empty"),
    "no scores": ("label,case\n1,a\n0,b\n", "has no column of scores"),
    "twice": ("case,label,s\na,1,1\na,1,2\nb,0,1\n", 'case "a" stands twice: line 2, line 3'),
    "contradictory": ("case,label,s\na,1,1\nb,0,1\na,0,1\n", "with different labels"),
    "ragged": ("label,s\n1,2\n0,3,4,5\n", "can't be read as a table"),
    "doubled column": ("label,s,s\n1,2,3\n", 'columns of one name: "s"'),
    "no patient": ("label,patient,s\n1,a,2\n0,,3\n", "has no patient: line 3"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not a text file"),
}


BAD |= {
    "two labels": ("fracture,label,s\n1,0,3\n", 'several columns may be the label: "fracture"'),
    "blank line": ("label,s\n1,2\n\n0,3\n", "has no label: line 3"),
    "blank head": ("\nlabel,s\n1,2\n", "begins with a blank line"),
    "other separator": ("label|s\n1|2\n", "has no label column"),
    "open quote": ('label,s\n1,"2\n0,3\n', "can't be read as a table"),
}


def test_labels_that_look_like_missing_values_are_labels(read) -> None:
    found = read("label,patient,s\nfracture,NA,1\nNone,n/a,2\n", positive="fracture")
    assert found.labels.tolist() == [1, 0]
    assert found.patients.tolist() == [0, 1]


def test_blank_lines_at_the_end_are_no_rows(read) -> None:
    assert len(read("label,s\n1,2\n0,3\n\n\n").labels) == 2


def test_counts_of_rows_without_a_name_are_no_scores(read) -> None:
    found = read(",label,s\n0,1,0.5\n1,0,0.25\n")
    assert list(found.scores) == ["s"]
    assert 'taken as scores, for they hold numbers: "s"' in found.notes


def test_one_column_has_one_part(read) -> None:
    text = "case,label,s\na,1,2\nb,0,3\n"
    with pytest.raises(DataError, match="can't be scores"):
        read(text, scores=["label"])
    with pytest.raises(DataError, match="one column has two parts"):
        read(text, label="label", patient="label")
    assert read(text, label="label", patient="case").patients.tolist() == [0, 1]


def test_a_plain_file_with_the_name_of_an_archive_is_read(tmp_path: Path) -> None:
    file = tmp_path / "predictions.csv.gz"
    file.write_text("label,s\n1,2\n0,3\n")
    assert len(read_predictions(file).labels) == 2


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_get_one_clear_line_and_a_hint(read, kind: str) -> None:
    text, message = BAD[kind]
    with pytest.raises(DataError) as caught:
        read(text)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"can't read .*nothing\.csv"):
        read_predictions(tmp_path / "nothing.csv")


def test_many_bad_rows_are_counted(read) -> None:
    rows = "".join(f"{i % 2},\n" for i in range(5000)) + "1,2\n"
    with pytest.raises(DataError, match="line 2, line 3, line 4 and 4,997 more"):
        read("label,s\n" + rows)


def test_patients_of_both_classes_are_said(read) -> None:
    found = read("label,patient,s\n1,a,2\n0,a,3\n1,b,1\n")
    assert any(note.startswith("1 patients have cases of both") for note in found.notes)


def test_labels_read_elsewhere_as_booleans_or_numbers(read) -> None:
    found = read("label,vote\n1,True\n0,False\n")
    assert found.scores["vote"].tolist() == [1.0, 0.0]


STUDIES = "study,patient,label,net\ns1,a,1,0.2\ns2,a,0,0.5\ns1,a,1,0.4\ns3,b,0,0.1\n"


def test_scores_are_averaged_over_a_column_that_is_asked_for(read) -> None:
    found = read(STUDIES, unit="study")
    assert found.labels.tolist() == [1, 0, 0]
    assert found.scores["net"].tolist() == [pytest.approx(0.3), 0.5, 0.1]
    assert found.patients.tolist() == [0, 0, 1]
    assert 'scores are averaged over "study": 4 rows' in found.notes
    assert read(STUDIES, unit="patient").labels.tolist() == [1, 0]
    alike = read(STUDIES.replace("s3,b", "s2,b"), unit="study")
    assert alike.patients.tolist() == [0, 0, 1]


def test_names_of_studies_are_no_scores_even_where_they_are_numbers(read) -> None:
    text = STUDIES.replace("s1", "12").replace("s2", "7e3").replace("s3", "9")
    found = read(text)
    assert list(found.scores) == ["net"]
    assert len(found.labels) == 4
    assert 'not scores, left aside: "study"' in found.notes


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        (STUDIES, "series", "unknown unit column"),
        (STUDIES, "label", "two parts"),
        (STUDIES.replace("s3,b", ",b"), "study", "has no name: line 5"),
    ],
)
def test_units_that_can_not_be_are_refused(read, text: str, unit: str, words: str) -> None:
    with pytest.raises(TlbenchError, match=words):
        read(text, unit=unit)


def test_units_of_both_classes_are_said(read) -> None:
    found = read(STUDIES.replace("s1,a,1,0.4", "s1,a,0,0.4"), unit="study")
    assert found.labels.tolist() == [1, 0, 0]
    assert "1 of its units have cases of both classes and count as positive" in found.notes
