from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.tlbench_keras.known import APPLICATION, BACKBONE, photographs
from tests.plugins.tlbench_keras.packages import MODEL, make_entry, make_model, make_package
from tlbench.errors import WeightsError
from tlbench.specs import WeightsRequest
from tlbench_keras import networks, nsfwjs
from tlbench_keras.nsfwjs import assign

_INCEPTION_V3 = APPLICATION["inception_v3"]
_MODELS = sorted(nsfwjs.FROZEN_TO)
_ENTRIES = [make_entry("a/kernel", [2, 3], 0.5, -1.0), make_entry("a/bias", [2], 0.1, 0.3)]
_BYTES = bytes([0, 1, 2, 3, 4, 255, 7, 9])


def _read(content: bytes) -> dict[str, Any]:
    return nsfwjs.read_package(content, "inception_v3")


def test_arrays_are_cut_across_files_and_scaled() -> None:
    arrays = _read(make_package(make_model(_ENTRIES, _BYTES[:5], _BYTES[5:])))
    assert list(arrays) == ["a/kernel", "a/bias"]
    np.testing.assert_array_equal(arrays["a/kernel"], [[-1, -0.5, 0], [0.5, 1, 126.5]])
    expected = np.array([7 * 0.1 + 0.3, 9 * 0.1 + 0.3]).astype(np.float32)
    np.testing.assert_array_equal(arrays["a/bias"], expected)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


def _changed(**changes: Any) -> list[dict[str, Any]]:
    return [{**_ENTRIES[0], **changes}, _ENTRIES[1]]


@pytest.mark.parametrize(
    ("entries", "raw", "message"),
    [
        (_ENTRIES, _BYTES + b"x", "describes 8 bytes of weights and holds 9"),
        (_ENTRIES, _BYTES[:-1], '"a/bias" of the package lies beyond the end'),
        (
            [_ENTRIES[0], _ENTRIES[0]],
            _BYTES + _BYTES[:4],
            '"a/kernel" of the package is listed twice',
        ),
        (_changed(shape=[2, -3]), _BYTES, "can't be used"),
        (_changed(shape=[2.5]), _BYTES, "can't be used"),
        (_changed(shape=None), _BYTES, "can't be used"),
        (_changed(quantization=None), _BYTES, "can't be used"),
        (_changed(quantization={"dtype": "uint16", "scale": 1, "min": 0}), _BYTES, "can't be used"),
        (
            _changed(quantization={"dtype": "uint8", "scale": "x", "min": 0}),
            _BYTES,
            "can't be used",
        ),
        ([7], _BYTES, "can't be used"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    entries: list[Any], raw: bytes, message: str
) -> None:
    with pytest.raises(WeightsError) as caught:
        _read(make_package(make_model(entries, raw)))
    assert message in caught.value.message


def _without(path: str) -> bytes:
    files = make_model(_ENTRIES, _BYTES)
    del files[MODEL + path]
    return make_package(files)


def _with(path: str, text: str) -> bytes:
    return make_package({**make_model(_ENTRIES, _BYTES), MODEL + path: text})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no tarball", "not a readable tarball"),
        (gzip.compress(b"no tarball" * 100), "not a readable tarball"),
        (make_package(make_model(_ENTRIES, _BYTES))[:-200], "not a readable tarball"),
        (_without("model.min.js"), "model.min.js"),
        (_without("group1-shard1of1.min.js"), "group1-shard1of1.min.js"),
        (_with("group1-shard1of1.min.js", 'n.exports="abc"'), "is not base64"),
        (_with("group1-shard1of1.min.js", "n.exports=fetch()"), "holds no base64 string"),
        (_with("model.min.js", "n.exports=fetch()"), "exports no object"),
        (_with("model.min.js", "n.exports={a:fetch()}"), "not plain data"),
        (_with("model.min.js", "n.exports={a:1}"), "no list of weights"),
        (_with("model.min.js", "n.exports={weightsManifest:[]}"), "no list of weights"),
        (_with("model.min.js", "n.exports={weightsManifest:7}"), "no list of weights"),
    ],
)
def test_a_package_of_other_make_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(WeightsError) as caught:
        _read(content)
    assert message in caught.value.message
    assert caught.value.hint


def test_links_in_the_package_are_not_followed(tmp_path: Any) -> None:
    member = tarfile.TarInfo(f"package/{MODEL}model.min.js")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
    with tarfile.open(tmp_path / "links.tgz", "w:gz") as archive:
        archive.addfile(member)
    with pytest.raises(WeightsError, match=r'model\.min\.js" is missing'):
        _read((tmp_path / "links.tgz").read_bytes())


def test_offline_names_the_file_and_where_it_would_be(
    request_: WeightsRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nsfwjs, "fetch_package", lambda _: pytest.fail("reached for the network"))
    with pytest.raises(WeightsError) as caught:
        nsfwjs.obtain(_INCEPTION_V3, replace(request_, offline=True))
    assert "inception_v3-nsfwjs-4.4.0.weights.h5" in caught.value.message
    assert str(request_.folder) in caught.value.message


def test_a_converted_file_is_found_and_an_empty_one_is_not(request_: WeightsRequest) -> None:
    file = request_.folder / "inception_v3-nsfwjs-4.4.0.weights.h5"
    request_.folder.mkdir()
    file.touch()
    assert nsfwjs.find(_INCEPTION_V3, request_) is None
    file.write_bytes(b"\x89HDF\r\n\x1a\nand so on")
    assert nsfwjs.find(_INCEPTION_V3, request_) == file
    assert nsfwjs.obtain(_INCEPTION_V3, replace(request_, offline=True)) == file


@pytest.mark.slow
@pytest.mark.network
class TestThePublishedPackage:
    def test_the_tarball_has_the_stated_size(self, nsfwjs_tarball: bytes) -> None:
        assert len(nsfwjs_tarball) == nsfwjs.SIZE

    @pytest.mark.parametrize("model", _MODELS)
    def test_all_its_arrays_are_read(self, model: str, nsfwjs_tarball: bytes) -> None:
        arrays = nsfwjs.read_package(nsfwjs_tarball, model)
        application = APPLICATION[model]
        head = application.feature_size * 256 + 256 + 256 * 128 + 128 + 128 * 5 + 5
        assert sum(array.size for array in arrays.values()) == application.parameters + head

    @pytest.mark.parametrize("model", _MODELS)
    def test_its_own_head_calls_everyday_photographs_neutral(
        self, model: str, nsfwjs_tarball: bytes, nsfwjs_files: dict[str, Path]
    ) -> None:
        network = networks.load(APPLICATION[model], nsfwjs_files[model])
        head = nsfwjs.read_package(nsfwjs_tarball, model)
        shares = _classify(network, head, _scaled(model))
        assert shares.argmax(1).tolist() == [2, 2, 2, 2]
        assert (shares[:3, 2] > 0.9).all()

    @pytest.mark.parametrize("model", _MODELS)
    def test_its_batch_statistics_are_those_of_photographs_from_0_to_1(
        self, model: str, nsfwjs_files: dict[str, Path]
    ) -> None:
        """What a right layer gets is what its batch normalisation saw in training."""
        network = networks.load(APPLICATION[model], nsfwjs_files[model])
        images = _scaled(model)
        right = _misfit(network, images)
        assert right < 0.2
        assert _misfit(network, images * 2 - 1) > 0.25
        assert _misfit(network, images * 255) > 1
        _swap_layers(network)
        assert _misfit(network, images) > 0.25

    @pytest.mark.parametrize("model", _MODELS)
    def test_the_description_says_up_to_where_layers_were_frozen(
        self, model: str, nsfwjs_tarball: bytes
    ) -> None:
        trainable = _trainable(nsfwjs_tarball, model)
        stem = "block_11_expand" if model == "mobilenet_v2" else "conv2d_56"
        names = list(trainable)
        first = names.index(stem)
        assert not any(trainable[name] for name in names[:first])
        assert all(trainable[name] for name in names[first:])

    def test_converting_again_gives_the_same_bytes_and_leaves_one_file(
        self,
        nsfwjs_tarball: bytes,
        nsfwjs_files: dict[str, Path],
        request_: WeightsRequest,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        said: list[str] = []
        monkeypatch.setattr(nsfwjs, "fetch_package", lambda _: nsfwjs_tarball)
        file = nsfwjs.obtain(_INCEPTION_V3, replace(request_, say=said.append))
        assert file.read_bytes() == nsfwjs_files["inception_v3"].read_bytes()
        assert [path.name for path in request_.folder.iterdir()] == [file.name]
        assert [line.split()[0] for line in said] == ["fetching", "converting"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda arrays: arrays.pop("conv2d_94/kernel"),
                'lacks array "conv2d_94/kernel", unlike Inception v3',
            ),
            (
                lambda arrays: arrays.update({"conv2d_95/kernel": None}),
                'holds array "conv2d_95/kernel", unlike Inception v3',
            ),
            (lambda arrays: arrays.update(_swapped(arrays)), "has shape (3, 3, 32, 32)"),
            (
                lambda arrays: arrays["batch_normalization_9/moving_variance"].fill(-1),
                '"batch_normalization_9/moving_variance" of the package is negative',
            ),
        ],
    )
    def test_another_network_is_refused(
        self, nsfwjs_tarball: bytes, untouched: Any, change: Callable[[Any], Any], message: str
    ) -> None:
        arrays = nsfwjs.read_package(nsfwjs_tarball, "inception_v3")
        change(arrays)
        with pytest.raises(WeightsError) as caught:
            assign(untouched, arrays, what="Inception v3")
        assert message in caught.value.message


@pytest.fixture(scope="module")
def untouched() -> Any:
    """A network whose values don't matter."""
    return networks.build(_INCEPTION_V3)


def _swapped(arrays: dict[str, Any]) -> dict[str, Any]:
    return {
        "conv2d_1/kernel": arrays["conv2d_2/kernel"],
        "conv2d_2/kernel": arrays["conv2d_1/kernel"],
    }


def _scaled(model: str) -> Any:
    """Photographs scaled as the backbone says of these weights, which is 0..1."""
    weights = next(w for w in BACKBONE[model].weights if w.name == "nsfwjs")
    assert weights.preprocessing is not None
    low, high = weights.preprocessing.scale
    images = photographs(APPLICATION[model].size).astype(np.float32)
    return images / 255 * (high - low) + low


def _classify(network: Any, head: dict[str, Any], images: Any) -> Any:
    values = np.asarray(network(images, training=False))
    for layer in ("dense_1", "dense_2"):
        values = np.maximum(values @ head[f"{layer}/kernel"] + head[f"{layer}/bias"], 0)
    values = values @ head["dense_3/kernel"] + head["dense_3/bias"]
    shares = np.exp(values - values.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def _misfit(network: Any, images: Any) -> float:
    """How far, in standard deviations, channels are from the mean that training noted."""
    import keras

    layers = [x for x in network.layers if type(x).__name__ == "BatchNormalization"]
    signals = keras.Model(network.input, [layer.input for layer in layers])(images, training=False)
    found = []
    for layer, signal in zip(layers, signals, strict=True):
        mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
        away = np.abs(np.asarray(signal).mean((0, 1, 2)) - mean) / np.sqrt(variance + 1e-3)
        found.append(float(np.median(away)))
    return float(np.mean(found))


def _swap_layers(network: Any) -> None:
    """Exchange, one with the next, all convolutions of the same shape."""
    layers = [x for x in network.layers if type(x).__name__ == "Conv2D"]
    for one in layers:
        for other in layers[layers.index(one) + 1 :]:
            if one.kernel.shape == other.kernel.shape:
                values = one.get_weights()
                one.set_weights(other.get_weights())
                other.set_weights(values)
                break


def _trainable(tarball: bytes, model: str) -> dict[str, bool]:
    members = nsfwjs._read_members(tarball, f"package/dist/models/{model}/")
    described = nsfwjs._literal_after_exports(members["model.min.js"])
    return {
        layer["config"]["name"]: layer["config"]["trainable"]
        for layer in described["modelTopology"]["model_config"]["config"]["layers"]
        if "trainable" in layer["config"] and layer["class_name"] != "InputLayer"
    }
