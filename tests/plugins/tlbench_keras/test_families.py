"""A small network of each family: random weights that carry a signal, and another engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.tlbench_keras.known import BACKBONE, SMALLEST, photographs
from tlbench.features.engines.base import Network
from tlbench.features.engines.choose import choose_engine, load_engine
from tlbench.specs import WeightsRequest
from tlbench_keras import networks, random_weights
from tlbench_keras.applications import Application

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("application", SMALLEST.values(), ids=lambda a: a.name)
def test_random_features_carry_a_signal_and_openvino_gives_the_same(
    application: Application, tmp_path: Path
) -> None:
    model = networks.build(application)
    random_weights.fill(model, random_weights.seed_of(application))
    model.trainable = False
    spec = BACKBONE[application.name]
    rule = spec.weights[-1].preprocessing
    assert rule is not None
    network = Network(replace(spec, load=lambda _: model), rule, None, "", "", tmp_path)
    grey = photographs(application.size).mean(axis=3).round().astype(np.uint8)
    pixels = np.concatenate([grey, 255 - grey])  # a batch is of 8
    features = _run(network, "tensorflow", pixels)
    assert np.isfinite(features).all()
    assert 0.05 < features.std() < 20
    assert np.abs(features).max() < 200
    assert (features.std(axis=0) > 0).mean() > 0.8
    assert np.corrcoef(features).min() < 0.999
    np.testing.assert_allclose(
        _run(network, "openvino", pixels), features, atol=2e-3 * features.std(), rtol=2e-3
    )


def _run(network: Network, engine: str, pixels: Any) -> Any:
    key = choose_engine(network, engine, "float32")
    (features,) = load_engine(network, key).run([pixels])
    return features


@pytest.mark.parametrize("name", ["efficientnet_b0", "xception"])
def test_random_weights_are_the_same_bytes_whatever_was_built_before(
    name: str, tmp_path: Path
) -> None:
    """EfficientNet has random streams of its own; Xception names some layers and not others."""
    weights = BACKBONE[name].weights[-1]
    first, second = (weights.obtain(WeightsRequest(tmp_path / x)) for x in ("first", "second"))
    assert first != second
    assert first.read_bytes() == second.read_bytes()
    assert BACKBONE[name].load(first).trainable_weights == []
