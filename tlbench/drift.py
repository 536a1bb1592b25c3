"""How far the features of one engine, or precision, carry an AUC away from those of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.protocols.partition import assign_groups
from tlbench.stats.roc import auc
from tlbench.streams import stream

FOLDS = 5
SEEDS = 5
_C = 1e-3
"""One penalty for all: choosing it anew for each would add noise to a small difference."""

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Drift:
    """Cross-validated AUC by some features minus that by the reference's, on the same folds.

    `mean`, `low` and `high` are over seeds, `auc` is the mean by these features; `least_cosine` is
    over all rows.
    """

    mean: float
    low: float
    high: float
    auc: float
    least_cosine: float


def measure_drift(
    features: Features,
    reference: Features,
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    seeds: int = SEEDS,
) -> Drift:
    """Compare `features` with `reference`, both (n, d), by what a linear probe makes of them.

    `labels` (n,) are 0 and 1, `groups` (n,) patients, who stay in one fold. The mean over seeds and
    folds tells far smaller differences than one hold-out could.
    """
    ours = cross_validated_aucs(features, labels, groups, seeds)
    differences = ours - cross_validated_aucs(reference, labels, groups, seeds)
    return Drift(
        mean=float(differences.mean()),
        low=float(differences.min()),
        high=float(differences.max()),
        auc=float(ours.mean()),
        least_cosine=least_cosine(features, reference),
    )


def cross_validated_aucs(
    features: Features,
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    seeds: int = SEEDS,
) -> NDArray[np.float64]:
    """Return for each seed (seeds,) the mean over five folds of a linear probe's AUC.

    The probe is a logistic regression on standardised features with an L2 penalty, C = 0.001.
    Folds depend on seed, labels and groups alone.
    """
    from sklearn.linear_model import LogisticRegression

    folds = min(FOLDS, *(len(np.unique(groups[labels == label])) for label in (0, 1)))
    found = np.empty((seeds, folds))
    for seed in range(seeds):
        rng = stream(seed, "drift/folds")
        fold_of = assign_groups(labels, groups, [1 / folds] * folds, rng)
        for fold in range(folds):
            out = fold_of == fold
            mean = features[~out].mean(axis=0, dtype=np.float64)
            scale = features[~out].std(axis=0, dtype=np.float64)
            scale[scale == 0] = 1.0
            standard = (features - mean) / scale
            probe = LogisticRegression(C=_C, max_iter=1000).fit(standard[~out], labels[~out])
            found[seed, fold] = auc(labels[out], probe.decision_function(standard[out]))
    return np.asarray(found.mean(axis=1))


def least_cosine(a: Features, b: Features) -> float:
    """Return the least cosine of two rows of (n, d) that belong together."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / lengths).min())
