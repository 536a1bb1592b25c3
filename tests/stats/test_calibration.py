"""Calibration, decision curves, and the spread over seeds."""

import math

import numpy as np
import pytest

from tlbench.stats import (
    auc,
    average_seeds,
    brier,
    calibration_line,
    decision_curve,
    log_loss,
    operating_point,
    reliability,
    spread_over_seeds,
)
from tlbench.stats.calibration import CLIP


def sample(seed=1, n=300, slope=1.5, intercept=-0.4):
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(scale=1.5, size=n)))
    true = 1 / (1 + np.exp(-(intercept + slope * np.log(p / (1 - p)))))
    return (rng.random(n) < true).astype(int), p


@pytest.mark.parametrize("seed", range(5))
def test_calibration_line_is_statsmodels(seed):
    import statsmodels.api as sm

    labels, p = sample(seed)
    x = np.log(p / (1 - p))
    fit = sm.Logit(labels, sm.add_constant(x)).fit(disp=0, tol=1e-12)
    large = sm.GLM(labels, np.ones_like(x), family=sm.families.Binomial(), offset=x).fit(tol=1e-14)
    found = calibration_line(labels, p)
    for part, wanted, se in (
        (found.intercept, fit.params[0], fit.bse[0]),
        (found.slope, fit.params[1], fit.bse[1]),
        (found.in_the_large, large.params[0], large.bse[0]),
    ):
        assert part.value == pytest.approx(wanted, abs=1e-8)
        assert part.se == pytest.approx(se, rel=1e-6)
        assert part.low == pytest.approx(wanted - 1.959963984540054 * se, abs=1e-6)


def test_far_probabilities_converge():
    # All logits far from 0 and a slope far from 1: Newton from 0 must not run away.
    rng = np.random.default_rng(2)
    logits = 30 + rng.normal(scale=0.01, size=200)
    p = 1 / (1 + np.exp(-logits))
    labels = (rng.random(200) < 0.3).astype(int)
    found = calibration_line(labels, p)
    assert math.isfinite(found.slope.value)
    rate = labels.mean()
    assert found.in_the_large.value == pytest.approx(math.log(rate / (1 - rate)) - 30, abs=0.05)


@pytest.mark.parametrize(
    ("labels", "p", "note", "has_large"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "separate", True),
        ([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9], "separate", True),
        ([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9], "separate", True),
        ([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3], "equal", True),
        ([0, 1, 0, 1], [0.0, 0.3, 0.4, 0.2], "0 or 1", False),
        ([0, 1, 0, 1], [0.1, 1.0, 0.4, 0.2], "0 or 1", False),
    ],
)
def test_undefined_lines_say_why(labels, p, note, has_large):
    found = calibration_line(labels, p)
    assert (found.slope, found.intercept) == (None, None)
    assert note in found.note
    assert (found.in_the_large is not None) == has_large


def test_in_the_large_of_a_constant_is_the_difference_of_logits():
    found = calibration_line([0, 1, 0, 1], [0.3] * 4).in_the_large
    assert found.value == pytest.approx(-math.log(0.3 / 0.7), rel=1e-12)
    assert found.se == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_scores_that_are_no_probabilities_are_refused(p):
    for statistic in (brier, log_loss, reliability, calibration_line, decision_curve):
        with pytest.raises(ValueError, match=r"scores\[1\] is .*: a probability"):
            statistic([0, 1], [0.5, p])


def test_losses_are_scikit_learns():
    from sklearn.metrics import brier_score_loss
    from sklearn.metrics import log_loss as reference

    labels, p = sample(3)
    assert brier(labels, p) == pytest.approx(brier_score_loss(labels, p), rel=1e-13)
    assert log_loss(labels, p) == pytest.approx(reference(labels, p), rel=1e-13)
    p[:2], labels[:2] = [0.0, 1.0], [1, 0]
    assert log_loss(labels, p) == math.inf
    assert log_loss(labels, p, clip=CLIP) == pytest.approx(reference(labels, p), rel=1e-12)


def test_sure_and_right_loses_nothing():
    assert log_loss([0, 1], [0.0, 1.0]) == 0.0
    assert brier([0, 1], [0.0, 1.0]) == 0.0


@pytest.mark.parametrize("clip", [0.0, 0.5, -1.0])
def test_clip_must_leave_something(clip):
    with pytest.raises(ValueError, match="clip"):
        log_loss([0, 1], [0.2, 0.3], clip=clip)


def test_edges_go_where_the_binning_says():
    labels, p = [0, 1, 1], [0.1, 0.1, 1.0]
    left = reliability(labels, p)
    right = reliability(labels, p, binning="width10_right_closed")
    assert [(one.low, one.n) for one in left.bins] == [(0.1, 2), (0.9, 1)]
    assert [(one.low, one.n) for one in right.bins] == [(0.0, 2), (0.9, 1)]
    assert left.ece == pytest.approx(2 / 3 * 0.4)
    assert left.mce == pytest.approx(0.4)
    with pytest.raises(ValueError, match="binning must be one of"):
        reliability(labels, p, binning="width5")


def test_quantile_bins_hold_equally_many():
    labels, p = sample(4, n=200)
    assert [one.n for one in reliability(labels, p, binning="quantile10").bins] == [20] * 10


def test_decision_curve_by_counts():
    labels, p = sample(5)
    curve = decision_curve(labels, p)
    n = labels.size
    for place in (4, 29, 70):
        t = curve.thresholds[place]
        point = operating_point(labels, p, t)
        wanted = point.tp / n - point.fp / n * t / (1 - t)
        assert curve.model[place] == pytest.approx(wanted, abs=1e-15)
        everyone = operating_point(labels, p, 0.0)
        wanted = everyone.tp / n - everyone.fp / n * t / (1 - t)
        assert curve.treat_all[place] == pytest.approx(wanted, abs=1e-15)
    assert (curve.treat_none == 0.0).all()
    assert (curve.thresholds[0], curve.thresholds[-1], curve.n) == (0.01, 0.99, n)


@pytest.mark.parametrize("thresholds", [[0.0], [0.5, 1.0], [[0.5]], [float("nan")]])
def test_thresholds_outside_0_and_1_are_refused(thresholds):
    with pytest.raises(ValueError, match="thresholds"):
        decision_curve([0, 1], [0.1, 0.9], thresholds)


def test_spread_over_seeds_is_that_of_the_aucs():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 80)
    scores = rng.normal(size=(4, 80)) + labels
    aucs = [auc(labels, row) for row in scores]
    found = spread_over_seeds(labels, scores)
    assert found.aucs == tuple(aucs)
    assert found.mean == pytest.approx(np.mean(aucs))
    assert found.sd == pytest.approx(np.std(aucs, ddof=1))
    assert (found.low, found.high, found.n_seeds, found.n) == (min(aucs), max(aucs), 4, 80)
    assert found.note is None


def test_one_seed_has_no_spread():
    found = spread_over_seeds([0, 1, 0, 1], [1, 2, 3, 4])
    assert (found.sd, found.n_seeds) == (None, 1)
    assert found.note


def test_mean_over_seeds_is_one_classifier():
    np.testing.assert_array_equal(average_seeds([[1, 2, 3], [3, 4, 8]]), [2.0, 3.0, 5.5])
    np.testing.assert_array_equal(average_seeds([1, 2]), [1.0, 2.0])
    with pytest.raises(ValueError, match="equal length"):
        average_seeds([[1, 2], [1]])
