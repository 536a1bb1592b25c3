"""What must hold for any data, checked on generated data."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlbench.stats import (
    auc,
    auc_covariance,
    auc_interval,
    choose_cutoff,
    delong_covariance,
    operating_point,
    partial_auc,
    roc_curve,
)


def holds(*strategies):
    """Check a test on more generated data than most."""
    more = settings(max_examples=150)
    return lambda test: more(given(*strategies)(test))


@st.composite
def samples(draw, classifiers=1, least=2, ties=None):
    """Labels with at least `least` of each class, and scores with few, some or no ties."""
    m = draw(st.integers(least, 12))
    n = draw(st.integers(least, 12))
    kinds = {
        "few": st.integers(0, 3).map(float),
        "some": st.integers(-20, 20).map(lambda x: x / 7),
        "none": st.floats(-1e6, 1e6, allow_nan=False),
    }
    value = kinds[ties or draw(st.sampled_from(sorted(kinds)))]
    row = st.lists(value, min_size=m + n, max_size=m + n)
    labels = np.array(draw(st.permutations([1] * m + [0] * n)))
    scores = np.array([draw(row) for _ in range(classifiers)])
    return labels, scores


@st.composite
def grouped(draw, classifiers=1):
    labels, scores = draw(samples(classifiers=classifiers, least=3))
    ids = st.integers(0, labels.size)
    groups = np.array(draw(st.lists(ids, min_size=labels.size, max_size=labels.size)))
    return labels, scores, groups


def naive(labels, row):
    """AUC and DeLong variance by the definition, every pair one by one, in fractions."""
    above = [Fraction(x) for x in row[labels == 1]]
    below = [Fraction(x) for x in row[labels == 0]]
    wins = [[Fraction((a > b) - (a < b) + 1, 2) for b in below] for a in above]
    m, n = len(above), len(below)
    area = sum(map(sum, wins)) / (m * n)
    v10 = [sum(row) / n for row in wins]
    v01 = [sum(column) / m for column in zip(*wins, strict=True)]
    s10 = sum((v - area) ** 2 for v in v10) / (m - 1)
    s01 = sum((v - area) ** 2 for v in v01) / (n - 1)
    return area, s10 / m + s01 / n


@holds(samples())
def test_fast_is_the_definition(sample):
    labels, scores = sample
    area, variance = naive(labels, scores[0])
    found = auc_interval(labels, scores[0])
    assert found.value == auc(labels, scores[0]) == float(area)
    assert found.variance == pytest.approx(float(variance), rel=1e-12, abs=0)


@holds(samples(classifiers=3), st.randoms(use_true_random=False))
def test_order_of_cases_is_irrelevant(sample, random):
    labels, scores = sample
    order = list(range(labels.size))
    random.shuffle(order)
    aucs, covariance = delong_covariance(labels, scores)
    shuffled, covariance_shuffled = delong_covariance(labels[order], scores[:, order])
    assert (aucs == shuffled).all()
    np.testing.assert_allclose(covariance, covariance_shuffled, rtol=1e-12, atol=1e-17)
    before = choose_cutoff(labels, scores[0], "closest")
    assert choose_cutoff(labels[order], scores[0][order], "closest") == before


@holds(samples(ties="some"))
def test_strictly_monotone_transforms_change_nothing(sample):
    labels, scores = sample
    moved = np.exp(scores[0]) * 3.0 - 5.0
    assert auc_interval(labels, moved) == auc_interval(labels, scores[0])
    assert partial_auc(labels, moved) == partial_auc(labels, scores[0])
    before, after = choose_cutoff(labels, scores[0]), choose_cutoff(labels, moved)
    assert (before.tp, before.fp, before.ties) == (after.tp, after.fp, after.ties)
    assert after.optimal == pytest.approx(tuple(np.exp(before.optimal) * 3.0 - 5.0))


@holds(samples(classifiers=2))
def test_swapped_labels_mirror(sample):
    labels, scores = sample
    one = auc_covariance(labels, scores)
    other = auc_covariance(1 - labels, scores)
    np.testing.assert_allclose(one.aucs, 1.0 - other.aucs, atol=1e-15)
    np.testing.assert_allclose(one.matrix, other.matrix, rtol=1e-12, atol=1e-17)
    there, back = auc_interval(labels, scores[0]), auc_interval(1 - labels, scores[0])
    assert (there.low, there.high) == pytest.approx((1 - back.high, 1 - back.low), abs=1e-12)


@holds(samples())
def test_negated_scores_mirror(sample):
    labels, scores = sample
    there, back = auc_interval(labels, scores[0]), auc_interval(labels, -scores[0])
    assert there.value == pytest.approx(1.0 - back.value, abs=1e-15)
    assert there.variance == pytest.approx(back.variance, rel=1e-12, abs=1e-18)


@holds(samples())
def test_doubled_cases_keep_the_auc_and_shrink_the_variance(sample):
    labels, scores = sample
    one = auc_interval(labels, scores[0])
    two = auc_interval(np.tile(labels, 2), np.tile(scores[0], 2))
    assert two.value == one.value
    # Sums of squares double, m (m - 1) becomes 2 m (2 m - 1): half at most, a quarter at least.
    assert one.variance / 4 - 1e-15 <= two.variance <= one.variance / 2 + 1e-15
    chosen = choose_cutoff(labels, scores[0])
    again = choose_cutoff(np.tile(labels, 2), np.tile(scores[0], 2))
    assert again.optimal == chosen.optimal
    assert (again.tp, again.fp) == (2 * chosen.tp, 2 * chosen.fp)


@holds(samples(classifiers=2))
def test_doubled_cases_in_one_group_each_are_the_cases_themselves(sample):
    labels, scores = sample
    groups = np.arange(labels.size)
    one = auc_covariance(labels, scores)
    two = auc_covariance(np.tile(labels, 2), np.tile(scores, 2), np.tile(groups, 2))
    assert two.method == "obuchowski"
    np.testing.assert_allclose(two.matrix, one.matrix, rtol=1e-12, atol=1e-17)


@holds(samples(classifiers=2))
def test_groups_of_one_are_delong(sample):
    labels, scores = sample
    ids = [f"patient {index}" for index in range(labels.size)]
    one, two = auc_covariance(labels, scores), auc_covariance(labels, scores, ids)
    assert two.method == "delong"
    assert (one.matrix == two.matrix).all()
    assert auc_interval(labels, scores[0], groups=ids) == auc_interval(labels, scores[0])


@holds(grouped(classifiers=3))
def test_covariance_is_positive_semidefinite(sample):
    labels, scores, groups = sample
    for covariance in (auc_covariance(labels, scores), auc_covariance(labels, scores, groups)):
        if covariance.matrix is not None:
            values = np.linalg.eigvalsh(covariance.matrix)
            assert values.min() >= -1e-14 * max(values.max(), 1e-3)


@holds(grouped(classifiers=2))
def test_variance_of_a_difference_agrees_with_the_matrix(sample):
    labels, scores, groups = sample
    covariance = auc_covariance(labels, scores, groups)
    matrix, spread = covariance.matrix, covariance.spread_between(0, 1)
    if matrix is None:
        assert spread.variance is None
    else:
        whole = matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1]
        assert spread.variance == pytest.approx(whole, rel=1e-9, abs=1e-15)
        assert covariance.spread_of(1).variance == pytest.approx(matrix[1, 1], rel=1e-12, abs=0)


@holds(grouped())
def test_interval_holds_the_auc_and_has_width(sample):
    labels, scores, groups = sample
    for ids in (None, groups):
        for method in ("logit", "wald"):
            for reference in ("normal", "t"):
                found = auc_interval(
                    labels, scores[0], groups=ids, method=method, reference=reference
                )
                assert 0.0 <= found.low <= found.value <= found.high <= 1.0
                assert found.low < found.high
                assert (found.method == "exact") == (found.note is not None)


@holds(samples())
def test_curve_has_the_area_and_ends(sample):
    labels, scores = sample
    curve = roc_curve(labels, scores[0])
    assert curve.thresholds[0] == np.inf
    assert (np.diff(curve.thresholds) < 0).all()
    assert (curve.tpr[0], curve.fpr[0], curve.tpr[-1], curve.fpr[-1]) == (0.0, 0.0, 1.0, 1.0)
    area = np.sum(np.diff(curve.fpr) * (curve.tpr[1:] + curve.tpr[:-1])) / 2
    assert area == pytest.approx(auc(labels, scores[0]), abs=1e-14)
    for threshold, tp, fp in zip(curve.thresholds, curve.tp, curve.fp, strict=True):
        called = scores[0] >= threshold
        assert (tp, fp) == (np.sum(called & (labels == 1)), np.sum(called & (labels == 0)))


@holds(samples())
def test_whole_range_is_the_whole_area(sample):
    labels, scores = sample
    for focus in ("specificity", "sensitivity"):
        part = partial_auc(labels, scores[0], focus=focus, low=0.0, high=1.0)
        assert part.value == pytest.approx(auc(labels, scores[0]), abs=1e-14)


@holds(samples(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8, 1.0]))
def test_parts_of_the_area_add_up(sample, middle):
    labels, scores = sample
    for focus in ("specificity", "sensitivity"):
        edges = sorted({0.0, middle, 1.0})
        parts = [
            partial_auc(labels, scores[0], focus=focus, low=low, high=high).value
            for low, high in pairwise(edges)
        ]
        assert sum(parts) == pytest.approx(auc(labels, scores[0]), abs=1e-14)


def every_cutoff(labels, row):
    """Counts at every possible cut-off, by the definition."""
    for cutoff in [*sorted(set(row.tolist())), np.inf]:
        called = row >= cutoff
        yield cutoff, int(np.sum(called & (labels == 1))), int(np.sum(called & (labels == 0)))


@holds(samples())
def test_all_optimal_cutoffs_are_found(sample):
    labels, scores = sample
    m, n = int(labels.sum()), int((1 - labels).sum())
    gains = {
        "youden": lambda tp, fp: Fraction(tp, m) - Fraction(fp, n),
        "closest": lambda tp, fp: -(Fraction(m - tp, m) ** 2) - Fraction(fp, n) ** 2,
    }
    points = list(every_cutoff(labels, scores[0]))
    for rule, gain in gains.items():
        best = max(gain(tp, fp) for _, tp, fp in points)
        wanted = tuple(cutoff for cutoff, tp, fp in points if gain(tp, fp) == best)
        chosen = choose_cutoff(labels, scores[0], rule)
        assert chosen.optimal == wanted
        assert (chosen.value, chosen.ties) == (wanted[0], len(wanted))


@holds(samples(), st.sampled_from(["0", "0.3", "0.5", "0.9", "1", "1/3"]))
def test_fixed_rates_are_kept_and_the_other_is_best(sample, rate):
    labels, scores = sample
    m, n = int(labels.sum()), int((1 - labels).sum())
    least = Fraction(rate)
    rates = [
        (cutoff, Fraction(tp, m), 1 - Fraction(fp, n))
        for cutoff, tp, fp in every_cutoff(labels, scores[0])
    ]
    by_sensitivity = max((sp, se, cutoff) for cutoff, se, sp in rates if se >= least)
    by_specificity = max((se, sp, cutoff) for cutoff, se, sp in rates if sp >= least)
    chosen = choose_cutoff(labels, scores[0], f"sensitivity={rate}")
    assert (chosen.value, chosen.ties) == (by_sensitivity[2], 1)
    chosen = choose_cutoff(labels, scores[0], f"specificity={rate}")
    assert (chosen.value, chosen.ties) == (by_specificity[2], 1)


@holds(samples())
def test_counts_at_a_cutoff_add_up(sample):
    labels, scores = sample
    point = operating_point(labels, scores[0], float(scores[0][0]))
    assert point.tp + point.fn == labels.sum()
    assert point.fp + point.tn == (1 - labels).sum()
    for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy"):
        part = getattr(point, name)
        if part.n:
            assert part.value == part.k / part.n
            assert 0.0 <= part.low <= part.value <= part.high <= 1.0
        else:
            assert part.value is None
            assert part.note
