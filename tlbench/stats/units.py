"""Units: the studies or patients that several images belong to, and the mean of their scores."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tlbench.stats.inputs import FloatArray, IntArray, check_scores


@dataclass(frozen=True)
class Units:
    """The u units that n rows belong to, in the order of the units' names.

    `labels` (u,) are 1 where any row of the unit has label 1; `first` (u,) is the first row of
    each unit, `of` (n,) the place of each row's unit.
    """

    labels: IntArray
    first: IntArray
    of: IntArray

    def average(self, scores: ArrayLike) -> FloatArray:
        """Return the mean (u,) of the finite `scores` (n,) of each unit's rows.

        A unit of one row keeps its very score. Each sum is rounded once, so that a mean is the
        same in whatever order its rows stand. Raises ValueError for scores that are not finite.
        """
        values = check_scores(scores, len(self.of))
        if len(self.first) == len(values):
            return values[self.first]
        ends = np.cumsum(np.bincount(self.of))[:-1]
        parts = np.split(values[np.argsort(self.of, kind="stable")], ends)
        return np.array([math.fsum(part) / len(part) for part in parts])


def collect_units(labels: ArrayLike, names: ArrayLike) -> Units:
    """Return the units that n rows with `labels` (n,) of 0/1 belong to, by their `names` (n,).

    Names are numbers or text. Raises ValueError where there are not n of them.
    """
    marks = np.asarray(labels).astype(np.int64)
    asked = np.asarray(names)
    if marks.shape != asked.shape:
        raise ValueError(f"labels and names differ in length: {marks.size} and {asked.size}")
    found, first, of = np.unique(asked, return_index=True, return_inverse=True)
    highest = np.zeros(len(found), dtype=np.int64)
    np.maximum.at(highest, of, marks)
    return Units(highest, first.astype(np.int64), of.astype(np.int64))
