from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tlbench.patients import take_patients

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 9)), min_size=1, max_size=60)


@given(ROWS, st.tuples(st.integers(0, 8), st.integers(0, 8)), st.randoms())
def test_whole_patients_are_taken_until_the_numbers_are_exact(rows, wanted, random) -> None:
    labels = np.array([label for label, _ in rows])
    groups = np.array([group for _, group in rows])
    order = list({int(group) for group in groups})
    random.shuffle(order)
    taken = take_patients(labels, groups, np.array(order), wanted)
    if taken is None:
        return
    assert tuple(np.bincount(labels[taken], minlength=2)) == wanted
    assert not set(groups[taken]) & set(groups[~taken])


def test_patients_that_no_longer_fit_are_passed_over() -> None:
    labels = np.array([0, 0, 1, 1, 0, 1])
    groups = np.array([7, 7, 8, 8, 9, 9])
    assert (
        take_patients(labels, groups, np.array([7, 8, 9]), (2, 2)).tolist()
        == [True] * 4 + [False] * 2
    )
    assert (
        take_patients(labels, groups, np.array([9, 8, 7]), (1, 1)).tolist()
        == [False] * 4 + [True] * 2
    )
    assert take_patients(labels, groups, np.array([7, 8, 9]), (1, 2)) is None
