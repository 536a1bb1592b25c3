"""The tables of `tlbench data check` and `tlbench data show`."""

from __future__ import annotations

from tlbench.datasets.check import Finding
from tlbench.datasets.counts import Count
from tlbench.report.data_sets import COUNT_COLUMNS, FINDING_COLUMNS, count_rows, finding_rows


def test_a_finding_ends_in_its_first_names_or_its_reason() -> None:
    names = [f"{number}.png" for number in range(1200)]
    rows = finding_rows(
        [
            Finding("images in the table", 4000, 2800, "missing", names),
            Finding("found by tlbench", None, None, "refused", reason="it says why"),
        ]
    )
    assert rows == [
        (
            *("images in the table", "4,000", "2,800", "missing"),
            '"0.png", "1.png", "2.png" and 1,197 more',
        ),
        ("found by tlbench", "–", "–", "refused", "it says why"),
    ]
    assert {len(row) for row in rows} == {len(FINDING_COLUMNS)}


def test_a_word_stands_before_the_first_of_its_values() -> None:
    rows = count_rows(
        [
            Count("all", "", 1200, 500, None),
            Count("view", "AP", 700, 300, 600),
            Count("view", "lateral", 500, 200, 400),
        ]
    )
    assert rows == [
        ("all", "", "1,200", "500", "700", "–"),
        ("view", "AP", "700", "300", "400", "600"),
        ("", "lateral", "500", "200", "300", "400"),
    ]
    assert {len(row) for row in rows} == {len(COUNT_COLUMNS)}
