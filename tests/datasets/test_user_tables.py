import builtins
import datetime
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from tlbench.datasets.classes import find_class, guess_positive
from tlbench.datasets.user_tables import (
    METADATA_WORDS,
    read_labels,
    read_partitions,
    read_user_table,
)
from tlbench.errors import DataError, UnknownNameError
from tlbench.specs import DatasetRequest

WORDS = ("path", "label", "patient", "study", "partition", "case", *METADATA_WORDS)


@pytest.fixture
def ask(tmp_path):
    def call(content, name="t.csv", **choices):
        path = tmp_path / name
        if isinstance(content, pa.Table):
            parquet.write_table(content, path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_user_table(DatasetRequest(tmp_path, manifest=path, **choices), "test", WORDS)

    return call


def refusal(call, error=DataError):
    with pytest.raises(error) as caught:
        call()
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("path,label", {"path": "path", "label": "label"}),
        ("File Name,Fracture", {"path": "File Name", "label": "Fracture"}),
        ("image;class;MRN;Gender", {"path": "image", "label": "class", "patient": "MRN",
                                    "sex": "Gender"}),
        ("path\tlabel\tfracture\tpatient", {"path": "path", "label": "label",
                                            "patient": "patient"}),
        ("path,label,split,case_id", {"path": "path", "label": "label"}),
        ("path,label,partition,case,view,laterality,age,sex,study", None),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_usual_names(ask, header, columns):
    separator = next(s for s in ",;\t" if s in header)
    names = header.split(separator)
    table = ask(f"{header}\n{separator.join('x' for _ in names)}\n")
    assert table.columns == (columns or {name: name for name in WORDS if name in names})


def test_the_users_word_goes_before_the_names(ask):
    table = ask(
        "label,broken,path,mrn\nx,1,a.png,p\n", columns={"label": "broken", "patient": "label"}
    )
    assert table.columns == {"path": "path", "label": "broken", "patient": "label"}
    (row,) = table.rows
    assert table.metadata(row) == {"mrn": "p"}
    assert table.cell(row, "study") == ""


def test_what_was_found_is_said(ask):
    said = []
    ask("file,label,age\na.png,1,7\n", say=said.append)
    assert len(said) == 1
    assert said[0].endswith('path from "file", label from "label", age from "age"')


@pytest.mark.parametrize(
    ("content", "columns", "error", "message"),
    [
        ("path,x\na,1\n", {}, DataError, 'has no column of labels; its columns are "path", "x"'),
        ("path,y,class\na,1,1\n", {}, DataError, 'may be the label: "y", "class"'),
        ("path,label,mrn,subject\na,1,1,1\n", {}, DataError, 'may be the patient: "mrn", "subj'),
        ("path,label\na,1\n", {"label": "labell"}, UnknownNameError, 'unknown column "labell"'),
        ("path,label\na,1\n", {"patiant": "path"}, UnknownNameError, 'column word "patiant"'),
        ("path,label\na,1\n", {"case": "path", "path": "path"}, DataError, '"path" is given two'),
        ("path,label,label\na,1,1\n", {}, DataError, 'has two columns "label"'),
        ("path,label\na,1\nb\n", {}, DataError, "line 3 of .* has 1 values instead of 2"),
        ("", {}, DataError, "has no rows"),
        (b"PK\3\4\xff", {}, DataError, "is not UTF-8 text"),
        (b"PAR1 and no more", {}, DataError, "can't be read as Parquet"),
    ],
)
def test_tables_that_leave_doubt_are_refused(ask, content, columns, error, message):
    caught = refusal(lambda: ask(content, columns=columns), error)
    assert re.search(message, caught.message)


def test_a_table_that_is_not_given_or_not_there_is_named(tmp_path):
    request = DatasetRequest(tmp_path)
    assert "--manifest FILE" in refusal(lambda: read_user_table(request, "test", WORDS)).hint
    request = DatasetRequest(tmp_path, manifest=tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"none\.csv.: no such file"):
        read_user_table(request, "test", WORDS)


# Labels and partitions


@pytest.mark.parametrize(
    ("labels", "positive", "expected"),
    [
        ("0 1 1", None, [0, 1, 1]),
        ("0.0 1.0", None, [0, 1]),
        ("1 1", None, [1, 1]),
        ("0 1", "0", [1, 0]),
        ("normal fracture", None, [0, 1]),
        ("True False", None, [1, 0]),
        ("a b", "b", [0, 1]),
        ("none fracture", None, [0, 1]),
        ("Wrist B", "b", [0, 1]),
        ("b B", "B", [0, 1]),
        ("2 1", "2", [1, 0]),
    ],
)
def test_labels_are_nought_and_one_or_two_words(ask, labels, positive, expected):
    table = ask("path,label\n" + "".join(f"x,{label}\n" for label in labels.split()))
    assert read_labels(table, positive) == expected


@pytest.mark.parametrize(
    ("labels", "positive", "message"),
    [
        ("0,1,maybe,0,1", None, '3 labels instead of 2; .*: "maybe" .line 4.'),
        ("0,1,,0,", None, "is empty in lines 4, 6"),
        ("1,nan,NaN,1,N/A", "1", "is empty in lines 3, 4, 6"),
        ("a,b", None, 'do not say which is positive: "a", "b"'),
        ("a,b", "c", 'there is no label "c" in'),
        ("fracture,fracture", "fracture", 'one label instead of two: "fracture"'),
        ("fracture,fractured", None, "do not say which is positive"),
        (",".join("abcdefgh"), "a", '8 labels instead of 2; .*: "a" .line 2., "b" .line 3., "c"'),
    ],
)
def test_odd_labels_are_refused_with_their_lines(ask, labels, positive, message):
    table = ask("path,label\n" + "".join(f"x,{label}\n" for label in labels.split(",")))
    caught = refusal(lambda: read_labels(table, positive))
    assert re.search(message, caught.message)


@given(st.lists(st.booleans(), min_size=2).filter(lambda labels: len(set(labels)) == 2))
def test_labels_keep_the_order_of_the_rows(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_text("label\n" + "".join("fracture\n" if y else "none\n" for y in labels))
    table = read_user_table(DatasetRequest(path.parent, manifest=path), "test", WORDS)
    assert read_labels(table, "fracture") == labels


def test_partitions_are_four_words_or_nothing(ask):
    words = ["train", "Validation", "test", "hold-out", ""]
    table = ask("label,partition\n" + "".join(f"1,{word}\n" for word in words))
    assert read_partitions(table) == ["train", "validation", "test", "hold-out", None]
    table = ask("label,partition\n1,train\n0,valid\n1,valid\n")
    caught = refusal(lambda: read_partitions(table))
    assert caught.message.startswith('"valid" is not a partition (lines 3, 4 of')
    assert "train, validation, test, hold-out" in caught.hint


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_at_most_one_of_two_names_is_positive(names):
    assert guess_positive(names) == guess_positive(names[::-1])
    assert find_class(names, names[0]) == names[0]


# Parquet


def test_parquet_says_the_same_as_csv(ask):
    plain = ask("path,label,age,patient,when\na.png,1,7,3,2020-01-02\nb.png,0,,4,\n")
    table = ask(
        pa.table(
            {
                "path": ["a.png", "b.png"],
                "label": pa.array([1.0, 0.0]),
                "age": pa.array([7.0, float("nan")]),
                "patient": pa.array([3, 4]),
                "when": pa.array([datetime.date(2020, 1, 2), None]),
            }
        ),
        "t.parquet",
    )
    assert [row.values for row in table.rows] == [row.values for row in plain.rows]
    assert table.columns == plain.columns
    assert read_labels(table, None) == read_labels(plain, None) == [1, 0]


def test_rows_of_parquet_are_counted_from_one(ask):
    table = ask(pa.table({"path": ["a", "b"], "label": ["1", None]}), "t.parquet")
    assert refusal(lambda: read_labels(table, None)).message.endswith("is empty in row 2")


def test_true_and_false_dictionaries_and_what_is_no_text(ask):
    said = []
    content = pa.table(
        {
            "path": pa.array(["a", "b"]).dictionary_encode(),
            "label": [True, False],
            "image": [{"bytes": b"\x89PNG"}, None],
            "boxes": [[1, 2], []],
            "raw": [b"x", b"y"],
        }
    )
    table = ask(content, "t.parquet", say=said.append)
    assert read_labels(table, None) == [1, 0]
    assert table.rows[0].values == {"path": "a", "label": "1"}
    assert '"image", "boxes", "raw"' in said[0]


def test_parquet_without_rows_or_with_doubled_columns_is_refused(ask):
    empty = pa.table({"path": pa.array([], pa.string()), "label": pa.array([], pa.int8())})
    assert "has no rows" in refusal(lambda: ask(empty, "t.parquet")).message
    doubled = pa.table([["a"], [1], [2]], names=["path", "label", "label"])
    assert 'two columns "label"' in refusal(lambda: ask(doubled, "t.parquet")).message


def test_parquet_without_pyarrow_says_what_to_install(ask, tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **more)

    parquet.write_table(pa.table({"path": ["a"], "label": [1]}), tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    monkeypatch.setattr(builtins, "__import__", missing)
    caught = refusal(lambda: ask(content, "t.parquet"))
    assert "read by pyarrow" in caught.message
    assert "pip install 'tlbench[parquet]'" in caught.hint
