"""Proportions, operating points, McNemar's tests and the bootstrap of a cut-off."""

import math

import numpy as np
import pytest

from tlbench.stats import (
    bootstrap_cutoff,
    choose_cutoff,
    clustered_proportion,
    compare_at_cutoffs,
    likelihood_ratio,
    mcnemar,
    operating_point,
    proportion,
)

LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
SCORES = [1, 2, 3, 5, 4, 6, 7, 8]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize(("method", "name"), [("wilson", "wilson"), ("clopper-pearson", "beta")])
def test_proportions_are_statsmodels(method, name, level):
    from statsmodels.stats.proportion import proportion_confint

    for n in (1, 2, 7, 50, 1000):
        for k in {0, 1, n // 3, n - 1, n}:
            found = proportion(k, n, level=level, method=method)
            low, high = proportion_confint(k, n, alpha=1 - level, method=name)
            assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-12)
            assert found.low <= found.value <= found.high


def test_nothing_of_nothing_is_undefined():
    found = proportion(0, 0)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.note


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match="0 <= k <= n"):
        proportion(k, n)


def test_clustered_proportion_of_single_cases_is_the_plain_one():
    assert clustered_proportion([True, False, True], ["x", "y", "z"]) == proportion(2, 3)


def test_cases_that_always_agree_count_as_one():
    hits = np.repeat([True, True, False, True, False], 4)
    found = clustered_proportion(hits, np.repeat(np.arange(5), 4))
    # c / (c - 1) of the ratio estimator: four independent cases' worth for five patients.
    assert found.effective_n == pytest.approx(4.0)
    plain = proportion(12, 20)
    assert found.value == plain.value
    assert found.low < plain.low
    assert found.high > plain.high
    assert found.method == "wilson, Rao-Scott"


def test_design_effect_is_never_below_one():
    hits = np.tile([True, False], 10)
    assert clustered_proportion(hits, np.repeat(np.arange(10), 2)).effective_n == 20.0


@pytest.mark.parametrize("all_hit", [True, False])
def test_proportions_of_0_and_1_count_patients(all_hit):
    found = clustered_proportion([all_hit] * 12, [0, 1, 2] * 4)
    plain = proportion(3 * all_hit, 3)
    assert (found.low, found.high) == (plain.low, plain.high)
    assert clustered_proportion([], []).value is None


def test_operating_point_by_hand():
    point = operating_point(LABELS, SCORES, 5)
    assert (point.tp, point.fn, point.fp, point.tn) == (3, 1, 1, 3)
    assert (point.sensitivity.value, point.ppv.value, point.accuracy.value) == (0.75, 0.75, 0.75)
    assert point.lr_positive.value == pytest.approx(3.0)
    assert point.lr_negative.value == pytest.approx(1 / 3)


def test_operating_point_allows_for_patients():
    groups = [1, 1, 2, 2, 3, 3, 4, 4]
    plain = operating_point(LABELS, SCORES, 2.5)
    found = operating_point(LABELS, SCORES, 2.5, groups=groups, interval="clopper-pearson")
    assert found.specificity.method == "clopper-pearson, Rao-Scott"
    assert found.specificity.value == plain.specificity.value == 0.5
    assert found.specificity.effective_n == pytest.approx(1.0)
    assert found.ppv.n == plain.ppv.n == 6


def test_infinite_cutoff_calls_nobody_positive():
    point = operating_point(LABELS, SCORES, math.inf)
    assert (point.tp, point.fp) == (0, 0)
    assert (point.ppv.value, point.ppv.n) == (None, 0)
    assert point.lr_positive.value is None
    assert point.lr_negative.value == 1.0


def test_nobody_positive_can_be_the_best_cutoff():
    chosen = choose_cutoff([1, 0], [1, 2])
    assert (chosen.value, chosen.optimal) == (1.0, (1.0, math.inf))
    assert chosen.note is None
    chosen = choose_cutoff([1, 0, 0], [1, 2, 1], "specificity=1")
    assert chosen.value == math.inf
    assert "nobody" in chosen.note


def test_one_class_has_an_operating_point_without_the_other():
    point = operating_point([1, 1, 1], [1, 2, 3], 2)
    assert point.sensitivity.k == 2
    assert point.specificity.value is None
    assert point.lr_positive.note == "one class only: undefined"


def test_likelihood_ratio_by_the_log_method():
    found = likelihood_ratio(90, 10, 12, 88, positive=True)
    assert found.value == pytest.approx(7.5)
    reach = 1.959963984540054 * math.sqrt(1 / 90 - 1 / 100 + 1 / 12 - 1 / 100)
    assert (found.low, found.high) == pytest.approx((7.5 * math.exp(-reach), 7.5 * math.exp(reach)))
    assert likelihood_ratio(0, 5, 1, 4, positive=True).value == 0.0
    assert likelihood_ratio(0, 5, 1, 4, positive=True).low is None
    assert "infinite" in likelihood_ratio(5, 0, 0, 5, positive=True).note
    assert "0 / 0" in likelihood_ratio(0, 5, 0, 5, positive=True).note


@pytest.mark.parametrize(("only_a", "only_b"), [(1, 0), (5, 3), (30, 10), (0, 12), (200, 250)])
def test_mcnemar_is_statsmodels(only_a, only_b):
    from statsmodels.stats.contingency_tables import mcnemar as reference

    right_a = [True] * 7 + [True] * only_a + [False] * only_b + [False] * 4
    right_b = [True] * 7 + [False] * only_a + [True] * only_b + [False] * 4
    found = mcnemar(right_a, right_b)
    table = [[7, only_a], [only_b, 4]]
    assert [[found.both, found.only_a], [found.only_b, found.neither]] == table
    plain = reference(table, exact=False, correction=False)
    corrected = reference(table, exact=False, correction=True)
    assert (found.chi2, found.p_chi2) == pytest.approx((plain.statistic, plain.pvalue), rel=1e-10)
    assert found.chi2_corrected == pytest.approx(corrected.statistic)
    assert found.p_chi2_corrected == pytest.approx(corrected.pvalue, rel=1e-10)
    assert found.p_exact == pytest.approx(reference(table, exact=True).pvalue, rel=1e-10)


def test_mcnemar_of_equals():
    found = mcnemar([True, False], [True, False])
    assert (found.chi2, found.p_exact) == (None, 1.0)
    assert "convention" in found.note
    even = mcnemar([True, False], [False, True])
    assert (even.chi2_corrected, even.p_chi2_corrected, even.p_exact) == (0.0, 1.0, 1.0)


def test_clustered_mcnemar():
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 60)) < 0.6
    single = mcnemar(a, b, np.arange(60))
    assert single.chi2_clustered == pytest.approx(single.chi2)
    # Every case twice in one patient: no more evidence than once.
    doubled = mcnemar(np.tile(a, 2), np.tile(b, 2), np.tile(np.arange(60), 2))
    assert doubled.chi2 == pytest.approx(2 * single.chi2)
    assert doubled.chi2_clustered == pytest.approx(single.chi2)
    cancelled = mcnemar([True, False], [False, True], ["x", "x"])
    assert cancelled.chi2_clustered is None
    assert cancelled.p_clustered is None


def test_comparison_at_cutoffs_splits_by_class():
    found = compare_at_cutoffs(LABELS, SCORES, 5, SCORES[::-1], 5, groups=LABELS)
    assert (found.sensitivity.n, found.specificity.n, found.accuracy.n) == (4, 4, 8)
    assert (found.sensitivity.only_a, found.specificity.only_a) == (3, 3)


def many(seed=2, n=120):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return labels, np.round(rng.normal(size=n) + 1.5 * labels, 1)


@pytest.mark.parametrize("rule", ["youden", "closest", "sensitivity=0.9", "specificity=0.9"])
def test_bootstrap_is_seeded_and_chooses_observed_scores(rule):
    labels, scores = many()
    found = [
        bootstrap_cutoff(labels, scores, rule, rng=np.random.default_rng(3), n_boot=300)
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert found[0].value == choose_cutoff(labels, scores, rule).value
    assert found[0].low <= found[0].high
    assert {found[0].low, found[0].high} <= set(scores.tolist()) | {math.inf}
    assert (found[0].unit, found[0].n_groups, found[0].redrawn) == ("case", 120, 0)


def test_bootstrap_is_the_definition():
    labels, scores = many(n=30)
    groups = np.arange(30) // 3
    found = bootstrap_cutoff(
        labels, scores, groups=groups, rng=np.random.default_rng(4), n_boot=200, level=0.8
    )
    rng, chosen = np.random.default_rng(4), []
    while len(chosen) < 200:
        cases = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(0, 10, 10)])
        if 0 < labels[cases].sum() < cases.size:
            chosen.append(choose_cutoff(labels[cases], scores[cases]).value)
    chosen.sort()
    assert (found.low, found.high) == (chosen[19], chosen[179])
    assert (found.unit, found.n_groups) == ("patient", 10)


def test_bootstrap_by_patient_is_wider_where_cases_repeat():
    labels, scores = many(n=40)
    twice = [np.tile(x, 8) for x in (labels, scores, np.arange(40))]
    alone = bootstrap_cutoff(*twice[:2], rng=np.random.default_rng(5), n_boot=400)
    patients = bootstrap_cutoff(
        *twice[:2], groups=twice[2], rng=np.random.default_rng(5), n_boot=400
    )
    assert patients.high - patients.low > alone.high - alone.low


def test_bootstrap_draws_again_where_a_class_is_missing():
    found = bootstrap_cutoff([0, 1], [1, 2], rng=np.random.default_rng(6), n_boot=50)
    assert found.redrawn > 0
    assert (found.low, found.high) == (2.0, 2.0)


def test_bootstrap_needs_a_resample():
    with pytest.raises(ValueError, match="n_boot"):
        bootstrap_cutoff([0, 1], [1, 2], rng=np.random.default_rng(7), n_boot=0)
