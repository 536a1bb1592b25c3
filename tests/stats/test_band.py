from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlbench.stats import proportion, roc_band, roc_curve

NORMAL = NormalDist()


def draw(m: int, n: int, shift: float, rng: np.random.Generator):
    labels = np.repeat([1, 0], [m, n])
    return labels, rng.normal(size=m + n) + shift * labels


@pytest.mark.parametrize(("m", "n"), [(50, 50), (15, 100)])
@pytest.mark.parametrize("area", [0.75, 0.954])
def test_limits_cover_the_true_sensitivity_as_often_as_they_say(
    m: int, n: int, area: float
) -> None:
    """Wilson's limits at each cut-off, as if it were known, cover less than 0.9 of the time."""
    shift = math.sqrt(2) * NORMAL.inv_cdf(area)
    fpr = np.array([0.06, 0.1, 0.2, 0.3, 0.5, 0.8])
    true = np.array([1 - NORMAL.cdf(NORMAL.inv_cdf(1 - t) - shift) for t in fpr])
    rng = np.random.default_rng(0)
    covered, naive = [], []
    for _ in range(120):
        band = roc_band(*draw(m, n, shift, rng), fpr, rng=rng, n_boot=200)
        covered.append((band.low <= true) & (true <= band.high))
        known = [proportion(round(p * m), m) for p in band.sensitivity]
        naive.append([one.low <= t <= one.high for one, t in zip(known, true, strict=True)])
    assert 0.92 <= np.mean(covered) <= 0.98
    if (m, n) == (50, 50):
        assert np.mean(naive) < 0.91


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=40)
def test_the_band_holds_the_curve_and_is_never_of_width_0(seed: int, m: int, n: int) -> None:
    labels, scores = draw(m, n, 1.0, np.random.default_rng(seed))
    curve = roc_curve(labels, scores.round(1))
    fpr = np.unique(curve.fpr)
    band = roc_band(labels, scores.round(1), fpr, rng=np.random.default_rng(0), n_boot=50)
    # The upper end where the curve rises.
    upper = [curve.tpr[curve.fpr == t].max() for t in fpr]
    assert band.sensitivity.tolist() == pytest.approx(upper)
    assert (band.low <= band.sensitivity).all()
    assert (band.sensitivity <= band.high).all()
    assert (band.high - band.low > 0).all()
    assert (band.effective_n <= m).all()
    assert (np.diff(band.low) >= 0).all()
    assert (np.diff(band.high) >= 0).all()


def test_only_the_order_of_scores_counts_and_groups_of_one_change_nothing() -> None:
    labels, scores = draw(20, 30, 1.0, np.random.default_rng(3))
    fpr = [0.0, 0.1, 0.35, 1.0]
    first, second, third = (
        roc_band(labels, row, fpr, rng=np.random.default_rng(0), groups=groups)
        for row, groups in ((scores, None), (np.exp(scores), None), (scores, np.arange(50)))
    )
    assert first.low.tolist() == second.low.tolist() == third.low.tolist()
    # Where all are called positive nothing but the positives themselves is uncertain.
    whole = proportion(20, 20)
    assert (first.low[-1], first.high[-1]) == (whole.low, whole.high)


def test_cases_counted_twice_give_the_limits_of_half_as_many() -> None:
    labels, scores = draw(40, 40, 1.2, np.random.default_rng(5))
    fpr = np.array([0.1, 0.2, 0.3])
    once = roc_band(labels, scores, fpr, rng=np.random.default_rng(0), n_boot=4000)
    twice = roc_band(
        np.tile(labels, 2),
        np.tile(scores, 2),
        fpr,
        rng=np.random.default_rng(0),
        groups=np.tile(np.arange(80), 2),
        n_boot=4000,
    )
    assert (twice.high - twice.low) == pytest.approx(once.high - once.low, rel=0.06)


def test_many_cases_are_redrawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, scores = draw(300, 300, 1.0, np.random.default_rng(1))
    whole = roc_band(labels, scores, [0.2], rng=np.random.default_rng(0), n_boot=500)
    monkeypatch.setattr("tlbench.stats.band._MOST_NUMBERS", 10_000)
    parts = roc_band(labels, scores, [0.2], rng=np.random.default_rng(0), n_boot=500)
    assert parts.low == pytest.approx(whole.low, abs=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"fpr": [1.2]}, "fpr"), ({"n_boot": 1}, "n_boot"), ({"level": 2}, "level"),
     ({"groups": [1]}, "groups")],
)  # fmt: skip
def test_bad_input_is_refused(change: dict, words: str) -> None:
    options = {"fpr": [0.5], "rng": np.random.default_rng(0)} | change
    with pytest.raises(ValueError, match=words):
        roc_band([0, 1], [0.1, 0.9], options.pop("fpr"), **options)
