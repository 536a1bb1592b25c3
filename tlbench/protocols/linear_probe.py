"""How `linear-probe` trains its top layer: standardised features, logistic regression."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.protocols.partition import assign_groups
from tlbench.specs import TopLayer, TrainingData
from tlbench.stats.roc import auc
from tlbench.streams import stream


@dataclass(frozen=True)
class _Probe:
    """A standardiser (mean and scale, both (d,)) and a logistic regression on top of it."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        margin = ((features - self.mean) / self.scale) @ self.weights + self.bias
        return np.asarray(0.5 * (1 + np.tanh(0.5 * margin)))


def train_top_layer(data: TrainingData) -> TopLayer:
    """Choose C by validation AUC, refit on train + validation, cross-validate for the cut-off.

    Where several C reach the best AUC, the smallest (the strongest penalty) is taken.
    """
    grid = [10.0**exponent for exponent in data.parameters["log10_c"]]
    probes, settled = _fit_path(data.train, data.train_labels, grid, data.parameters)
    aucs = [auc(data.validation_labels, probe.score(data.validation)) for probe in probes]
    chosen = grid[int(np.argmax(aucs))]
    features = np.concatenate([data.train, data.validation])
    labels = np.concatenate([data.train_labels, data.validation_labels])
    groups = np.concatenate([data.train_groups, data.validation_groups])
    (final,), final_settled = _fit_path(features, labels, [chosen], data.parameters)
    # Views of a radiograph train; only the radiographs themselves decide the cut-off.
    rows = np.concatenate([data.rows, data.rows.max() + 1 + np.arange(len(data.validation))])
    first = np.unique(rows, return_index=True)[1]
    scores = _cross_validate(features, labels, groups, chosen, data)
    converged = settled and final_settled
    return TopLayer(
        score=final.score,
        cutoff_labels=labels[first],
        cutoff_scores=scores[first],
        cutoff_chosen_on="train + validation, cross-validated",
        arrays={
            "mean": final.mean,
            "scale": final.scale,
            "weights": final.weights,
            "bias": np.array(final.bias),
        },
        history={"c": grid, "validation_auc": aucs, "chosen_c": chosen, "converged": converged},
        warnings=() if converged else (_NOT_CONVERGED,),
    )


_NOT_CONVERGED = "the top layer has not converged: L-BFGS reached its largest number of iterations"


def _cross_validate(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    c: float,
    data: TrainingData,
) -> NDArray[np.float64]:
    folds = int(data.parameters["folds"])
    # No more folds than patients of the rarer label, or a fold would miss one.
    folds = min(folds, *(len(np.unique(groups[labels == label])) for label in (0, 1)))
    rng = stream(data.seed, "linear-probe/folds")
    fold_of = assign_groups(labels, groups, [1 / folds] * folds, rng)
    if any(len(np.unique(labels[fold_of != fold])) < 2 for fold in range(folds)):
        raise DataError(
            "too few patients of each label to cross-validate for the cut-off",
            "add radiographs, or take the protocol paper2018",
        )
    scores = np.empty(len(labels))
    for fold in range(folds):
        out = fold_of == fold
        (probe,), _ = _fit_path(features[~out], labels[~out], [c], data.parameters)
        scores[out] = probe.score(features[out])
    return scores


def _fit_path(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    grid: list[float],
    parameters: Any,
) -> tuple[list[_Probe], bool]:
    """Fit one probe for each C, each started from the one before; the second value: all settled."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(axis=0, dtype=np.float64)
    scale = features.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1.0  # a constant feature stays constant instead of becoming NaN
    standard = (features - mean) / scale
    model = LogisticRegression(
        solver="lbfgs", max_iter=int(parameters["max_iter"]), warm_start=True
    )
    probes, settled = [], True
    for c in grid:
        model.set_params(C=c)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model.fit(standard, labels)
        settled = settled and not any(issubclass(w.category, ConvergenceWarning) for w in caught)
        probes.append(_Probe(mean, scale, model.coef_[0].copy(), float(model.intercept_[0])))
    return probes, settled
