"""The heat maps of a comparison's backbones, held against the scores they should explain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.backbones import find_backbone
from tlbench.errors import DataError, WeightsError
from tlbench.features.engines.base import Network
from tlbench.features.heatmaps import Method, make_heatmaps, require_keras
from tlbench.features.linear_top import read_linear_top
from tlbench.plugins import PluginHost
from tlbench.progress import Progress
from tlbench.records import Record
from tlbench.registry import Offer
from tlbench.report.page.sources import Source
from tlbench.specs import BackboneSpec
from tlbench.weights import choose_weights

FURTHEST, FURTHEST_IN_LESS = 0.05, 0.25
"""Maps whose sums differ from scores by more explain something else.

They are made in float32. Less precise features drift, the more so the smaller the scale by which a
top layer divides them: by up to 0.16 of a score in bfloat16, on FracAtlas.
"""


@dataclass(frozen=True)
class CaseMaps:
    """Maps (rows, columns) by case.

    `apart` is the largest difference between the score in the record and the one that a map adds
    up to, None for Grad-CAM, which does not add up to anything; `precision` is the run's.
    """

    method: Method
    maps: Mapping[str, NDArray[np.float32]]
    apart: float | None
    precision: str = "float32"


def make_maps(
    record: Record,
    sources: Mapping[str, Source],
    host: PluginHost,
    cache: Path,
    progress: Progress,
    *,
    offline: bool = False,
) -> CaseMaps:
    """Return the maps of some cases, as the backbone and the top layer of `record` make them.

    Raises a `TlbenchError` where the weights can't be had or are others, where the backbone is none
    of Keras, the top layer is not linear, or where maps don't add up to the scores.
    """
    offer = find_backbone(host, record["backbone"])
    require_keras(offer.spec)
    top = read_linear_top(record.folder)
    network = _network(record, offer, cache, progress, offline)
    files = {source.digest: source.radiograph.path for source in sources.values()}
    preparation = record["details"]["features"].get("preparation", ())
    made = make_heatmaps(network, top, files, preparation, progress)
    maps = {
        case: made.maps[source.digest]
        for case, source in sources.items()
        if source.digest in made.maps
    }
    precision = record["details"]["features"].get("engine", {}).get("precision", "float32")
    apart = _apart(record, maps) if made.method == "exact" else None
    if (apart or 0.0) > (FURTHEST if precision == "float32" else FURTHEST_IN_LESS):
        raise DataError(
            f"its heat maps add up to other scores than the record's (by up to {apart:.3f})",
            "the plugin has changed since the run; run it anew with --force",
        )
    return CaseMaps(made.method, maps, apart, precision)


def describe_maps(made: CaseMaps) -> str:
    """Return what the maps are, and how exact, in words."""
    rows, columns = next(iter(made.maps.values())).shape if made.maps else (0, 0)
    places = f"{rows} × {columns} places"
    if made.method == "exact":
        return (
            f"Exact class activation map of {places}: features are averages over these places and "
            "the top layer is linear in them, so the mean of the whole map is the log odds of the "
            f"score{_drift(made)}. Coloured are places that speak for a fracture: a radiograph "
            "that looked like such a place all over would be called one at the cut-off. What "
            "speaks against is not drawn."
        )
    return (
        f"Grad-CAM of {places}, an approximation: how the log odds of the score change with the "
        "last layer that has rows and columns. What speaks against a fracture is not drawn, and "
        "strengths have no unit: don't compare them between backbones."
    )


def _drift(made: CaseMaps) -> str:
    if made.apart is None or made.apart < 0.0005:
        return ""
    why = f", for the run computed in {made.precision}" if made.precision != "float32" else ""
    return f" (in float32; the run's scores differ by up to {made.apart:.3f}{why})"


def _network(
    record: Record,
    offer: Offer[BackboneSpec],
    cache: Path,
    progress: Progress,
    offline: bool,
) -> Network:
    """The network of the run; its weights are found as a run finds them."""
    used = record["details"]["weights"]
    if used["title"].startswith("file "):
        raise WeightsError(
            f'its weights were the file "{record["weights"]}", and a record holds no paths',
            "heat maps go with weights that a backbone declares",
        )
    weights = choose_weights(
        offer.spec, record["weights"], cache, offline=offline, progress=progress
    )
    if weights.sha256 != used["sha256"]:
        raise WeightsError(
            f'the weights "{weights.name}" here are another file than those of the run',
            "run it anew with --force",
        )
    return Network(
        offer.spec,
        weights.preprocessing,
        weights.file,
        weights.sha256,
        offer.source.digest,
        cache,
        progress.say,
    )


def _apart(record: Record, maps: Mapping[str, NDArray[np.float32]]) -> float:
    """The largest difference between a score and the one that its map adds up to."""
    scores = {row.case: row.score for row in record.predictions() if row.case in maps}
    sums = {case: float(values.mean(dtype=np.float64)) for case, values in maps.items()}
    return max(
        (abs(scores[case] - 0.5 * (1 + math.tanh(0.5 * sums[case]))) for case in maps), default=0.0
    )
