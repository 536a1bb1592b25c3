"""Logistic regression on standardised features, fitted by L-BFGS block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.blocks import places, weigh

TOLERANCE = 1e-5
"""L-BFGS ends where no part of the gradient of the mean loss is larger than this."""
KEPT_BYTES = 2**28
"""Up to this much, blocks are kept from one pass over the features to the next."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Chosen rows, by `index` (n,), of float32 arrays (k, d) that are thought laid end to end."""

    parts: Sequence[NDArray[np.float32]]
    index: NDArray[np.int64]

    @property
    def size(self) -> int:
        """The number of features d."""
        return int(self.parts[0].shape[1])

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield the rows in blocks, each with its place among them."""
        for place in places(len(self.index), self.size):
            yield place, self._gather(self.index[place])

    def _gather(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        out = np.empty((len(index), self.size), dtype=np.float32)
        first = 0
        for part in self.parts:
            inside = (index >= first) & (index < first + len(part))
            out[inside] = part[index[inside] - first]
            first += len(part)
        return out


@dataclass(frozen=True)
class Probe:
    """A standardiser (mean and scale, both (d,)) and a logistic regression on top of it."""

    mean: Array
    scale: Array
    weights: Array
    bias: float

    def score(self, features: NDArray[np.float32]) -> Array:
        """Return the probability of label 1 for features (n, d), float64 (n,)."""
        return self.score_rows(Rows([features], np.arange(len(features))))

    def score_rows(self, rows: Rows) -> Array:
        """Return the probability of label 1 for each of the rows, float64 (n,)."""
        margin = np.empty(len(rows.index))
        for place, block in rows.blocks():
            margin[place] = weigh(block - self.mean, self.weights / self.scale)
        return _sigmoid(margin + self.bias)


def fit_path(
    rows: Rows, labels: NDArray[np.int64], grid: Sequence[float], max_iter: int
) -> tuple[list[Probe], bool]:
    """Fit one probe for each C, each started from the one before; the second value: all settled.

    Minimises C times the summed cross-entropy plus half the squared length of the weights, which
    apply to standardised features; the bias is free. That is scikit-learn's
    `LogisticRegression(C=C)`, by the same L-BFGS (Zhu et al. 1997, doi:10.1145/279232.279236).
    """
    # Importing scikit-learn alone would take as long as all fits together.
    from scipy.optimize import minimize

    at: Array = np.zeros(rows.size + 1)
    probes, settled = [], True
    centred = _centre(rows)
    for c in grid:
        found = minimize(
            _loss_and_gradient,
            at,
            args=(centred, labels == 1, 1 / (c * len(labels))),
            jac=True,
            method="L-BFGS-B",
            options={
                "gtol": TOLERANCE,
                "ftol": _FLAT,
                "maxiter": max_iter,
                "maxls": 50,
                "maxcor": 20,  # remembering more steps than the usual 10 takes fewer of them
            },
        )
        at, settled = found.x, settled and bool(found.success)
        probes.append(Probe(centred.mean, centred.scale, at[:-1], float(at[-1])))
    return probes, settled


_FLAT = 64 * float(np.finfo(np.float64).eps)
"""The least relative fall of the objective that is more than rounding; scikit-learn's."""


@dataclass(frozen=True)
class _Centred:
    """Features less their mean, in blocks: kept where they fit, else made anew for each pass."""

    rows: Rows
    mean: Array
    scale: Array
    kept: list[tuple[slice, Array]] | None

    def blocks(self) -> Iterator[tuple[slice, Array]]:
        yield from self._made() if self.kept is None else self.kept

    def _made(self) -> Iterator[tuple[slice, Array]]:
        for place, block in self.rows.blocks():
            yield place, block - self.mean


def _centre(rows: Rows) -> _Centred:
    n = len(rows.index)
    # From the first row: a constant feature then has the variance 0, and not one of rounding.
    first = next(rows.blocks())[1][0].astype(np.float64)
    mean = first + sum((block - first).sum(axis=0) for _, block in rows.blocks()) / n
    centred = _Centred(rows, mean, np.ones(rows.size), None)
    kept = list(centred.blocks()) if 8 * n * rows.size <= KEPT_BYTES else None
    squares: Any = sum(np.einsum("ij,ij->j", block, block) for _, block in kept or centred.blocks())
    scale = np.sqrt(squares / n)
    scale[scale == 0] = 1.0  # a constant feature stays constant instead of becoming NaN
    return _Centred(rows, mean, scale, kept)


def _loss_and_gradient(
    at: Array, centred: _Centred, positive: NDArray[np.bool_], penalty: float
) -> tuple[float, Array]:
    """Return the penalised mean cross-entropy at weights and bias (d + 1,), and its gradient."""
    weights = at[:-1]
    # Dividing weights by the scale is dividing features by it, for less.
    scaled = weights / centred.scale
    loss, gradient, free = 0.0, np.zeros_like(weights), 0.0
    for place, block in centred.blocks():
        margin, label = block @ scaled + at[-1], positive[place]
        error = _sigmoid(margin) - label
        loss += float(np.logaddexp(0.0, np.where(label, -margin, margin)).sum())
        gradient += error @ block
        free += float(error.sum())
    n = len(positive)
    total = loss / n + penalty / 2 * float(weights @ weights)
    return total, np.append(gradient / centred.scale / n + penalty * weights, free / n)


def _sigmoid(margin: Array) -> Array:
    # By the hyperbolic tangent, which never overflows.
    return np.asarray(0.5 * (1 + np.tanh(0.5 * margin)))
