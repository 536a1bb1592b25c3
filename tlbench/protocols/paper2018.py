"""How `paper2018` trains its top layer and chooses its cut-off."""

from __future__ import annotations

from tlbench.specs import TopLayer, TrainingData
from tlbench.top_layer import SgdSettings, remaining_fall, train_softmax

SETTLED = 0.05
"""A last quarter of the steps with more than this share of the whole fall is "not converged"."""


def train_top_layer(data: TrainingData) -> TopLayer:
    """Train the softmax top layer; the validation partition's scores decide the cut-off."""
    settings = SgdSettings(**data.parameters)
    layer = train_softmax(
        data.train, data.train_labels, data.validation, data.validation_labels, settings, data.seed
    )
    left = remaining_fall(layer.at, layer.loss)
    converged = left is not None and left <= SETTLED
    warnings: tuple[str, ...] = ()
    if not converged:
        share = "did not fall at all" if left is None else f"still fell by {left:.0%} of its fall"
        warnings = (
            f"the top layer has not converged: in the last quarter of the {settings.steps:,} "
            f"steps the training loss {share}",
        )
    return TopLayer(
        score=layer.score,
        cutoff_labels=data.validation_labels,
        cutoff_scores=layer.score(data.validation),
        cutoff_chosen_on="validation",
        arrays={"weights": layer.weights, "bias": layer.bias},
        history={
            "step": layer.at,
            "loss": layer.loss,
            "validation_loss": layer.validation_loss,
            "converged": converged,
            "fall_in_last_quarter": left,
        },
        warnings=warnings,
        cutoff_units=data.validation_units,
    )
