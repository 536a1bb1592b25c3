"""The classifiers of a figure: what is known of each, and the line it is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.report.plot_text import GREY, PALE, plain
from tlbench.stats import AucInterval, auc_interval

# Okabe and Ito's palette without its yellow, which can't be seen on white.
# doi:10.1038/nmeth.1618
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")

Dashes = tuple[float, tuple[float, ...] | None]

# Lines differ in pattern too, for print in grey and for eyes that see colours differently.
PATTERNS: tuple[Dashes, ...] = (
    (0, None),
    (0, (5, 1.5)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (1, 1)),
    (0, (9, 2)),
    (0, (4, 1.5, 1, 1.5, 1, 1.5)),
)
CONTROL_PATTERNS: tuple[Dashes, ...] = ((0, (3, 2)), (0, (1.5, 1.5)), (0, (6, 3)), (0, (3, 4)))

MOST_NAMED = 12
"""With more classifiers than this only the best are told apart by line; the rest form a crowd."""

BEST = 8


# Arrays have no plain equality, so curves have none.
@dataclass(frozen=True, eq=False)
class Curve:
    """One classifier on the shared hold-out.

    `name` is shown as plain text; `labels` (n,) of 0/1; `scores` (n,) finite, in [0, 1] where
    `probabilities`; `groups` (n,) patient ids or None; `cutoff` the cut-off to mark, which may be
    infinite, or None; a `control` is drawn in grey.
    """

    name: str
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    groups: NDArray[Any] | None
    cutoff: float | None
    control: bool = False
    probabilities: bool = True


@dataclass(frozen=True, eq=False)
class Line:
    """A curve with its AUC and the looks it keeps in every figure.

    `named` is False for one of the crowd: drawn thin and pale, without cut-off or legend.
    """

    curve: Curve
    name: str
    auc: AucInterval
    colour: str
    dashes: Dashes
    named: bool = True


def to_lines(
    curves: Sequence[Curve], *, level: float = 0.95, ci: Literal["logit", "wald"] = "logit"
) -> list[Line]:
    """Return the lines of the curves, in their order; raises ValueError as `auc_interval` does."""
    aucs = [
        auc_interval(one.labels, one.scores, groups=one.groups, level=level, method=ci)
        for one in curves
    ]
    named = _named(curves, aucs)
    lines, plain_ones, controls = [], 0, 0
    for index, (curve, auc) in enumerate(zip(curves, aucs, strict=True)):
        if index not in named:
            colour, dashes = PALE, PATTERNS[0]
        elif curve.control:
            colour, dashes = GREY, CONTROL_PATTERNS[controls % len(CONTROL_PATTERNS)]
            controls += 1
        else:
            colour = PALETTE[plain_ones % len(PALETTE)]
            dashes = PATTERNS[plain_ones % len(PATTERNS)]
            plain_ones += 1
        lines.append(
            Line(curve, plain(curve.name) or "(no name)", auc, colour, dashes, index in named)
        )
    return lines


def _named(curves: Sequence[Curve], aucs: Sequence[AucInterval]) -> set[int]:
    if len(curves) <= MOST_NAMED:
        return set(range(len(curves)))
    ranked = sorted(range(len(curves)), key=lambda i: -aucs[i].value)
    best = [i for i in ranked if not curves[i].control][:BEST]
    # Controls are what the others are held against: they are told apart as long as it can be done.
    controls = [i for i in range(len(curves)) if curves[i].control][: MOST_NAMED - BEST]
    return {*best, *controls}


def by_auc(lines: Sequence[Line]) -> list[Line]:
    """Return the lines from the highest AUC to the lowest, ties in their given order."""
    return sorted(lines, key=lambda line: -line.auc.value)
