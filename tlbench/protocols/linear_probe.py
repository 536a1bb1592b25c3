"""How `linear-probe` trains its top layer: standardised features, logistic regression."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.protocols.logistic import Rows, fit_path
from tlbench.protocols.partition import assign_groups
from tlbench.specs import TopLayer, TrainingData
from tlbench.stats.roc import auc
from tlbench.stats.units import collect_units
from tlbench.streams import stream


def train_top_layer(data: TrainingData) -> TopLayer:
    """Choose C by validation AUC, refit on train + validation, cross-validate for the cut-off.

    The AUC is of units, whose scores are averaged. Where several C reach the best, the smallest
    (the strongest penalty) is taken.
    """
    grid = [10.0**exponent for exponent in data.parameters["log10_c"]]
    both = (data.train, data.validation)
    train, everything = len(data.train), np.arange(len(data.train) + len(data.validation))
    max_iter = int(data.parameters["max_iter"])
    probes, settled = fit_path(Rows(both, everything[:train]), data.train_labels, grid, max_iter)
    judged = collect_units(data.validation_labels, data.validation_units)
    aucs = [auc(judged.labels, judged.average(probe.score(data.validation))) for probe in probes]
    chosen = grid[int(np.argmax(aucs))]
    labels = np.concatenate([data.train_labels, data.validation_labels])
    (final,), final_settled = fit_path(Rows(both, everything), labels, [chosen], max_iter)
    # Views of a radiograph train; only the radiographs themselves decide the cut-off.
    rows = np.concatenate([data.rows, data.rows.max() + 1 + np.arange(len(data.validation))])
    first = np.unique(rows, return_index=True)[1]
    scores = _cross_validate(labels, chosen, data)
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
        warnings=tuple(_warnings(converged, scores)),
        cutoff_units=np.concatenate([data.train_units, data.validation_units])[first],
    )


_NOT_CONVERGED = "the top layer has not converged: L-BFGS reached its largest number of iterations"
_NARROW = 0.01


def _warnings(converged: bool, scores: NDArray[np.float64]) -> Iterator[str]:
    """Yield what a reader of the figures has to know of the training."""
    if not converged:
        yield _NOT_CONVERGED
    low, high = float(scores.min()), float(scores.max())
    if high - low < _NARROW:
        # A cut-off among such scores tells folds apart rather than radiographs.
        yield (
            f"scores hardly differ ({low:.4f} to {high:.4f}), for the strongest penalties did best "
            "on validation: sensitivity and specificity at the cut-off mean little"
        )


def _cross_validate(labels: NDArray[np.int64], c: float, data: TrainingData) -> NDArray[np.float64]:
    groups = np.concatenate([data.train_groups, data.validation_groups])
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
    both = (data.train, data.validation)
    scores = np.empty(len(labels))
    for fold in range(folds):
        kept, out = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        # Started from nothing: from the final probe, it would know something of what is left out.
        (probe,), _ = fit_path(
            Rows(both, kept), labels[kept], [c], int(data.parameters["max_iter"])
        )
        scores[out] = probe.score_rows(Rows(both, out))
    return scores
