from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.stats import (
    clustered_proportion,
    effective_sizes,
    effective_sizes_of_called,
    predictive_value,
    proportion,
)

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_at_the_prevalence_of_the_cases_it_is_what_is_counted(
    positives: tuple[int, int], negatives: tuple[int, int]
) -> None:
    (tp, m), (tn, n) = positives, negatives
    both = proportion(tp, m), proportion(tn, n)
    for positive, right, called in ((True, tp, tp + n - tn), (False, tn, tn + m - tp)):
        found = predictive_value(*both, m / (m + n), positive=positive)
        if called == 0:
            assert found.value is None
            assert "nobody is called" in str(found.note)
        else:
            assert found.value == pytest.approx(right / called)
            assert 0 <= found.low <= found.value <= found.high <= 1
            assert found.high > found.low


@given(counts, counts, st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_it_grows_with_the_prevalence(
    positives: tuple[int, int], negatives: tuple[int, int], one: float, other: float
) -> None:
    both = proportion(*positives), proportion(*negatives)
    low, high = (predictive_value(*both, p) for p in sorted((one, other)))
    if low.value is not None:
        for name in ("value", "low", "high"):
            assert getattr(low, name) <= getattr(high, name) + 1e-12


@pytest.mark.parametrize(("m", "n"), [(50, 50), (10, 90), (20, 20)])
@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.9, 0.88), (0.64, 0.68), (0.98, 0.97)])
def test_limits_cover_as_often_as_they_say(
    m: int, n: int, sensitivity: float, specificity: float
) -> None:
    rng = np.random.default_rng(0)
    truth = 0.1 * sensitivity / (0.1 * sensitivity + 0.9 * (1 - specificity))
    covered = []
    draws = rng.binomial(m, sensitivity, 1500), rng.binomial(n, specificity, 1500)
    for tp, tn in zip(*draws, strict=True):
        found = predictive_value(proportion(int(tp), m), proportion(int(tn), n), 0.1)
        covered.append(found.low <= truth <= found.high)
    assert 0.925 <= np.mean(covered) <= 0.985


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 2.0])
def test_a_prevalence_is_between_0_and_1(prevalence: float) -> None:
    with pytest.raises(ValueError, match="prevalence"):
        predictive_value(proportion(1, 2), proportion(1, 2), prevalence)


def test_both_classes_are_needed() -> None:
    with pytest.raises(ValueError, match="both classes"):
        predictive_value(proportion(0, 0), proportion(1, 2), 0.5)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_sizes_of_all_cut_offs_are_those_of_each(groups: list[int]) -> None:
    n = len(groups)
    sizes = effective_sizes(groups, n)
    for k in range(n + 1):
        found = clustered_proportion(np.arange(n) < k, groups)
        assert sizes[k] == pytest.approx(found.effective_n or n)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40))
def test_sizes_of_those_called_are_those_at_each_cut_off(cases: list[tuple[bool, int]]) -> None:
    hits, groups = np.array([hit for hit, _ in cases]), np.array([group for _, group in cases])
    sizes = effective_sizes_of_called(hits, groups)
    for m in range(len(cases) + 1):
        found = clustered_proportion(hits[:m], groups[:m])
        assert sizes[m] == pytest.approx(found.effective_n or m)


def test_sizes_want_a_group_a_case() -> None:
    with pytest.raises(ValueError, match="groups"):
        effective_sizes([1, 2], 3)
    with pytest.raises(ValueError, match="groups"):
        effective_sizes_of_called([True, False, True], [1, 2])
