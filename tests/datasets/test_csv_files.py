import pytest

from tlbench.datasets.csv_files import index_rows, read_label, read_list, read_table
from tlbench.errors import DataError


@pytest.fixture
def table(tmp_path):
    def write(content):
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_byte_order_marks_spaces_and_empty_lines_do_not_matter(table, end, mark):
    path = table(mark + end.join(["id, label", " a ,1", "", ",", '"b,c",0', ""]))
    rows = read_table(path, ("id", "label"))
    assert [row.values for row in rows] == [
        {"id": "a", "label": "1"},
        {"id": "b,c", "label": "0"},
    ]


def test_rows_know_their_lines(table):
    rows = read_table(table("id\na\n\nb\n"), ("id",))
    assert [row.line for row in rows] == [2, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows"),
        (b"id,label\n", "has no rows"),
        (b"id;label\na;1\n", 'has no column "id"; its columns are id;label'),
        (b"id,label,id\na,1,b\n", 'has two columns "id"'),
        (b"id,label\na\n", "line 2 of .* has 1 values instead of 2"),
        (b"id,label\na,1,2\n", "line 2 of .* has 3 values"),
        ("id,label\nä,1\n".encode("latin-1"), "is not UTF-8 text"),
        ("id,label\na,1\n".encode("utf-16"), "is not UTF-8 text"),
        (b'id,label\n"a,1\n', "can't be read"),
        (b"id,label\n" + b"a" * 200_000 + b",1\n", "can't be read"),
    ],
)
def test_what_is_not_a_table_is_refused(table, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_table(table(content), ("id", "label"))
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv.: no such file"):
        read_table(tmp_path / "none.csv", ("id",))


def test_names_that_repeat_or_are_missing_are_refused(table):
    path = table("id,label\na,1\nb,0\na,0\n")
    with pytest.raises(DataError, match=r'"a" occurs twice in .*, on lines 2 and 4'):
        index_rows(path, read_table(path, ("id",)), "id")
    path = table("id,label\n,1\n")
    with pytest.raises(DataError, match=r"line 2 of .* has no id"):
        index_rows(path, read_table(path, ("id",)), "id")


@pytest.mark.parametrize("text", ["", "2", "yes", "1.0", "-1"])
def test_labels_are_nought_or_one(table, text):
    path = table(f"id,label\na,{text}\n")
    with pytest.raises(DataError, match=r'line 2 of .* in column "label"'):
        read_label(path, read_table(path, ("id",))[0], "label")


def test_a_list_is_a_column_of_a_table_or_lines(table):
    assert read_list(table("a\n\n b,c \r\nd"), "case") == ["a", "b,c", "d"]
    assert read_list(table('reason,case\n"x,y",a\nz,\n,b\n'), "case") == ["a", "b"]
    assert read_list(table("case\na\n"), "case") == ["a"]
    assert read_list(table("\n case , reason\n"), "case") == []
    assert read_list(table(""), "case") == []
    with pytest.raises(DataError, match="line 2"):
        read_list(table("case,reason\na\n"), "case")
