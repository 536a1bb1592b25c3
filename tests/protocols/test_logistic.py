"""The probe's logistic regression against scikit-learn's, on features like a backbone's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tlbench import blocks
from tlbench.protocols import logistic
from tlbench.protocols.logistic import Rows, fit_path
from tlbench.streams import stream
from tlbench.threads import one_blas_thread

GRID = [1e-5, 1e-3, 1e-1, 1.0]


def pooled(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative, skewed, correlated features, one of them constant, and labels they hint at."""
    rng = stream(0, f"test/pooled/{n}/{d}")
    hidden = rng.standard_normal((n, 12))
    features = np.maximum(hidden @ rng.standard_normal((12, d)) + rng.standard_normal((n, d)), 0)
    features *= rng.lognormal(size=d)
    features[:, 5] = 0.1
    labels = (hidden[:, 0] + 2 * rng.standard_normal(n) > 0.7).astype(np.int64)
    return features.astype(np.float32), labels


def rows_of(features: np.ndarray) -> Rows:
    return Rows([features], np.arange(len(features)))


def reference(features: np.ndarray, labels: np.ndarray, c: float):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    standard = StandardScaler().fit_transform(features.astype(np.float64))
    with warnings.catch_warnings():
        # At so small a tolerance its line search may end at the last bit, and say so.
        warnings.simplefilter("ignore")
        model = LogisticRegression(C=c, tol=1e-9, max_iter=20000).fit(standard, labels)
    return model, model.predict_proba(standard)[:, 1]


@pytest.fixture(params=[(150, 300), (700, 40)], ids=["wide", "tall"])
def data(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    return pooled(*request.param)


def test_it_is_scikit_learns_optimum(
    data: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coefficients within 1e-4 of the largest, where both go on to the end."""
    monkeypatch.setattr(logistic, "TOLERANCE", 1e-9)
    features, labels = data
    probes, settled = fit_path(rows_of(features), labels, GRID, 20000)
    assert settled
    for c, probe in zip(GRID, probes, strict=True):
        model, scores = reference(features, labels, c)
        largest = np.abs(model.coef_).max()
        assert np.abs(probe.weights - model.coef_[0]).max() < 1e-4 * largest
        assert probe.bias == pytest.approx(model.intercept_[0], abs=1e-4)
        assert np.abs(probe.score(features) - scores).max() < 1e-5


def test_as_it_is_used_scores_are_within_a_hundredth(data: tuple[np.ndarray, np.ndarray]) -> None:
    features, labels = data
    probes, settled = fit_path(rows_of(features), labels, GRID, 2000)
    assert settled
    for c, probe in zip(GRID, probes, strict=True):
        assert np.abs(probe.score(features) - reference(features, labels, c)[1]).max() < 0.01


def test_too_few_iterations_are_said(data: tuple[np.ndarray, np.ndarray]) -> None:
    features, labels = data
    assert fit_path(rows_of(features), labels, [1.0], 3)[1] is False


def test_chosen_rows_of_several_arrays_are_the_rows_put_together(
    data: tuple[np.ndarray, np.ndarray],
) -> None:
    features, labels = data
    chosen = np.flatnonzero(stream(1, "test/rows").random(len(features)) < 0.7)
    (plain,), _ = fit_path(rows_of(features[chosen]), labels[chosen], [0.01], 2000)
    parts = Rows([features[:100], features[100:]], chosen)
    (probe,), _ = fit_path(parts, labels[chosen], [0.01], 2000)
    assert np.array_equal(probe.weights, plain.weights)
    assert np.array_equal(probe.score_rows(parts), plain.score(features[chosen]))


def test_blocks_made_anew_for_each_pass_give_the_same_bits(
    data: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    features, labels = data
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 8 * 64 * features.shape[1])
    kept, _ = fit_path(rows_of(features), labels, GRID, 2000)
    monkeypatch.setattr(logistic, "KEPT_BYTES", 0)
    anew, _ = fit_path(rows_of(features), labels, GRID, 2000)
    for a, b in zip(kept, anew, strict=True):
        assert np.array_equal(a.weights, b.weights)
        assert a.bias == b.bias


def test_a_constant_feature_counts_for_nothing(data: tuple[np.ndarray, np.ndarray]) -> None:
    (probe,), _ = fit_path(rows_of(data[0]), data[1], [1.0], 2000)
    assert probe.scale[5] == 1.0
    assert probe.weights[5] == 0.0


def test_blas_has_its_threads_again_afterwards() -> None:
    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = threads()
    with one_blas_thread():
        with one_blas_thread():
            pass
        assert set(threads()) == {1}
    assert threads() == before
