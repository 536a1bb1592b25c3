"""Comparison of classifiers: degenerate pairs, multiplicity, groups, power."""

import math
from itertools import combinations

import numpy as np
import pytest

from tests.stats import oracle
from tlbench.stats import (
    benjamini_hochberg,
    cases_to_detect,
    compare_aucs,
    compare_unpaired,
    detectable_difference,
    hoeffding_limits,
    holm,
    indistinguishable,
    power_to_detect,
    variance_of_difference,
)

LABELS = np.array([0] * 25 + [1] * 25)
PERFECT = np.arange(50.0)


def noisy(seed, shift=1.0):
    return np.random.default_rng(seed).normal(size=50) + shift * LABELS


def test_identical_classifiers_differ_by_nothing():
    scores = noisy(1)
    (pair,) = compare_aucs(LABELS, {"a": scores, "b": 3 * scores + 1}).pairs
    assert (pair.difference, pair.p, pair.p_holm, pair.variance) == (0.0, 1.0, 1.0, 0.0)
    assert (pair.z, pair.method) == (None, "exact")
    assert "the difference too" in pair.note
    assert pair.low == pytest.approx(-pair.high)
    assert pair.low < 0.0


def test_a_difference_without_variance_gets_a_distribution_free_test():
    (pair,) = compare_aucs(LABELS, {"right": PERFECT, "wrong": -PERFECT}).pairs
    assert (pair.difference, pair.variance, pair.z, pair.method) == (1.0, 0.0, None, "exact")
    assert pair.p == pytest.approx(2 * 0.5**25)
    low, high = hoeffding_limits(1.0, 25, 0.95)
    assert (pair.low, pair.high) == (2 * low - 1, 2 * high - 1)
    assert "variance of the difference is 0" in pair.note
    (back,) = compare_aucs(LABELS, {"wrong": -PERFECT, "right": PERFECT}).pairs
    assert (back.difference, back.p) == (-1.0, pair.p)
    assert (back.low, back.high) == pytest.approx((-pair.high, -pair.low))


def test_an_undefined_variance_gets_a_distribution_free_test():
    labels = [1, 0, 0, 0]
    (pair,) = compare_aucs(labels, {"a": [3, 1, 2, 4], "b": [0, 1, 2, 4]}).pairs
    assert (pair.variance, pair.z, pair.method) == (None, None, "exact")
    assert "undefined" in pair.note
    assert pair.p == 1.0
    assert pair.low < pair.difference < pair.high


def test_exact_p_and_limits_agree_at_every_level():
    # p is below 1 - level exactly where the limits leave 0 out.
    pair = compare_aucs(LABELS, {"right": PERFECT, "same": np.zeros(50)}).pairs[0]
    assert (pair.method, pair.difference, pair.variance) == ("exact", 0.5, 0.0)
    for level in (0.5, 0.9, 0.95, 0.99, 0.999, 0.99999):
        found = compare_aucs(LABELS, {"right": PERFECT, "same": np.zeros(50)}, level=level).pairs[0]
        assert (found.low > 0.0) == (found.p < 1.0 - level)


@pytest.mark.parametrize(
    ("case", "a", "b"),
    [
        (name, pair["a"], pair["b"])
        for name in oracle.case_names()
        for pair in oracle.load_case(name)["expected"]["pairs"]
        if pair["exact"]["degenerate"]
    ]
    or [pytest.param("", "", "", marks=pytest.mark.skip(reason=f"no cases in {oracle.CASES}"))],
)
def test_degenerate_oracle_pairs_follow_the_policy(case, a, b):
    loaded = oracle.load_case(case)
    scores = {name: loaded["scores"][name] for name in (a, b)}
    (pair,) = compare_aucs(loaded["labels"], scores).pairs
    assert (pair.method, pair.z, pair.correlation) == ("exact", None, None)
    assert pair.note
    assert not pair.variance
    assert pair.low < pair.high
    assert (pair.p == 1.0) or pair.difference != 0.0
    (unpaired,) = [compare_unpaired(*((loaded["labels"], row) for row in scores.values()))]
    assert not math.isnan(unpaired.p)
    assert unpaired.low < unpaired.high


def test_t_reference_of_a_clustered_pair():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(16), 3)
    labels = groups % 2
    scores = {name: rng.normal(size=16)[groups] + rng.normal(size=48) + labels for name in "ab"}
    (auto,) = compare_aucs(labels, scores, groups=groups).pairs
    (normal,) = compare_aucs(labels, scores, groups=groups, reference="normal").pairs
    assert auto.method == normal.method == "obuchowski"
    assert auto.df is not None
    assert normal.df is None
    assert auto.z == normal.z
    assert auto.p > normal.p
    assert auto.high - auto.low > normal.high - normal.low
    assert auto.detectable > normal.detectable
    assert power_to_detect(auto.detectable, auto.variance, df=auto.df) == pytest.approx(0.8)


def test_comparison_ranks_and_adjusts():
    scores = {"c": noisy(3, 0.5), "a": noisy(4, 3.0), "b": noisy(5, 1.2)}
    found = compare_aucs(LABELS, scores)
    assert found.names == ("a", "b", "c")
    assert [(p.a, p.b) for p in found.pairs] == [("c", "a"), ("c", "b"), ("a", "b")]
    assert [p.p_holm for p in found.pairs] == holm([p.p for p in found.pairs])
    assert [p.p_bh for p in found.pairs] == benjamini_hochberg([p.p for p in found.pairs])
    apart = {(p.a, p.b) for p in found.pairs if p.p_holm < 0.05}
    assert 0 < len(apart) < 3
    assert found.groups == tuple(indistinguishable(found.names, apart))


def test_one_classifier_is_a_comparison_without_pairs():
    found = compare_aucs(LABELS, {"only": noisy(6)})
    assert (found.pairs, found.groups) == ((), (("only",),))


P_VALUES = [
    [0.01],
    [0.5, 0.5],
    [0.04, 0.01, 0.03, 0.2],
    [0.0, 1.0, 1.0, 1e-300],
    list(np.random.default_rng(7).random(40) ** 3),
]


@pytest.mark.parametrize("p", P_VALUES)
@pytest.mark.parametrize(("adjust", "name"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
def test_adjusted_p_are_statsmodels(p, adjust, name):
    from statsmodels.stats.multitest import multipletests

    assert adjust(p) == pytest.approx(multipletests(p, method=name)[1].tolist(), rel=1e-13)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_missing_p_are_left_out(adjust):
    there = adjust([0.04, 0.01])
    assert adjust([None, 0.04, None, 0.01]) == [None, there[0], None, there[1]]
    assert adjust([]) == []


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_p_outside_0_and_1_are_refused(p):
    with pytest.raises(ValueError, match=r"p\[1\] is"):
        holm([0.5, p])


@pytest.mark.parametrize(
    ("names", "different", "sets"),
    [
        ("", [], []),
        ("a", [], ["a"]),
        ("abc", [], ["abc"]),
        ("abc", ["ac"], ["ab", "bc"]),
        ("abc", ["ab", "ac", "bc"], ["a", "b", "c"]),
        ("abcd", ["ac", "ad", "bd"], ["ab", "bc", "cd"]),
        ("abcd", ["ac", "bd"], ["ab", "ad", "bc", "cd"]),
    ],
)
def test_groups_that_cannot_be_told_apart(names, different, sets):
    assert indistinguishable(names, [tuple(pair) for pair in different]) == [tuple(s) for s in sets]


def test_groups_are_all_maximal_sets():
    rng = np.random.default_rng(8)
    names = "abcdefgh"
    for _ in range(50):
        different = {pair for pair in combinations(names, 2) if rng.random() < 0.4}
        free = [
            set(members)
            for size in range(1, 9)
            for members in combinations(names, size)
            if not different & set(combinations(members, 2))
        ]
        wanted = {tuple(sorted(s)) for s in free if not any(s < other for other in free)}
        assert set(indistinguishable(names, different)) == wanted


def test_unknown_and_repeated_names_are_refused():
    with pytest.raises(ValueError, match="not listed"):
        indistinguishable("ab", [("a", "z")])
    with pytest.raises(ValueError, match="occur twice"):
        indistinguishable("aa", [])


def test_unpaired_is_symmetric_and_wider_than_paired():
    one, two = noisy(9), noisy(9) + 0.3 * noisy(10)
    paired = compare_aucs(LABELS, {"a": one, "b": two}).pairs[0]
    there = compare_unpaired((LABELS, one), (LABELS, two))
    back = compare_unpaired((LABELS, two), (LABELS, one))
    assert there.variance > paired.variance
    assert there.n_groups == 100
    assert (there.z, there.p, there.df) == (-back.z, back.p, back.df)


def test_detectable_difference_is_found_with_its_power():
    for power in (0.5, 0.8, 0.95):
        for level in (0.9, 0.95):
            found = detectable_difference(0.003, level=level, power=power)
            assert power_to_detect(found, 0.003, level=level) == pytest.approx(power, rel=1e-12)
    assert detectable_difference(0.0025) == pytest.approx(0.05 * 2.801585218, rel=1e-9)


def test_pair_carries_its_detectable_difference():
    (pair,) = compare_aucs(LABELS, {"a": noisy(11), "b": noisy(12)}).pairs
    assert pair.detectable == detectable_difference(pair.variance)
    alone = compare_aucs(LABELS, {"a": noisy(11), "b": noisy(12)}).covariance.matrix
    again = variance_of_difference(alone[0, 0], alone[1, 1], pair.correlation)
    assert again == pytest.approx(pair.variance, rel=1e-10)


def test_cases_needed_bring_the_power():
    needed = cases_to_detect(0.05, 0.0025, 100)
    assert power_to_detect(0.05, 0.0025 * 100 / needed) >= 0.8
    assert power_to_detect(0.05, 0.0025 * 100 / (needed - 1)) < 0.8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: detectable_difference(-1.0), "variance must be finite"),
        (lambda: detectable_difference(float("nan")), "variance must be finite"),
        (lambda: detectable_difference(1.0, power=1.0), "power must lie"),
        (lambda: power_to_detect(0.1, 0.0), "variance is 0"),
        (lambda: cases_to_detect(0.0, 1.0, 10), "difference is 0"),
        (lambda: cases_to_detect(0.1, 1.0, 0), "n must be at least 1"),
        (lambda: variance_of_difference(1.0, 1.0, 1.5), "correlation"),
    ],
)
def test_power_refuses_what_has_none(call, message):
    with pytest.raises(ValueError, match=message):
        call()
