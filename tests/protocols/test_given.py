"""Partitions that a data set gives, drawn at random: obeyed whatever they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tlbench.errors import TlbenchError
from tlbench.protocols.given import take_partitions
from tlbench.protocols.partition import PARTITIONS, straddling
from tlbench.protocols.shipped import PAPER2018

rows = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 1), st.integers(0, 1)), min_size=80, max_size=250
)
offered = st.lists(st.sampled_from(PARTITIONS), min_size=1, max_size=4, unique=True)


@settings(max_examples=100)
@given(rows, offered, st.integers(0, 3), st.integers(0, 30), st.randoms(use_true_random=False))
def test_what_is_given_is_obeyed_and_whole_patients_are_drawn(
    rows: list[tuple[int, int, int]], names: list[str], seed: int, torn: int, random
) -> None:
    groups, study, labels = np.array(rows).T
    of_patient = {group: random.choice(names) for group in range(61)}
    asked = [of_patient[group] for group in groups]
    for _ in range(torn % 4):  # a few radiographs elsewhere than their patients
        asked[random.randrange(len(asked))] = random.choice(names)
    try:
        parts = take_partitions(asked, labels, groups, groups * 2 + study, PAPER2018, seed, "study")
    except TlbenchError:
        return
    found = np.array(PARTITIONS)[parts.of]
    renamed = {"test": "hold-out"} if "hold-out" not in asked else {}
    for name in set(asked) - {"train"}:
        assert set(found[np.array(asked) == name]) == {renamed.get(name, name)}
    straddlers = straddling(groups, asked)
    for group in np.unique(groups):
        mine = (groups == group) & (np.array(asked) == "train")
        assert len(set(found[mine])) <= 1
        if group in straddlers:
            assert set(found[mine]) <= {"train"}
    for name in ("train", "validation", "hold-out"):
        assert set(labels[found == name]) == {0, 1}
    assert "given" in parts.note or "gives" in parts.note
    again = take_partitions(asked, labels, groups, groups * 2 + study, PAPER2018, seed, "study")
    assert np.array_equal(again.of, parts.of)
