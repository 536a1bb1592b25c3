from __future__ import annotations

import statistics
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.stats import collect_units

rows = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(-5, 5), st.floats(-1e6, 1e6, allow_nan=False, width=64)
    ),
    min_size=1,
    max_size=60,
)


@given(rows, st.randoms(use_true_random=False))
def test_units_have_the_mean_of_their_scores_in_whatever_order(
    rows: list[tuple[int, int, float]], random
) -> None:
    expected = defaultdict(list)
    for label, name, score in rows:
        expected[name].append((label, score))
    for _ in range(2):
        labels, names, scores = zip(*rows, strict=True)
        units = collect_units(labels, names)
        assert [names[first] for first in units.first] == sorted(expected)
        assert all(
            names[units.first[place]] == name for place, name in zip(units.of, names, strict=True)
        )
        groups = [expected[name] for name in sorted(expected)]
        assert units.labels.tolist() == [max(label for label, _ in group) for group in groups]
        means = [statistics.fmean(score for _, score in group) for group in groups]
        assert units.average(scores).tolist() == means
        random.shuffle(rows)


def test_units_of_one_row_keep_their_scores_to_the_last_bit() -> None:
    scores = np.random.default_rng(0).random(1000)
    names = np.arange(1000)
    units = collect_units(np.ones(1000), names)
    assert np.array_equal(units.average(scores), scores)
    assert np.array_equal(units.first, names)


def test_names_may_be_text_and_there_may_be_none() -> None:
    units = collect_units([0, 1, 0], ["b", "a", "b"])
    assert units.labels.tolist() == [1, 0]
    assert units.average([1.0, 2.0, 2.0]).tolist() == [2.0, 1.5]
    assert collect_units([], []).average(np.empty(0)).tolist() == []


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        collect_units([0, 1], [1, 1]).average([0.5, np.nan])


def test_rows_without_a_unit_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length: 3 and 2"):
        collect_units([0, 1, 0], [1, 1])
