from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.datasets.cohorts import draw_cohort
from tlbench.errors import DataError
from tlbench.specs import CohortRule, Radiograph


def people(count: int, *labels: int, prefix: str = "p") -> list[Radiograph]:
    """So many patients, each with radiographs of these labels."""
    return [
        Radiograph(f"{prefix}{i}-{j}", Path("x.png"), label, f"{prefix}{i}")
        for i in range(count)
        for j, label in enumerate(labels)
    ]


def rule(positives: int, negatives: int, seed: int = 0) -> CohortRule:
    return CohortRule(positives, negatives, "a cohort", seed=seed)


MANY = people(40, 1, prefix="a") + people(40, 0, 0, prefix="b") + people(20, 0, 1, prefix="c")


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99), st.randoms())
def test_numbers_are_exact_patients_whole_and_order_without_effect(
    positives, negatives, seed, random
) -> None:
    drawn = draw_cohort(MANY, "k", rule(positives, negatives, seed))
    assert Counter(r.label for r in drawn) == {1: positives, 0: negatives}
    patients = {r.patient for r in drawn}
    assert [r for r in MANY if r.patient in patients] == drawn
    shuffled = random.sample(MANY, len(MANY))
    again = draw_cohort(shuffled, "k", rule(positives, negatives, seed))
    assert {r.case for r in again} == {r.case for r in drawn}


def test_name_and_seed_make_another_cohort() -> None:
    first = draw_cohort(MANY, "k", rule(20, 20))
    assert draw_cohort(MANY, "k", rule(20, 20)) == first
    assert draw_cohort(MANY, "other", rule(20, 20)) != first
    assert draw_cohort(MANY, "k", rule(20, 20, seed=1)) != first


def test_a_patient_who_is_left_out_moves_few_others() -> None:
    first = draw_cohort(MANY, "k", rule(20, 20))
    gone = first[0].patient
    second = draw_cohort([r for r in MANY if r.patient != gone], "k", rule(20, 20))
    assert len({r.case for r in second} - {r.case for r in first}) <= 4


def test_radiographs_without_patients_stand_for_themselves_and_studies_stay_whole() -> None:
    rows = [Radiograph(f"{i}", Path("x"), i % 2) for i in range(20)]
    assert len(draw_cohort(rows, "k", rule(3, 4))) == 7
    rows = [Radiograph(f"{i}", Path("x"), 1, study=f"{i // 2}") for i in range(20)]
    rows += [Radiograph(f"n{i}", Path("x"), 0) for i in range(9)]
    drawn = draw_cohort(rows, "k", rule(6, 4))
    assert set(Counter(r.study for r in drawn if r.study).values()) == {2}


@pytest.mark.parametrize(
    ("positives", "negatives"), [(61, 10), (10, 101), (60, 1), (1000, 1000), (59, 99)]
)
def test_a_cohort_that_can_not_be_drawn_says_what_there_is(positives, negatives) -> None:
    if (positives, negatives) == (59, 99):  # patients of two negatives each leave no odd number
        rows = people(60, 1) + people(60, 0, 0, prefix="b")
    else:
        rows = MANY
    with pytest.raises(DataError) as caught:
        draw_cohort(rows, "k", rule(positives, negatives))
    assert f"takes {positives:,} positive and {negatives:,} negative" in caught.value.message
    assert f"there are 60 and {'120' if rows is not MANY else '100'}" in caught.value.message
    assert caught.value.message.isprintable()
