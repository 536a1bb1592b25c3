"""The table of `make bench`: which limits decide, and that nothing unmeasured goes unnoticed."""

from __future__ import annotations

import pytest

from tests.benchmarks.rounds import Measured
from tests.benchmarks.rows import make_rows
from tests.benchmarks.table import COLUMNS, Row, any_missed, as_markdown, as_text


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (Row("a", [1, 3, 2], least=2), False),
        (Row("a", [1, 3, 2], least=2.1), True),
        (Row("a", [1, 3, 2], most=2), False),
        (Row("a", [1, 3, 2], most=1.9), True),
        (Row("a", [9]), False),
        (Row("a", problem="no"), True),
        (Row("a", problem="no", optional=True), False),
    ],
)
def test_medians_are_held_to_limits(row: Row, missed: bool) -> None:
    assert row.missed is missed
    assert any_missed([Row("b", [1]), row]) is missed


def test_rows_show_median_range_limit_and_verdict() -> None:
    row = Row("peak", [710.4, 699.6, 690], most=700, unit="MB", digits=0)
    assert row.cells() == ("peak", "700 MB", "690–710", "at most 700", "kept")
    assert Row("x", problem="why").cells()[1:3] == ("not measured", "why")


def test_a_failed_measurement_leaves_every_row_in_place() -> None:
    found = Measured(problems={"int8": "not | here"})
    for precision in ("bfloat16", "float32"):
        cells = [row.cells() for row in make_rows(found, precision)]
        assert any_missed(make_rows(found, precision))
        assert any("plain Keras" in line and "int8" in line for line, *_ in cells)
        lines = as_markdown(COLUMNS, cells)
        assert {line.count("|") for line in lines} == {len(COLUMNS) + 1}
        assert len(as_text(COLUMNS, cells)) == len(cells) + 1
