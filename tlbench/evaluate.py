"""The statistics of predictions made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlbench.comparison import (
    Choices,
    choose_cutoffs,
    compare_classifiers,
    describe_classifier,
)
from tlbench.errors import DataError
from tlbench.predictions import Predictions, read_predictions


def evaluate(file: str | Path, choices: Choices | None = None, **columns: Any) -> dict[str, Any]:
    """Return `classifiers` and `pairs` for a CSV file; `columns` as in `read_predictions`."""
    return evaluate_predictions(read_predictions(Path(file), **columns), choices or Choices())


def evaluate_predictions(predictions: Predictions, choices: Choices) -> dict[str, Any]:
    """Return the statistics of every classifier and of every pair of them, as JSON values.

    Cut-offs are chosen on these very cases, hence optimistic, unless `choices.fixed` is given.
    Raises `DataError` where there is one class only.
    """
    labels, groups = predictions.labels, predictions.patients
    if not 0 < labels.sum() < len(labels):
        word = "positive" if labels[0] else "negative"
        raise DataError(
            f"all {len(labels)} cases are {word}: an AUC needs both classes",
            "check the label column, or say which class is positive with --positive",
        )
    cutoffs = {
        name: choose_cutoffs(labels, scores, choices) for name, scores in predictions.scores.items()
    }
    first = {name: next(iter(found.values())) for name, found in cutoffs.items()}
    return {
        "n": len(labels),
        "positives": int(labels.sum()),
        "patients": None if groups is None else int(groups.max()) + 1,
        "level": choices.level,
        "notes": list(predictions.notes),
        "classifiers": {
            name: describe_classifier(labels, scores, groups, cutoffs[name], choices)
            for name, scores in predictions.scores.items()
        },
        **compare_classifiers(labels, predictions.scores, groups, first, choices.level),
    }
