import numpy as np

from tlbench.drift import cross_validated_aucs, least_cosine, measure_drift

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1], 40)
GROUPS = np.arange(80)
FEATURES = (RNG.normal(size=(80, 6)) + LABELS[:, None] * 0.8).astype(np.float32)


def test_the_same_features_do_not_drift() -> None:
    drift = measure_drift(FEATURES, FEATURES.copy(), LABELS, GROUPS)
    assert (drift.mean, drift.low, drift.high) == (0, 0, 0)
    assert 0.7 < drift.auc < 1
    assert np.isclose(drift.least_cosine, 1)


def test_worse_features_drift_down() -> None:
    worse = FEATURES + RNG.normal(size=FEATURES.shape).astype(np.float32) * 3
    drift = measure_drift(worse, FEATURES, LABELS, GROUPS)
    assert drift.low <= drift.mean <= drift.high < 0
    assert drift.least_cosine < 0.9


def test_a_patient_is_never_in_two_folds() -> None:
    # Each patient has the same random features twice: only a leak could tell the labels.
    twins = np.repeat(RNG.normal(size=(40, 200)), 2, axis=0).astype(np.float32)
    labels = np.repeat(RNG.permutation(np.repeat([0, 1], 20)), 2)
    patients = np.repeat(np.arange(40), 2)
    assert cross_validated_aucs(twins, labels, np.arange(80)).mean() > 0.8
    assert cross_validated_aucs(twins, labels, patients).mean() < 0.7


def test_the_least_cosine_is_the_worst_row() -> None:
    a = np.array([[1, 0], [1, 1]], dtype=np.float32)
    assert np.isclose(least_cosine(a, np.array([[2, 0], [1, 0]], dtype=np.float32)), 0.5**0.5)
