"""Which cases are shown follows from scores, labels and cut-off alone."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tlbench.report.page.gallery import Judged, disagreements

SCORES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.75, 1.0])
CASES = st.lists(st.tuples(st.integers(0, 1), SCORES, SCORES, SCORES), min_size=1, max_size=12)
CUTOFFS = st.sampled_from([0.0, 0.25, 0.4, 0.5, 0.8, 1.0, math.inf])


def judged(cases: list[tuple[int, float, float, float]], which: int, cutoff: float) -> Judged:
    columns = list(zip(*cases, strict=True))
    return Judged(f"net {which}", np.array(columns[0]), np.array(columns[1 + which]), cutoff)


@given(CASES, CUTOFFS)
def test_each_kind_holds_what_it_says_in_its_order(cases, cutoff: float) -> None:
    found = judged(cases, 0, cutoff)
    missed = [i for i, (label, score, *_) in enumerate(cases) if label == 1 and score < cutoff]
    alarms = [i for i, (label, score, *_) in enumerate(cases) if label == 0 and score >= cutoff]
    hits = [i for i, (label, score, *_) in enumerate(cases) if label == 1 and score >= cutoff]
    assert found.false_negatives() == sorted(missed, key=lambda i: (cases[i][1], i))
    assert found.false_positives() == sorted(alarms, key=lambda i: (-cases[i][1], i))
    assert found.true_positives() == sorted(hits, key=lambda i: (-cases[i][1], i))
    near = sorted(range(len(cases)), key=lambda i: (abs(cases[i][1] - cutoff), i))
    assert found.closest_calls() == (near if math.isfinite(cutoff) else [])
    names = {"false negative": missed, "false positive": alarms, "true positive": hits}
    for row in range(len(cases)):
        assert row in names.get(found.outcome(row), [row])
    assert sum(found.outcome(row) != "true negative" for row in range(len(cases))) == len(
        missed + alarms + hits
    )


@given(CASES, st.tuples(CUTOFFS, CUTOFFS, CUTOFFS))
def test_disagreements_are_where_some_are_right_and_some_wrong(cases, cutoffs) -> None:
    all_of_them = [judged(cases, which, cutoff) for which, cutoff in enumerate(cutoffs)]
    rows = disagreements(all_of_them)
    right = [
        sum((case[1 + which] >= cutoffs[which]) == (case[0] == 1) for which in range(3))
        for case in cases
    ]
    assert sorted(rows) == [i for i, count in enumerate(right) if 0 < count < 3]


def test_even_splits_come_first_then_those_that_rank_most_differently() -> None:
    labels = np.array([1, 1, 1, 1])
    nets = [
        Judged("a", labels, np.array([0.9, 0.9, 0.8, 0.1]), 0.5),
        Judged("b", labels, np.array([0.9, 0.9, 0.4, 0.1]), 0.5),
        Judged("c", labels, np.array([0.9, 0.3, 0.1, 0.1]), 0.5),
        Judged("d", labels, np.array([0.2, 0.2, 0.1, 0.9]), 0.5),
    ]
    # Right about each: three, two, one, one.
    assert disagreements(nets) == [1, 3, 0, 2]
