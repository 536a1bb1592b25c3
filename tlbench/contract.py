"""What a protocol must return, checked before it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import PluginError
from tlbench.measures import finite
from tlbench.records import to_json
from tlbench.specs import UNIT_WORDS, TopLayer, Unit


def check_layer(layer: TopLayer, protocol: str, unit: Unit = "image") -> None:
    """Raise `PluginError` where a top layer's cut-off or history is none that can be used."""
    what = f'the top layer of protocol "{protocol}"'
    rows = np.size(layer.cutoff_labels)
    as_numbers(layer.cutoff_scores, rows, f"`cutoff_scores` of {what}")
    if set(np.unique(as_numbers(layer.cutoff_labels, rows, f"`cutoff_labels` of {what}"))) != {
        0,
        1,
    }:
        raise _useless(f"`cutoff_labels` of {what} are not 0 and 1")
    if layer.cutoff_units is not None:
        as_numbers(layer.cutoff_units, rows, f"`cutoff_units` of {what}")
    elif unit != "image":
        raise PluginError(
            f"{what} does not say of which {UNIT_WORDS[unit]} its scores for the cut-off are",
            "its plugin must set `cutoff_units` of the TopLayer; --unit image needs none",
        )
    try:
        to_json({"history": finite(dict(layer.history)), "warnings": list(layer.warnings)})
    except (TypeError, ValueError) as error:
        raise _useless(f"`history` or `warnings` of {what} can't be kept: {error}") from error


def as_numbers(values: Any, rows: int, what: str) -> NDArray[np.float64]:
    """Return `values` as float64 (rows,), or raise `PluginError`."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _useless(f"{what}: {type(values).__name__} that holds no numbers") from error
    if numbers.shape != (rows,):
        raise _useless(f"{what}: shape {numbers.shape} instead of ({rows},)")
    return numbers


def _useless(what: str) -> PluginError:
    return PluginError(what, "its plugin is at fault; see `TopLayer` in tlbench.specs")
