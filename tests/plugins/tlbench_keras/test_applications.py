"""Every figure of the table, against the Keras that is installed."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.plugins.tlbench_keras.known import BACKBONE, SMALLEST
from tlbench_keras import networks
from tlbench_keras.applications import APPLICATIONS, Application, Family
from tlbench_keras.block_ends import BLOCK_ENDS
from tlbench_keras.releases import RELEASES

_FAMILIES = list({a.family.module: a.family for a in APPLICATIONS}.values())


def test_the_tables_are_of_the_same_networks() -> None:
    names = [application.name for application in APPLICATIONS]
    assert len(set(names)) == len(names) == 40
    assert list(BLOCK_ENDS) == list(RELEASES) == names
    assert list(BACKBONE) == names


@pytest.mark.parametrize("name", sorted(BACKBONE))
def test_each_backbone_says_where_it_is_from_and_what_it_was_trained_on(name: str) -> None:
    backbone = BACKBONE[name]
    assert re.search(r"\d{4}.*(doi:10\.|arXiv:)\d{4}", backbone.reference)
    nsfwjs = ["nsfwjs"] if name in ("inception_v3", "mobilenet_v2") else []
    assert [weights.name for weights in backbone.weights] == ["imagenet", *nsfwjs, "random"]
    assert all(weights.licence and weights.trained_on for weights in backbone.weights)
    assert [weights.control for weights in backbone.weights[-2:]] == [False, True]
    assert 3 <= len(backbone.layers) <= 10


@pytest.mark.slow
class TestWithKeras:
    """Networks are built without values, which takes half a second instead of ten."""

    @pytest.fixture(autouse=True)
    def _give_memory_back(self) -> Iterator[None]:
        """Of forty networks Keras would keep 13 GB until the end of the process."""
        yield
        import keras

        keras.backend.clear_session()
        gc.collect()

    @pytest.mark.parametrize("application", APPLICATIONS, ids=lambda a: a.name)
    def test_every_figure_is_keras_own(self, application: Application, asked: Any) -> None:
        import keras

        side = application.size
        network = getattr(keras.applications, application.function)(
            weights="imagenet", include_top=False, pooling="avg", input_shape=(side, side, 3)
        )
        release = RELEASES[application.name]
        assert asked["files"] == [(release.name, release.url, release.checksum)]
        # MobileNet V3 takes any size, and says in the file's name which one its weights are for.
        assert asked["sizes"] == [side] or f"_{side}_" in release.name
        assert network.output_shape == (None, application.feature_size)
        assert network.count_params() == application.parameters
        if application.family.module in networks._INSERTED:
            network = networks.build(application)
            assert network.count_params() == application.parameters
        for layer, channels in BLOCK_ENDS[application.name].items():
            rank_four = network.get_layer(layer).output.shape
            assert (len(rank_four), rank_four[-1]) == (4, channels)

    @pytest.mark.parametrize("family", _FAMILIES, ids=lambda f: f.module)
    def test_the_scaling_is_keras_own(self, family: Family) -> None:
        import keras

        from tlbench.features.engines.base import Kind
        from tlbench.features.engines.tensorflow_engine import trace

        pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
        rule = BACKBONE[SMALLEST[family.module].name].preprocessing
        found = trace(lambda images, training: images, rule, Kind.of(pixels))(pixels)
        module = getattr(keras.applications, family.module)
        expected = module.preprocess_input(pixels.astype(np.float32))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("family", _FAMILIES, ids=lambda f: f.module)
    def test_the_paper_is_the_one_keras_names(self, family: Family) -> None:
        text = Path(_source(family.module).__file__ or "").read_text(encoding="utf-8")
        stated = re.search(r"arXiv:(\S+)$", family.reference)
        titles = " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split())
        title = re.sub(r"[^a-z0-9]+", " ", family.reference.split(". ")[1].lower()).strip()
        assert (stated and stated.group(1) in text) or title in titles


def _source(module: str) -> ModuleType:
    import importlib

    return importlib.import_module(f"keras.src.applications.{module}")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[Any]]]:
    """What Keras asks for as it builds networks without values: files and usual input sizes."""
    import keras
    from keras.src.applications import imagenet_utils
    from keras.src.backend.common import variables
    from keras.src.utils import file_utils

    found: dict[str, list[Any]] = {"files": [], "sizes": []}
    shape_of = imagenet_utils.obtain_input_shape

    def get_file(name: str, origin: str, **options: Any) -> str:
        digest = options.get("file_hash")
        algorithm = "md5" if digest and len(digest) == 32 else "sha256"
        found["files"].append((name, origin, digest and f"{algorithm}:{digest}"))
        return ""

    def obtain_input_shape(*shape: Any, **options: Any) -> Any:
        found["sizes"].append(options["default_size"])
        return shape_of(*shape, **options)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setattr(imagenet_utils, "obtain_input_shape", obtain_input_shape)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_, **__: None)
    monkeypatch.setattr(variables, "initialize_all_variables", lambda: None)
    with keras.StatelessScope():
        yield found
