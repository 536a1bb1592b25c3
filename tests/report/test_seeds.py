"""The tables of several seeds."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from tests.report.test_rows import RECORD
from tlbench.report.seeds import run_sheets
from tlbench.report.sheets import stacked


def with_seed(seed: int, auc: float, *warnings: str) -> dict[str, Any]:
    record = deepcopy(RECORD) | {"seed": seed}
    record["auc"]["value"] = auc
    record["warnings"] = [*RECORD["warnings"], *warnings]
    return record


RECORDS = [
    with_seed(0, 0.9, "not settled: 14%"),
    with_seed(1, 0.8),
    with_seed(2, 0.85, "not settled: 13%"),
]


def test_each_seed_has_its_own_interval_and_the_spread_has_none() -> None:
    seeds, spread = run_sheets(RECORDS)
    assert "paper2018, seeds 0 to 2: hold-out of 60" in seeds.title
    assert [stacked(row[2]) for row in seeds.rows] == [
        "0.900\n0.810–0.960", "0.800\n0.810–0.960", "0.850\n0.810–0.960",
    ]  # fmt: skip
    assert [row[0] for row in seeds.rows] == ["net\nimagenet", "", ""]
    assert [tuple(map(stacked, row)) for row in spread.rows] == [
        ("net\nimagenet", "AUC", "0.850", "0.050", "0.800", "0.900"),
        ("", "Sensitivity", "0.800", "0.000", "0.800", "0.800"),
        ("", "Specificity", "0.700", "0.000", "0.700", "0.700"),
    ]


def test_warnings_name_the_seeds_that_have_them() -> None:
    seeds, _ = run_sheets(RECORDS)
    assert [note for note in seeds.notes if note.startswith("Warning")] == [
        "Warning: synthetic data: the figures say nothing about patients.",
        "Warning: net seeds 0 and 2: not settled.",
    ]


def test_one_seed_of_several_backbones_is_one_table() -> None:
    other = RECORD | {"backbone": "other"}
    (sheet,) = run_sheets([RECORD, other])
    assert len(sheet.rows) == 4


def test_a_rate_that_does_not_exist_is_left_out_of_the_spread() -> None:
    lost = with_seed(3, 0.7)
    lost["operating_point"]["sensitivity"]["value"] = None
    _, spread = run_sheets([lost, with_seed(4, 0.7)])
    assert tuple(map(stacked, spread.rows[1][2:])) == ("0.800", "–", "0.800", "0.800")
