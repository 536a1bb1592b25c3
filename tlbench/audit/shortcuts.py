"""Shortcuts: what tells labels apart without any look at the bone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.datasets.table import Table
from tlbench.features.signatures import SIDE
from tlbench.protocols.logistic import Rows, fit_path
from tlbench.protocols.partition import assign_groups
from tlbench.stats.interval import auc_interval
from tlbench.streams import stream
from tlbench.threads import one_blas_thread

LEVEL = 0.95
FOLDS = 5
FEWEST = 10
"""With fewer patients of a label nothing is looked for: little could be said."""
_GRID = 16
"""Pictures are looked at in so many cells to a side."""
_BORDER = 1
_CORNER = 2
_MASKED = 3
"""The centre that is masked leaves so many cells at each edge."""
_AT_ONCE = 256
_NEIGHBOURS = 10
_MOST_VALUES = 20
_NUMERIC = 0.9
_PENALTY = {"picture": 1e-2, "facts": 1.0}

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Shortcut:
    """How well labels can be told from one thing alone, by cross-validated scores.

    `flagged` where the whole interval lies above one half; that of file order, which is not fitted
    to labels, below one half as well. `note` is that of `auc_interval`.
    """

    name: str
    auc: float
    low: float
    high: float
    level: float
    n: int
    flagged: bool
    note: str | None = None


def find_shortcuts(
    table: Table, signatures: NDArray[Any], reveals_label: Collection[str]
) -> list[Shortcut]:
    """Return what each kind of shortcut says of the labels, pictures first, then metadata.

    `signatures` (n,) are those of the table's radiographs. Columns of metadata that reveal the
    label by their meaning are left out. Scores come from a logistic regression on standardised
    features, cross-validated in five folds of whole patients; file order is judged by the labels
    of neighbours. Intervals are DeLong's or, with several images for some patients, Obuchowski's.
    """
    labels, groups = table.labels, table.groups
    patients = [len(np.unique(groups[labels == label])) for label in (0, 1)]
    if min(patients) < FEWEST:
        return []
    fold_of = assign_groups(labels, groups, [1 / FOLDS] * FOLDS, stream(0, "audit/folds"))
    found = []
    with one_blas_thread():
        for name, features, kind in _pictures(signatures):
            scores = _cross_validate(features, labels, fold_of, _PENALTY[kind])
            found.append(_judge(name, scores, labels, groups))
        order = _judge("file order", _by_neighbours(table), labels, groups)
        # Neighbours that differ tell as much as neighbours that agree: pairs may be exported so.
        found.append(replace(order, flagged=order.flagged or order.high < 0.5))
        for name in _columns(table, reveals_label):
            values = [r.metadata.get(name, "").strip() for r in table.radiographs]
            encoded = encode(values)
            if encoded is not None:
                scores = _cross_validate(encoded, labels, fold_of, _PENALTY["facts"])
                found.append(_judge(name, scores, labels, groups))
    return found


def _judge(
    name: str, scores: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray[np.int64]
) -> Shortcut:
    found = auc_interval(labels, scores, groups=groups, level=LEVEL)
    flagged = found.low > 0.5
    return Shortcut(
        name, found.value, found.low, found.high, LEVEL, len(labels), flagged, found.note
    )


def _pictures(signatures: NDArray[Any]) -> Iterator[tuple[str, Features, str]]:
    """Yield a name and features (n, d) for what pictures show beside their middle."""
    rows, columns = (signatures[name].astype(np.float32) for name in ("rows", "columns"))
    sizes = [rows, columns, rows / columns, np.log(rows * columns)]
    files = [signatures[name].astype(np.float32) for name in ("bits", "colour")]
    yield "image size and aspect", np.column_stack([*sizes, *files]), "facts"
    cells = _cells(signatures["thumbnail"])
    place = np.minimum(np.arange(_GRID), np.arange(_GRID)[::-1])
    edge = np.minimum(place[:, None], place)
    yield "border pixels", cells[:, edge < _BORDER], "picture"
    corner = np.maximum(place[:, None], place) < _CORNER
    yield "corner pixels", cells[:, corner], "picture"
    histogram = signatures["histogram"]
    brightness = histogram @ np.arange(256, dtype=np.float32)
    yield "mean brightness", brightness[:, None], "facts"
    shares = np.sqrt(histogram.reshape(len(histogram), 16, 16).sum(axis=2))
    yield "histogram", np.column_stack([shares, brightness]), "picture"
    yield "all but the centre", cells[:, edge < _MASKED], "picture"


def _cells(thumbnails: NDArray[np.uint8]) -> Features:
    """Return the mean (n, 16, 16) of each cell of each thumbnail."""
    step = SIDE // _GRID
    cells = np.empty((len(thumbnails), _GRID, _GRID), dtype=np.float32)
    for start in range(0, len(thumbnails), _AT_ONCE):
        some = thumbnails[start : start + _AT_ONCE]
        parts = some.reshape(len(some), _GRID, step, _GRID, step)
        cells[start : start + _AT_ONCE] = parts.mean(axis=(2, 4), dtype=np.float32)
    return cells


def _cross_validate(
    features: Features, labels: NDArray[np.int64], fold_of: NDArray[np.int64], c: float
) -> NDArray[np.float64]:
    """Return for each row (n,) the margin that folds without it give it."""
    features = np.ascontiguousarray(features, dtype=np.float32)
    scores = np.zeros(len(labels))
    for fold in np.unique(fold_of):
        kept, out = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        (probe,), _ = fit_path(Rows([features], kept), labels[kept], [c], 200)
        scores[out] = probe.score_rows(Rows([features], out))
    return scores


def _by_neighbours(table: Table) -> NDArray[np.float64]:
    """Return for each radiograph (n,) the mean label of those next to it in the order of names."""
    names = [_natural(r.path.name) for r in table.radiographs]
    order = np.array(sorted(range(len(names)), key=lambda row: (names[row], row)))
    labels, groups = table.labels[order], table.groups[order]
    total, count = np.zeros(len(order)), np.zeros(len(order))
    for distance in range(1, _NEIGHBOURS // 2 + 1):
        apart = groups[distance:] != groups[:-distance]
        later, earlier = slice(distance, None), slice(None, -distance)
        for here, there in ((later, earlier), (earlier, later)):
            total[here] += apart * labels[there]
            count[here] += apart
    scores = np.empty(len(order))
    scores[order] = np.where(count > 0, total / np.maximum(count, 1), labels.mean())
    return scores


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort numbers in names by their size."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _columns(table: Table, reveals_label: Collection[str]) -> list[str]:
    names = dict.fromkeys(name for r in table.radiographs for name in r.metadata)
    return [name for name in names if name not in reveals_label]


def encode(values: Sequence[str]) -> Features | None:
    """Return a column of metadata as features (n, d), or None where it says nothing.

    Numbers stay numbers where nearly all values are, few words become a feature each, and of many
    different ones only whether there is any counts. Missing values are a feature of their own.
    """
    given = [value for value in values if value]
    counts = Counter(given)
    if len(counts) + (len(given) < len(values)) < 2:
        return None
    missing = np.array([not value for value in values], dtype=np.float32)
    parts = [missing] if missing.any() else []
    numbers = [_number(value) for value in values]
    numeric = sum(number is not None for number in numbers) >= _NUMERIC * len(given)
    if numeric and len(counts) > 2:
        known = [number for number in numbers if number is not None]
        middle = float(np.median(known))
        column = np.array([middle if x is None else x for x in numbers], dtype=np.float32)
        spread = float(np.std(column)) or 1.0
        # A label may go with what lies in the middle, or at both ends.
        parts += [column, ((column - middle) / spread) ** 2]
    elif len(counts) <= _MOST_VALUES:
        parts += [
            np.array([value == word for value in values], dtype=np.float32)
            for word in sorted(counts)
        ]
    return np.column_stack(parts) if parts else None


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
