"""Which cases of a hold-out are worth a look: errors, close calls, and where backbones disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Judged:
    """A backbone's scores (n,) of a hold-out with labels (n,), and its cut-off.

    A case is positive if its score is at least the cut-off.
    """

    name: str
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    cutoff: float
    control: bool = False

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Which cases (n,) the backbone calls positive."""
        return np.asarray(self.scores >= self.cutoff)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which cases (n,) it is right about."""
        return np.asarray(self.positive == (self.labels == 1))

    def outcome(self, row: int) -> str:
        """Return what a case is: a true or false positive or negative."""
        truth = "true" if self.right[row] else "false"
        return f"{truth} {'positive' if self.positive[row] else 'negative'}"

    def false_negatives(self) -> list[int]:
        """Return the fractures it missed, those furthest below the cut-off first."""
        rows = np.flatnonzero((self.labels == 1) & ~self.positive)
        return _sorted(rows, self.scores[rows])

    def false_positives(self) -> list[int]:
        """Return those without a fracture that it called one, those furthest above first."""
        rows = np.flatnonzero((self.labels == 0) & self.positive)
        return _sorted(rows, -self.scores[rows])

    def true_positives(self) -> list[int]:
        """Return the fractures it found, those furthest above the cut-off first."""
        rows = np.flatnonzero((self.labels == 1) & self.positive)
        return _sorted(rows, -self.scores[rows])

    def closest_calls(self) -> list[int]:
        """Return all cases, right or wrong, those nearest to the cut-off first.

        None where the cut-off is one that no score can reach.
        """
        if not np.isfinite(self.cutoff):
            return []
        rows = np.arange(len(self.scores))
        return _sorted(rows, np.abs(self.scores - self.cutoff))


def disagreements(judged: Sequence[Judged]) -> list[int]:
    """Return the cases about which some are right and some wrong, the most even splits first.

    Of equal splits, those first whose scores differ most, as the spread of their ranks among the
    scores of each backbone: scores of different backbones need not share a scale.
    """
    right = np.stack([each.right for each in judged])
    split = np.minimum(right.sum(axis=0), (~right).sum(axis=0))
    rows = np.flatnonzero(split)
    ranks = np.stack([np.searchsorted(np.sort(j.scores), j.scores) for j in judged])
    spread = ranks.max(axis=0) - ranks.min(axis=0)
    order = np.lexsort((rows, -spread[rows], -split[rows]))
    return [int(row) for row in rows[order]]


def _sorted(rows: NDArray[np.int64], by: NDArray[np.float64]) -> list[int]:
    """Rows by a value, those of the same value in the order of the hold-out."""
    return [int(row) for row in rows[np.argsort(by, kind="stable")]]
