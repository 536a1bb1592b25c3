"""Several seeds of one backbone on the same cases.

How far AUCs spread over seeds says how much the training's own chance matters; how far an interval
reaches says how much the choice of cases matters. The two are never added up or mixed: seeds share
all their cases, so that they are no independent measurements and no test takes them as such.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import FloatArray, check_labels, check_score_rows
from tlbench.stats.roc import auc


@dataclass(frozen=True)
class SeedSpread:
    """The AUCs of several seeds: mean, standard deviation (None with one seed), extremes.

    `sd` is the spread over seeds, with divisor seeds - 1, not a standard error of anything.
    """

    aucs: tuple[float, ...]
    mean: float
    sd: float | None
    low: float
    high: float
    n_seeds: int
    n: int
    note: str | None = None


def spread_over_seeds(labels: ArrayLike, scores: ArrayLike) -> SeedSpread:
    """Return how the AUC of one backbone spreads over seeds.

    `labels` (n,) of 0/1, `scores` (s, n) or (n,) finite, a seed a row. Raises ValueError for bad
    input. Bouthillier et al. 2021, https://arxiv.org/abs/2103.03098.
    """
    positive = check_labels(labels)
    rows = check_score_rows(scores, positive.size)
    aucs = np.array([auc(positive, row) for row in rows])
    several = aucs.size > 1
    return SeedSpread(
        tuple(float(value) for value in aucs),
        float(aucs.mean()),
        float(aucs.std(ddof=1)) if several else None,
        float(aucs.min()),
        float(aucs.max()),
        int(aucs.size),
        int(positive.size),
        None if several else "one seed: no spread",
    )


def average_seeds(scores: ArrayLike) -> FloatArray:
    """Return the mean score of each case over seeds, of shape (n,).

    `scores` (s, n) or (n,) finite, a seed a row. The mean is one classifier, an ensemble: its
    interval is that of any classifier, whatever the number of seeds. Raises ValueError for bad
    input.
    """
    mean: FloatArray = check_score_rows(scores).mean(axis=0)
    return mean
