"""Checks of what the statistics are given: labels, scores, groups, levels."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def check_labels(labels: ArrayLike, *, both_classes: bool = True) -> BoolArray:
    """Return labels as a boolean array, True where the label is 1.

    `labels` is one-dimensional, of length n, holding 0/1 or booleans. Raises ValueError where
    it has another shape, is empty, holds another value, or (with `both_classes`) one class only.
    """
    given = np.asarray(labels)
    if given.ndim != 1:
        raise ValueError(f"labels must be one-dimensional, not of shape {given.shape}")
    if given.size == 0:
        raise ValueError("labels are empty")
    if given.dtype == np.bool_:
        positive: BoolArray = given
    else:
        positive = np.asarray(given == 1, dtype=np.bool_)
        valid = positive | np.asarray(given == 0, dtype=np.bool_)
        if not valid.all():
            first = int(np.argmin(valid))
            raise ValueError(f"labels must be 0 or 1, but labels[{first}] is {given[first]!s}")
    if both_classes:
        n_positive = int(np.count_nonzero(positive))
        if n_positive in (0, positive.size):
            raise ValueError(
                f"labels hold one class only ({n_positive} positive, "
                f"{positive.size - n_positive} negative): both are needed"
            )
    return positive


def check_scores(scores: ArrayLike, n: int) -> FloatArray:
    """Return the scores of one classifier as float64, of shape (n,).

    Raises ValueError where they are not numbers, not n, or not finite (naming the first).
    """
    given = _as_floats(scores)
    if given.ndim != 1:
        raise ValueError(f"scores must be one-dimensional, not of shape {given.shape}")
    if given.size != n:
        raise ValueError(f"labels and scores differ in length: {n} and {given.size}")
    _check_finite(given, "scores")
    return given


def check_score_rows(scores: ArrayLike, n: int | None = None) -> FloatArray:
    """Return the scores of k classifiers as float64, of shape (k, n), one classifier a row.

    One-dimensional scores are taken as one row; without `n` any length will do. Raises ValueError
    as `check_scores` does.
    """
    given = _as_floats(scores)
    rows = given[np.newaxis, :] if given.ndim == 1 else given
    if rows.ndim != 2:
        raise ValueError(f"scores must have one row per classifier, not shape {rows.shape}")
    if rows.shape[0] == 0:
        raise ValueError("scores hold no classifier")
    if n is not None and rows.shape[1] != n:
        raise ValueError(f"labels and scores differ in length: {n} and {rows.shape[1]}")
    for index, row in enumerate(rows):
        _check_finite(row, "scores" if given.ndim == 1 else f"scores[{index}]")
    return rows


def check_groups(groups: Any, n: int) -> tuple[IntArray, int]:
    """Return (codes, count): the group of each case as 0 .. count-1, and the number of groups.

    `groups` holds n patient ids of any one sortable type. Raises ValueError where there are not
    n of them, or where one is missing (None or nan): a case without a patient belongs nowhere.
    """
    given = np.asarray(groups)
    if given.ndim != 1 or given.size != n:
        raise ValueError(f"labels and groups differ in length: {n} and {given.size}")
    if given.dtype.kind == "O":
        missing = np.array([_is_missing(value) for value in given], dtype=np.bool_)
    elif given.dtype.kind == "f":
        missing = np.isnan(given)
    else:
        missing = np.zeros(0, dtype=np.bool_)
    if missing.any():
        raise ValueError(f"groups[{int(np.argmax(missing))}] is missing")
    try:
        names, codes = np.unique(given, return_inverse=True)
    except TypeError as error:
        raise ValueError("groups mix types that can't be ordered") from error
    return codes.astype(np.int64, copy=False), int(names.size)


def check_level(level: float) -> float:
    """Return the confidence level; raises ValueError unless it lies between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    return float(level)


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Return `value`; raises ValueError unless it is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _as_floats(scores: ArrayLike) -> FloatArray:
    try:
        return np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("scores must be numbers, in rows of equal length") from error


def _check_finite(row: FloatArray, name: str) -> None:
    finite = np.isfinite(row)
    if not finite.all():
        first = int(np.argmin(finite))
        raise ValueError(f"{name}[{first}] is {row[first]}: scores must be finite")
