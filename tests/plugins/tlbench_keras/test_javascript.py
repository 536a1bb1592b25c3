from __future__ import annotations

import pytest

from tlbench.errors import WeightsError
from tlbench_keras.javascript import read_literal


def test_minified_data_becomes_plain_values() -> None:
    text = '{a:!0,b:!1,c:[.5,-.5e-3,-7,5.,0],$d_1:null,"e f":"x:{y",g:{},h:true}'
    assert read_literal(text) == {
        "a": True,
        "b": False,
        "c": [0.5, -0.0005, -7, 5.0, 0],
        "$d_1": None,
        "e f": "x:{y",
        "g": {},
        "h": True,
    }


def test_whole_numbers_stay_integers_as_shapes_need_them() -> None:
    values = read_literal("[1e3,2048,1E2,15e-1,1.0]")
    assert values == [1000, 2048, 100, 1.5, 1.0]
    assert [type(value) for value in values] == [int, int, int, float, float]


def test_numbers_keep_all_their_digits() -> None:
    assert read_literal("[.00461844007174174,-1.4470329237919228]") == [
        0.00461844007174174,
        -1.4470329237919228,
    ]


def test_reading_begins_where_it_is_told_and_ends_with_the_literal() -> None:
    assert read_literal('n.exports= {a:[1]},{}]},{},[1])(1)});alert("x")', 10) == {"a": [1]}


def test_words_that_are_keys_are_no_values() -> None:
    assert read_literal("{true:1,null:2,function:3}") == {"true": 1, "null": 2, "function": 3}


def test_escapes_in_strings_are_understood() -> None:
    assert read_literal(r'["a\"b\\","\u00e9"]') == ['a"b\\', "é"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{a:alert("x")}', "alert("),
        ("{a:require}", "require"),
        ("{a:undefined}", "undefined"),
        ("{a:NaN}", "NaN"),
        ("{a:-Infinity}", "-Infinity"),
        ("{a:1/0}", "/0"),
        ("{a:function(){}}", "function("),
        ("{a:()=>1}", "()=>1"),
        ("{a:`x`}", "`x`"),
        ("{a:'x'}", "'x'"),
        ("{[a]:1}", "a]:1"),
        ("{...b}", "...b"),
        ("{a:0x10}", "0x10"),
        ("{a:10n}", "10n"),
        ("{a:new Date}", "new Date"),
        ('{a:"unterminated}', '"unterminated'),
        ('{a:"two\nlines"}', '"two lines'),
        ("{a:!a}", "!a"),
        ("{a:/x/}", "/x/"),
        ("{a:1/*x*/}", "/*x*/"),
    ],
)
def test_whatever_is_not_data_is_refused_and_shown(text: str, named: str) -> None:
    with pytest.raises(WeightsError, match="not plain data") as caught:
        read_literal(text)
    assert named in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["{a:1,}", "[1,,2]", "{a 1}", "{a:1]", '{a:"\\x41"}', "{a:010}", "{a:1e999}", "{a:b:1}", "{1}"],
)
def test_malformed_literals_are_refused(text: str) -> None:
    with pytest.raises(WeightsError, match="not plain data"):
        read_literal(text)


@pytest.mark.parametrize("text", ["{a:[1,2", "{", '{a:"x"', "[1,"])
def test_a_literal_cut_short_says_so(text: str) -> None:
    with pytest.raises(WeightsError, match="ends before its last bracket"):
        read_literal(text)


@pytest.mark.parametrize("text", ["", "a()", '"text"', "1", "!0"])
def test_a_literal_begins_with_a_bracket(text: str) -> None:
    with pytest.raises(WeightsError, match="should begin"):
        read_literal(text)


def test_deep_nesting_is_refused_before_it_exhausts_the_stack() -> None:
    assert read_literal("[" * 64 + "]" * 64) is not None
    with pytest.raises(WeightsError, match="deeper than 64"):
        read_literal("[" * 100_000)
