"""Intervals where no variance exists, and the reference distribution."""

import math

import numpy as np
import pytest

from tests.stats import oracle
from tlbench.stats import auc_covariance, auc_interval, hoeffding_limits, interval_of, proportion
from tlbench.stats.interval import FEW_DF, independent_pairs
from tlbench.stats.reference import quantile, two_sided_p

PERFECT = ([0] * 40 + [1] * 30, list(range(70)))


@pytest.mark.parametrize("method", ["logit", "wald"])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_perfect_separation_gives_clopper_pearson_of_the_smaller_class(method, level):
    labels, scores = PERFECT
    found = auc_interval(labels, scores, method=method, level=level)
    wanted = proportion(30, 30, level=level, method="clopper-pearson")
    assert (found.value, found.high, found.variance, found.method) == (1.0, 1.0, 0.0, "exact")
    assert found.low == pytest.approx(wanted.low, rel=1e-12)
    assert found.low == pytest.approx(((1 - level) / 2) ** (1 / 30), rel=1e-12)
    assert "AUC is 1" in found.note


def test_perfectly_wrong_mirrors_perfectly_right():
    labels, scores = PERFECT
    right = auc_interval(labels, scores)
    wrong = auc_interval(labels, [-score for score in scores])
    assert (wrong.value, wrong.low) == (0.0, 0.0)
    assert wrong.high == pytest.approx(1.0 - right.low, rel=1e-12)


def test_one_case_in_a_class_leaves_the_variance_undefined():
    found = auc_interval([1, 0, 0, 0, 0], [3, 1, 2, 4, 5])
    assert (found.value, found.variance, found.method) == (0.5, None, "exact")
    assert "one positive case" in found.note
    assert found.low < 0.01
    assert found.high > 0.99


def test_equal_scores_have_no_zero_width():
    found = auc_interval([0, 1] * 20, [7.0] * 40)
    assert (found.value, found.variance, found.method) == (0.5, 0.0, "exact")
    assert found.low < 0.3
    assert found.high > 0.7


@pytest.mark.parametrize("k", [1, 2, 10, 50, 1000])
@pytest.mark.parametrize("value", [0.0, 0.02, 0.5, 0.9, 0.999, 1.0])
def test_limits_are_where_the_bound_says(value, k):
    level = 0.95
    low, high = hoeffding_limits(value, k, level)

    def tail(theta):
        parts = [(value, theta), (1 - value, 1 - theta)]
        return math.exp(-k * sum(a * math.log(a / b) for a, b in parts if a))

    # Between neighbouring doubles: the limit is outside or on the bound, its inner neighbour not.
    for limit in {low, high} - {0.0, 1.0, value}:
        assert tail(limit) <= 0.025 * (1 + 1e-9)
    for limit in {low, high} - {value}:
        assert tail(math.nextafter(limit, value)) >= 0.025 * (1 - 1e-9)
    assert low < value or value == 0.0
    assert high > value or value == 1.0


def test_the_bound_holds_against_the_exact_binomial_tail():
    # With A a mean of k independent indicators the tail is binomial; the bound must cover it.
    from scipy.stats import binom

    k = 20
    for hits in range(k + 1):
        low, high = hoeffding_limits(hits / k, k, 0.95)
        if hits:
            assert binom.sf(hits - 1, k, low) <= 0.025 * (1 + 1e-9)
        if hits < k:
            assert binom.cdf(hits, k, high) <= 0.025 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("labels", "groups", "pairs"),
    [
        ([1, 1, 0, 0], [1, 1, 2, 2], 1),
        ([1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 2, 2, 3, 3, 4, 4], 2),
        ([1, 0, 1, 0, 1, 0], [1, 1, 2, 2, 3, 3], 1),
        ([1, 0, 1, 0, 1, 0, 1, 0], [1, 1, 2, 2, 3, 3, 4, 4], 2),
        ([1, 0, 1, 1, 0, 0], [1, 1, 2, 3, 4, 5], 2),
        ([1, 0, 1, 1, 1, 1], [1, 1, 2, 3, 4, 4], 1),
    ],
)
def test_pairs_without_a_common_patient_are_counted(labels, groups, pairs):
    from itertools import permutations

    covariance = auc_covariance(labels, np.arange(len(labels)), groups)
    positive = {g for g, y in zip(groups, labels, strict=True) if y}
    negative = {g for g, y in zip(groups, labels, strict=True) if not y}
    # By trying: the most disjoint pairs among all orders of the patients.
    found = max(
        sum(a in positive and b in negative for a, b in zip(o[::2], o[1::2], strict=False))
        for o in permutations(sorted(positive | negative))
    )
    assert covariance.n_pairs == found == pairs
    assert independent_pairs(covariance, 1.0) == pairs


def test_unequal_patients_claim_one_pair_unless_the_auc_is_extreme():
    covariance = auc_covariance([1, 1, 1, 0, 0, 0], [5] * 6, [1, 1, 2, 3, 4, 5])
    assert (covariance.n_pairs, covariance.balanced) == (2, False)
    assert independent_pairs(covariance, 0.5) == 1
    assert independent_pairs(covariance, 1.0) == 2


def clusters(count, size, seed):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(count), size)
    labels = groups % 2
    scores = rng.normal(size=count)[groups] + rng.normal(size=groups.size) + labels
    return labels, scores, groups


def test_few_patients_get_t_limits():
    labels, scores, groups = clusters(20, 3, 1)
    found = auc_interval(labels, scores, groups=groups)
    normal = auc_interval(labels, scores, groups=groups, reference="normal")
    assert found.variance_method == normal.variance_method == "obuchowski"
    assert 9.0 <= found.df <= 18.0 < FEW_DF
    assert normal.df is None
    assert found.low < normal.low
    assert found.high > normal.high
    wald = auc_interval(labels, scores, groups=groups, method="wald")
    half = quantile(0.95, found.df) * math.sqrt(found.variance)
    assert wald.low == pytest.approx(found.value - half, abs=1e-15)


def test_many_patients_get_normal_limits():
    labels, scores, groups = clusters(80, 3, 2)
    found = auc_interval(labels, scores, groups=groups)
    by_t = auc_interval(labels, scores, groups=groups, reference="t")
    assert found.df is None
    assert by_t.df > FEW_DF
    assert by_t.low < found.low
    assert by_t.low == pytest.approx(found.low, abs=0.01)


def test_single_cases_get_normal_limits_unless_t_is_asked_for():
    labels, scores = [0, 0, 0, 1, 1, 1], [1, 2, 5, 3, 4, 6]
    assert auc_interval(labels, scores).df is None
    assert auc_interval(labels, scores, reference="t").df is not None


def test_degrees_of_freedom_are_satterthwaites():
    labels, scores, groups = clusters(20, 3, 3)
    covariance = auc_covariance(labels, scores, groups)
    single = auc_covariance(labels, scores)
    assert single.spread_of(0).df <= 58
    above = covariance._positive[0] @ covariance._positive[0] * 10 / 9
    below = covariance._negative[0] @ covariance._negative[0] * 10 / 9
    wanted = (above + below) ** 2 / (above**2 / 9 + below**2 / 9)
    assert covariance.spread_of(0).df == pytest.approx(wanted)


def test_degrees_of_freedom_stop_at_the_patients_less_one():
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(12), 2)
    labels = np.tile([0, 1], 12)
    scores = rng.normal(size=24) + labels
    covariance = auc_covariance(labels, scores, groups)
    assert covariance.spread_of(0).df == 11.0


def test_interval_of_several_is_that_of_each():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 60)
    scores = rng.normal(size=(3, 60)) + labels
    covariance = auc_covariance(labels, scores)
    for index, row in enumerate(scores):
        assert interval_of(covariance, index) == auc_interval(labels, row)


@pytest.mark.parametrize("df", [None, 1.5, 9.0, 200.0])
def test_quantiles_and_tails_are_scipys(df):
    from scipy import stats

    law = stats.norm if df is None else stats.t(df)
    for level in (0.5, 0.9, 0.95, 0.99, 0.9999):
        assert quantile(level, df) == pytest.approx(law.ppf(1 - (1 - level) / 2), rel=1e-9)
    for z in (0.0, 0.3, -2.0, 12.0, 30.0):
        assert two_sided_p(z, df) == pytest.approx(2 * law.sf(abs(z)), rel=1e-9)


@pytest.mark.parametrize(
    ("case", "subject"),
    [(n, s) for n in oracle.case_names() for s in oracle.load_case(n)["classifiers"]]
    or [pytest.param("", "", marks=pytest.mark.skip(reason=f"no oracle cases in {oracle.CASES}"))],
)
def test_no_oracle_case_gets_an_interval_without_width(case, subject):
    loaded = oracle.load_case(case)
    found = auc_interval(loaded["labels"], loaded["scores"][subject])
    degenerate = loaded["expected"]["classifiers"][subject]["delong"]["degenerate"]
    assert found.low < found.high
    assert found.low <= found.value <= found.high
    assert (found.method == "exact") == degenerate
    assert (found.note is not None) == degenerate
