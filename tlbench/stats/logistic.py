"""Logistic regression on one covariate, by Newton's method."""

import numpy as np

from tlbench.stats.inputs import BoolArray, FloatArray

_STEPS = 100


def fit_line(positive: BoolArray, x: FloatArray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (intercept, se) and (slope, se) of logit P(y = 1) = intercept + slope x.

    `positive` (n,), `x` (n,) finite, not constant and not separating the classes (the caller
    checks). Standard errors from the observed information, which is the expected one here.
    """
    # Centred and scaled, the two columns are nearly orthogonal and far x do no harm.
    centre, scale = float(np.mean(x)), float(np.std(x))
    design = np.stack([np.ones_like(x), (x - centre) / scale])
    beta, covariance = _newton(positive, design, np.zeros_like(x))
    back = np.array([[1.0, -centre / scale], [0.0, 1.0 / scale]])
    value = back @ beta
    error = np.sqrt(np.diag(back @ covariance @ back.T))
    return (float(value[0]), float(error[0])), (float(value[1]), float(error[1]))


def fit_intercept(positive: BoolArray, x: FloatArray) -> tuple[float, float]:
    """Return (intercept, se) of logit P(y = 1) = intercept + x, with both classes present."""
    # From x at its mean the start is right where x is constant, and near elsewhere.
    shift = x - float(np.mean(x))
    beta, covariance = _newton(positive, np.ones((1, x.size)), shift)
    return float(beta[0]) - float(np.mean(x)), float(np.sqrt(covariance[0, 0]))


def _newton(
    positive: BoolArray, design: FloatArray, offset: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Maximise the likelihood, halving steps that lower it; return (beta, covariance)."""
    beta: FloatArray = np.zeros(design.shape[0])
    fit = _log_likelihood(positive, beta @ design + offset)
    for _ in range(_STEPS):
        gradient, information = _derivatives(positive, design, beta @ design + offset)
        step = np.asarray(np.linalg.solve(information, gradient), dtype=np.float64)
        improved = _log_likelihood(positive, (beta + step) @ design + offset)
        while improved < fit - 1e-12 * abs(fit) and np.abs(step).max() > 1e-12:
            step = step / 2.0
            improved = _log_likelihood(positive, (beta + step) @ design + offset)
        beta, fit = beta + step, improved
        if np.abs(step).max() <= 1e-12 * (1.0 + np.abs(beta).max()):
            break
    _, information = _derivatives(positive, design, beta @ design + offset)
    return beta, np.asarray(np.linalg.inv(information), dtype=np.float64)


def _derivatives(
    positive: BoolArray, design: FloatArray, eta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    p = np.exp(-np.logaddexp(0.0, -eta))
    weights = p * np.exp(-np.logaddexp(0.0, eta))
    return design @ (positive - p), (design * weights) @ design.T


def _log_likelihood(positive: BoolArray, eta: FloatArray) -> float:
    return -float(np.sum(np.logaddexp(0.0, np.where(positive, -eta, eta))))
