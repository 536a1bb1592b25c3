from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.plugins.tlbench_keras.known import APPLICATION, BACKBONE
from tlbench.backbones import at_layer
from tlbench.errors import WeightsError
from tlbench.specs import BackboneSpec, WeightsRequest
from tlbench_keras import networks, random_weights, weights_files

_INCEPTION_V3 = APPLICATION["inception_v3"]


@pytest.fixture
def backbone() -> BackboneSpec:
    return BACKBONE["inception_v3"]


def test_weights_come_in_order_of_preference_each_with_its_own_range(
    backbone: BackboneSpec,
) -> None:
    assert [weights.name for weights in backbone.weights] == ["imagenet", "nsfwjs", "random"]
    scales = [weights.preprocessing and weights.preprocessing.scale for weights in backbone.weights]
    assert scales == [(-1.0, 1.0), (0.0, 1.0), (-1.0, 1.0)]
    assert [weights.control for weights in backbone.weights] == [False, False, True]
    assert backbone.weights[1].title == "nsfwjs (ImageNet to mixed5, then fine-tuned; 8 bit)"
    assert all(weights.licence and weights.trained_on for weights in backbone.weights)


def test_this_backbone_needs_weights(backbone: BackboneSpec) -> None:
    with pytest.raises(WeightsError, match="needs a weights file"):
        backbone.load(None)


def _no_hdf5(file: Path) -> None:
    file.write_bytes(b"PK\x03\x04 something else")


def _empty(file: Path) -> None:
    file.touch()


def _folder(file: Path) -> None:
    file.mkdir()


def _nothing(_: Path) -> None:
    return None


def _foreign_hdf5(file: Path) -> None:
    with h5py.File(file, "w") as root:
        root["table"] = np.zeros(3)


def _header_only(file: Path) -> None:
    file.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_nothing, "does not exist"),
        (_folder, "is a folder"),
        (_empty, "is not an HDF5 file"),
        (_no_hdf5, "is not an HDF5 file"),
        (_header_only, "is damaged"),
        (_foreign_hdf5, "without Keras weights"),
    ],
)
def test_a_wrong_file_is_refused_at_once_and_named(
    make: Any, message: str, tmp_path: Path, backbone: BackboneSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "build", lambda _: pytest.fail("went on to build the network"))
    file = tmp_path / "mine.weights.h5"
    make(file)
    with pytest.raises(WeightsError, match=message) as caught:
        backbone.load(file)
    assert str(file) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.weights.h5"
    file.write_bytes(b"old")

    def write(part: Path) -> None:
        part.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(WeightsError, match="No space left on device"):
        weights_files.write_whole(file, write)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_two_writers_at_the_same_time_both_write_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "a.weights.h5"

    def write_first(part: Path) -> None:
        part.write_bytes(b"first, begun before the second and ended after it")
        weights_files.write_whole(file, lambda other: other.write_bytes(b"second") and None)
        assert file.read_bytes() == b"second"

    weights_files.write_whole(file, write_first)
    assert file.read_bytes() == b"first, begun before the second and ended after it"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file, where a folder should be")
    file = tmp_path / "folder" / "a.weights.h5"
    with pytest.raises(WeightsError, match="can't be written") as caught:
        weights_files.write_whole(file, lambda part: part.touch())
    assert str(file) in caught.value.message


@pytest.fixture(scope="module")
def network(random_file: Path) -> Any:
    """The network with random weights, loaded once, for tests that only look at it."""
    return networks.load(_INCEPTION_V3, random_file)


@pytest.mark.slow
class TestTheBuiltNetwork:
    def test_random_weights_are_the_same_bytes_each_time(
        self, request_: WeightsRequest, random_file: Path
    ) -> None:
        again = random_weights.obtain(_INCEPTION_V3, replace(request_, offline=True))
        assert again.read_bytes() == random_file.read_bytes()
        assert [path.name for path in request_.folder.iterdir()] == [again.name]
        assert str(random_weights.seed_of(_INCEPTION_V3)) in again.name
        assert random_weights.find(_INCEPTION_V3, request_) == again

    def test_random_weights_are_what_the_seed_says(self, network: Any) -> None:
        (kernel,) = _convolutions(network)[0].get_weights()
        limit = np.sqrt(6 / (3 * 3 * 3))
        draws = np.random.RandomState(random_weights.seed_of(_INCEPTION_V3)).uniform(
            -limit, limit, kernel.shape
        )
        np.testing.assert_array_equal(kernel, draws.astype(np.float32))

    def test_a_truncated_file_is_named(self, random_file: Path, tmp_path: Path) -> None:
        file = tmp_path / "cut.weights.h5"
        content = random_file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        with pytest.raises(WeightsError, match="is damaged") as caught:
            networks.load(_INCEPTION_V3, file)
        assert str(file) in caught.value.message

    def test_values_that_are_not_finite_are_refused(
        self, random_file: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "nan.weights.h5"
        file.write_bytes(random_file.read_bytes())
        with h5py.File(file, "r+") as root:
            root["layers/conv2d/vars/0"][0, 0, 0, 0] = np.nan
        with pytest.raises(WeightsError, match="not finite"):
            networks.load(_INCEPTION_V3, file)

    def test_weights_of_another_architecture_are_refused(self, tmp_path: Path) -> None:
        import keras

        other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        other.save_weights(tmp_path / "other.weights.h5")
        with pytest.raises(WeightsError, match="Inception v3 without its top layer") as caught:
            networks.load(_INCEPTION_V3, tmp_path / "other.weights.h5")
        assert "holds 2 arrays of 15 numbers" in caught.value.message
        assert "has 376 arrays of 21,802,784 numbers" in caught.value.message

    def test_the_same_arrays_in_another_order_are_refused(
        self, random_file: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "swapped.weights.h5"
        file.write_bytes(random_file.read_bytes())
        with h5py.File(file, "r+") as root:
            root.move("layers/conv2d/vars/0", "kept")
            root.move("layers/conv2d_1/vars/0", "layers/conv2d/vars/0")
            root.move("kept", "layers/conv2d_1/vars/0")
        with pytest.raises(WeightsError, match="does not fit Inception v3") as caught:
            networks.load(_INCEPTION_V3, file)
        assert "\n" not in caught.value.message

    def test_the_older_format_gives_the_same_weights(self, network: Any, tmp_path: Path) -> None:
        file = tmp_path / "older.h5"
        _write_older_format(network, file)
        for mine, theirs in zip(
            network.weights, networks.load(_INCEPTION_V3, file).weights, strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)

    @pytest.mark.parametrize(
        ("name", "advice"), [("mine.h5", "mine.weights.h5"), ("mine.bin", "mine.weights.h5")]
    )
    def test_a_name_that_would_mislead_keras_is_refused_with_the_right_one(
        self, name: str, advice: str, random_file: Path, tmp_path: Path
    ) -> None:
        (tmp_path / name).write_bytes(random_file.read_bytes())
        with pytest.raises(WeightsError, match="of the kind that is named") as caught:
            networks.load(_INCEPTION_V3, tmp_path / name)
        assert caught.value.hint == f'rename it to "{advice}"'


def _convolutions(network: Any) -> list[Any]:
    layers = [layer for layer in network.layers if type(layer).__name__ == "Conv2D"]
    return networks.in_order_of_creation(layers)


def _write_older_format(network: Any, file: Path) -> None:
    """Write weights as Keras 2 did, and as Keras's own releases still are."""
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(file, "w") as root:
        legacy_h5_format.save_weights_to_hdf5_group(root, network)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet", "efficientnet_b0", "convnext_tiny"])
def test_features_are_those_of_keras_with_its_own_release(
    name: str, keras_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EfficientNet is built otherwise for ImageNet's weights, and ConvNeXt is nested."""
    import keras
    from keras.src.utils import file_utils

    application = APPLICATION[name]
    original = getattr(keras.applications, application.function)
    options = {
        "include_top": False,
        "pooling": "avg",
        "input_shape": (application.size,) * 2 + (3,),
    }
    random = original(weights=None, **options)
    random_weights.fill(random, 1)
    _write_older_format(random, tmp_path / "release.h5")
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: str(tmp_path / "release.h5"))
    theirs = original(weights="imagenet", **options)
    mine = networks.load(application, tmp_path / "release.h5")
    assert mine.trainable is False
    assert mine.trainable_weights == []
    images = (
        np.random.default_rng(0).uniform(0, 255, (2, *options["input_shape"])).astype("float32")
    )
    expected = np.asarray(theirs(images, training=False))
    np.testing.assert_array_equal(np.asarray(mine(images, training=False)), expected)
    random.save_weights(tmp_path / "newer.weights.h5")
    newer = networks.load(application, tmp_path / "newer.weights.h5")
    np.testing.assert_array_equal(np.asarray(newer(images, training=False)), expected)


@pytest.mark.slow
def test_the_end_of_a_stage_of_convnext_is_the_sum(tmp_path: Path) -> None:
    application = APPLICATION["convnext_tiny"]
    whole = networks.build(application)
    spec = replace(BACKBONE["convnext_tiny"], load=lambda _: whole)
    cut = at_layer(spec, "stage_1").load(None)
    assert cut.output_shape == (None, 192)
    layers = [layer.name for layer in cut.layers]
    assert "convnext_tiny_stage_1_block_2_layer_scale" in layers
    assert "convnext_tiny_downsampling_block_1" not in layers
