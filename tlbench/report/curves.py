"""From comparisons to the curves that plots show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tlbench.compare import Compared
from tlbench.predictions import Predictions
from tlbench.report.plots import Curve


def curves_of_comparison(compared: Compared) -> list[Curve]:
    """Return one curve a backbone, by falling AUC, marked at its validation cut-off."""
    holdout = compared.holdout
    curves = []
    for name, classifier in compared.data["classifiers"].items():
        cutoff = classifier["cutoffs"]["validation"]["cutoff"]
        curves.append(
            Curve(
                name,
                holdout.labels,
                holdout.scores[classifier["run"]],
                holdout.groups,
                math.inf if cutoff is None else cutoff,
                control=classifier["control"],
                probabilities=classifier["brier"] is not None,
            )
        )
    return curves


def curves_of_predictions(predictions: Predictions, data: Mapping[str, Any]) -> list[Curve]:
    """Return one curve a classifier, by falling AUC, marked at its first cut-off."""
    curves = []
    for name in data["ranking"]:
        classifier = data["classifiers"][name]
        cutoff = next(iter(classifier["cutoffs"].values()))["cutoff"]
        curves.append(
            Curve(
                name,
                predictions.labels,
                predictions.scores[name],
                predictions.patients,
                math.inf if cutoff is None else cutoff,
                probabilities=classifier["brier"] is not None,
            )
        )
    return curves
