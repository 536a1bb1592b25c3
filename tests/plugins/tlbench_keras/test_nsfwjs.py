from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.plugins.tlbench_keras.packages import MODEL, make_entry, make_model, make_package
from tlbench.errors import WeightsError
from tlbench.specs import WeightsRequest
from tlbench_keras import nsfwjs
from tlbench_keras.nsfwjs import assign, read_package

_ENTRIES = [make_entry("a/kernel", [2, 3], 0.5, -1.0), make_entry("a/bias", [2], 0.1, 0.3)]
_BYTES = bytes([0, 1, 2, 3, 4, 255, 7, 9])


def test_arrays_are_cut_across_files_and_scaled() -> None:
    arrays = read_package(make_package(make_model(_ENTRIES, _BYTES[:5], _BYTES[5:])))
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
        read_package(make_package(make_model(entries, raw)))
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
        read_package(content)
    assert message in caught.value.message
    assert caught.value.hint


def test_links_in_the_package_are_not_followed(tmp_path: Any) -> None:
    member = tarfile.TarInfo(f"package/{MODEL}model.min.js")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
    with tarfile.open(tmp_path / "links.tgz", "w:gz") as archive:
        archive.addfile(member)
    with pytest.raises(WeightsError, match=r'model\.min\.js" is missing'):
        read_package((tmp_path / "links.tgz").read_bytes())


def test_offline_names_the_file_and_where_it_would_be(
    request_: WeightsRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nsfwjs, "fetch_package", lambda _: pytest.fail("reached for the network"))
    with pytest.raises(WeightsError) as caught:
        nsfwjs.obtain(replace(request_, offline=True))
    assert "inception_v3-nsfwjs-4.4.0.weights.h5" in caught.value.message
    assert str(request_.folder) in caught.value.message


def test_a_converted_file_is_found_and_an_empty_one_is_not(request_: WeightsRequest) -> None:
    file = request_.folder / "inception_v3-nsfwjs-4.4.0.weights.h5"
    request_.folder.mkdir()
    file.touch()
    assert nsfwjs.find(request_) is None
    file.write_bytes(b"\x89HDF\r\n\x1a\nand so on")
    assert nsfwjs.find(request_) == file
    assert nsfwjs.obtain(replace(request_, offline=True)) == file


@pytest.mark.slow
@pytest.mark.network
class TestThePublishedPackage:
    def test_the_tarball_has_the_stated_size(self, nsfwjs_tarball: bytes) -> None:
        assert len(nsfwjs_tarball) == nsfwjs.SIZE

    def test_all_its_arrays_are_read(self, nsfwjs_tarball: bytes) -> None:
        arrays = read_package(nsfwjs_tarball)
        assert len(arrays) == 94 + 94 * 3 + 3 * 2
        head = 2048 * 256 + 256 + 256 * 128 + 128 + 128 * 5 + 5
        assert sum(array.size for array in arrays.values()) == 21_802_784 + head

    def test_its_own_head_calls_everyday_photographs_neutral(
        self, nsfwjs_tarball: bytes, nsfwjs_file: Any, photographs: Any
    ) -> None:
        from tlbench_keras import inception

        head = read_package(nsfwjs_tarball)
        values = np.asarray(inception.load(nsfwjs_file)(photographs, training=False))
        for layer in ("dense_1", "dense_2"):
            values = np.maximum(values @ head[f"{layer}/kernel"] + head[f"{layer}/bias"], 0)
        values = values @ head["dense_3/kernel"] + head["dense_3/bias"]
        shares = np.exp(values - values.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        assert shares.argmax(1).tolist() == [2, 2, 2, 2]
        assert shares[:, 2].min() > 0.9

    def test_converting_again_gives_the_same_bytes_and_leaves_one_file(
        self,
        nsfwjs_tarball: bytes,
        nsfwjs_file: Any,
        request_: WeightsRequest,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        said: list[str] = []
        monkeypatch.setattr(nsfwjs, "fetch_package", lambda _: nsfwjs_tarball)
        file = nsfwjs.obtain(replace(request_, say=said.append))
        assert file.read_bytes() == nsfwjs_file.read_bytes()
        assert [path.name for path in request_.folder.iterdir()] == [file.name]
        assert [line.split()[0] for line in said] == ["fetching", "converting"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda arrays: arrays.pop("conv2d_94/kernel"), 'holds 93 arrays named "conv2d_*"'),
            (lambda arrays: arrays.update({"conv2d_95/kernel": None}), "holds 95 arrays"),
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
        arrays = read_package(nsfwjs_tarball)
        change(arrays)
        with pytest.raises(WeightsError) as caught:
            assign(untouched, arrays)
        assert message in caught.value.message


@pytest.fixture(scope="module")
def untouched() -> Any:
    """A network whose values don't matter."""
    from tlbench_keras import inception

    return inception.build()


def _swapped(arrays: dict[str, Any]) -> dict[str, Any]:
    return {
        "conv2d_1/kernel": arrays["conv2d_2/kernel"],
        "conv2d_2/kernel": arrays["conv2d_1/kernel"],
    }


@pytest.fixture(scope="session")
def photographs() -> Any:
    """Four everyday photographs, 0..1, of shape (4, 299, 299, 3)."""
    from PIL import Image
    from skimage import data

    images = [data.chelsea(), data.coffee(), data.astronaut(), data.rocket()]
    sized = [
        Image.fromarray(image).resize((299, 299), Image.Resampling.BILINEAR) for image in images
    ]
    return np.stack([np.asarray(image, np.float32) / 255 for image in sized])
