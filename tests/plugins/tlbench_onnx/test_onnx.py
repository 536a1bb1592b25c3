"""`onnx:FILE`: what is run, and what is refused with one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed: tlbench[onnx]")
pytest.importorskip("onnx", reason="the package onnx, which makes the test models, is missing")

import tlbench
from tests.plugins.tlbench_onnx.models import MAPS, WORDS, expected, save_model, state
from tests.radiographs import make_folder
from tlbench.backbones import find_backbone
from tlbench.errors import TlbenchError, UnknownNameError, WeightsError
from tlbench.plugins import load_plugins
from tlbench.specs import BackboneSpec

RULES = ("scale = [0, 1]", "mean = [0.4, 0.5, 0.6]", "std = [0.2, 0.25, 0.3]")
MEAN, STD = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.25, 0.3])


def spec(file: Path) -> BackboneSpec:
    return find_backbone(load_plugins(), f"onnx:{file}").spec


def features(file: Path, pixels: np.ndarray) -> np.ndarray:
    backbone = spec(file)
    (weights,) = backbone.weights
    model = backbone.load(weights.obtain(None))
    out = model(pixels)
    assert out.dtype == np.float32
    assert out.shape == (len(pixels), backbone.feature_size)
    return out


def draw(dtype: str = "uint8", colour: bool = True, size: int = 16) -> np.ndarray:
    shape = (8, size, size, 3) if colour else (8, size, size)
    return np.random.RandomState(1).randint(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


@pytest.mark.parametrize("batch", ["n", 1, 3, 8])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("colour", [True, False])
def test_pixels_are_scaled_as_stated(
    tmp_path: Path, batch: int | str, dtype: str, colour: bool
) -> None:
    file = state(save_model(tmp_path / "a.onnx", (batch, 3, 16, 16)), *RULES)
    pixels = draw(dtype, colour)
    images = pixels / np.iinfo(dtype).max
    images = images if colour else np.repeat(images[..., None], 3, axis=3)
    wanted = expected(np.moveaxis((images - MEAN) / STD, 3, 1))
    np.testing.assert_allclose(features(file, pixels), wanted, atol=1e-4)


def test_channels_come_in_the_order_stated(tmp_path: Path) -> None:
    file = state(save_model(tmp_path / "a.onnx"), *RULES, 'channels = "bgr"')
    images = (draw()[..., ::-1] / 255 - MEAN) / STD
    np.testing.assert_allclose(
        features(file, draw()), expected(np.moveaxis(images, 3, 1)), atol=1e-4
    )


def test_a_grey_model_gets_the_mean_of_the_colours(tmp_path: Path) -> None:
    file = state(save_model(tmp_path / "a.onnx", ("n", 1, 16, 16)), "scale = [-1024, 1024]")
    grey = np.rint(draw().mean(axis=3))
    wanted = expected(-1024 + grey[:, None] / 255 * 2048, channels=1)
    np.testing.assert_allclose(features(file, draw()), wanted, rtol=1e-4, atol=1e-2)
    assert spec(file).preprocessing.scale == (-1024, 1024)


def test_channels_last_are_found_by_the_shape(tmp_path: Path) -> None:
    nodes = [("Transpose", ["images"], ["turned"], {"perm": [0, 3, 1, 2]}), *MAPS]
    nodes[1] = ("Conv", ["turned", "kernel"], ["maps"], {"strides": [2, 2]})
    file = state(save_model(tmp_path / "a.onnx", (None, 16, 16, 3), nodes), *RULES)
    wanted = expected(np.moveaxis((draw() / 255 - MEAN) / STD, 3, 1))
    np.testing.assert_allclose(features(file, draw()), wanted, atol=1e-4)


def test_any_tensor_may_be_the_output_without_the_package_onnx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = save_model(tmp_path / "a.onnx")
    whole = features(state(file, *RULES), draw())
    (tmp_path / "maps.toml").write_text("\n".join([*RULES, 'model = "a.onnx"', 'output = "maps"']))
    monkeypatch.setitem(sys.modules, "onnx", None)
    np.testing.assert_allclose(features(tmp_path / "maps.toml", draw()), whole, atol=1e-5)
    assert spec(tmp_path / "maps.toml").name == "onnx:maps"
    flat = features(state(file, *RULES, 'output = "maps"', 'pooling = "none"'), draw())
    assert flat.shape == (8, 5 * 7 * 7)


def test_tokens_are_pooled_as_stated(tmp_path: Path) -> None:
    nodes = [
        MAPS[0],
        ("Shape", ["maps"], ["shape"], {"start": 0, "end": 2}),
        ("Constant", [], ["rest"], {"value_ints": [-1]}),
        ("Concat", ["shape", "rest"], ["wanted"], {"axis": 0}),
        ("Reshape", ["maps", "wanted"], ["tokens"], {}),
    ]
    file = save_model(tmp_path / "a.onnx", nodes=nodes, outputs=("tokens",))
    with pytest.raises(WeightsError, match="of 1×5×49, tokens of which") as caught:
        spec(state(file, *RULES))
    assert 'pooling = "average"' in caught.value.hint
    assert features(state(file, *RULES, 'pooling = "average"'), draw()).shape == (8, 49)
    assert features(state(file, *RULES, 'pooling = "first"'), draw()).shape == (8, 49)


def test_weights_in_a_second_file_count_as_part_of_the_model(tmp_path: Path) -> None:
    one = state(save_model(tmp_path / "one.onnx"), *RULES)
    options = {"save_as_external_data": True, "location": "two.bin", "size_threshold": 0}
    two = state(save_model(tmp_path / "two.onnx", **options), *RULES)
    np.testing.assert_array_equal(features(one, draw()), features(two, draw()))
    before = spec(two).version
    part = tmp_path / "two.bin"
    part.write_bytes(part.read_bytes()[:-4] + b"\0\0\0\0")
    assert "two.bin" in before
    assert spec(two).version != before
    part.unlink()
    with pytest.raises(WeightsError, match=r'keeps weights in "two.bin", which is missing'):
        spec(two)


def test_a_model_that_does_not_say_how_pixels_are_scaled_is_refused(tmp_path: Path) -> None:
    file = save_model(tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match="doesn't say what black and white become") as caught:
        spec(file)
    assert "scale = [0, 1]" in caught.value.hint
    assert "a.toml" in caught.value.hint


def small(folder: Path) -> Path:
    return save_model(folder / "a.onnx")


REFUSED = [
    (lambda d: d / "b.onnx", (), "does not exist"),
    (lambda d: d, (), "is a folder"),
    (lambda d: _bytes(d, b""), RULES, "no whole ONNX model: it holds no graph"),
    (lambda d: _bytes(d, b"\x89PNG\r\n\x1a\n" + bytes(99)), RULES, "no whole ONNX model"),
    (lambda d: _bytes(d, b"PK\x03\x04 and so on"), RULES, "no whole ONNX model"),
    (lambda d: _bytes(d, small(d).read_bytes()[:-40]), RULES, "cut short"),
    (small, ("sacle = [0, 1]",), 'holds "sacle", which means nothing here'),
    (small, ("scale = 255",), "not two numbers"),
    (small, ("scale = [0, 1]", "std = 0"), "not positive numbers"),
    (small, ("scale = [0, 1", "std = 0"), "can't be read"),
    (small, ('pooling = "max"',), 'not one of "average"'),
    (small, ("scale = [0, 1]", "size = [8, 8]"), "takes images of 16×16, not of 8×8"),
    (small, ("scale = [0, 1]", 'model = "b.onnx"'), 'is about "b.onnx"'),
    (lambda d: save_model(d / "a.onnx", ("n", 3, "h", "w")), RULES, "leaves the size"),
    (lambda d: save_model(d / "a.onnx", (None,) * 4), RULES, "does not tell channels from rows"),
    (
        lambda d: save_model(d / "a.onnx", ("n", 3), WORDS, dtype=7),
        RULES,
        "is int64 of 2 axes, not an",
    ),
    (lambda d: save_model(d / "a.onnx", outputs=("maps", "features")), RULES, "has 2 outputs"),
    (lambda d: save_model(d / "a.onnx", ("n", 1, 16, 16)), RULES, "is for 3 channels"),
    (lambda d: save_model(d / "a.onnx", nodes=[MAPS[1], MAPS[2]]), RULES, "can't open"),
]


def _bytes(folder: Path, content: bytes) -> Path:
    (folder / "a.onnx").write_bytes(content)
    return folder / "a.onnx"


@pytest.mark.parametrize(("make", "lines", "said"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_is_refused_gets_one_line(tmp_path: Path, make, lines, said: str) -> None:
    file = make(tmp_path)
    if lines:
        state(file, *lines)
    with pytest.raises(TlbenchError) as caught:
        spec(file)
    assert said in caught.value.message
    assert "\n" not in caught.value.message + caught.value.hint
    assert caught.value.hint


def test_an_unknown_output_comes_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        spec(state(small(tmp_path), *RULES, 'output = "pool"'))
    assert caught.value.hint == 'did you mean "pooled"?'


def test_other_weights_are_refused(tmp_path: Path) -> None:
    backbone = spec(state(small(tmp_path), *RULES))
    with pytest.raises(WeightsError, match="are the file itself"):
        backbone.load(tmp_path / "other.onnx")


def test_a_run_keeps_the_files_name_and_loads_no_framework(tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    file = state(save_model(folder / "tiny.onnx"), *RULES, 'trained_on = "nothing"')
    pictures = make_folder(tmp_path / "pictures")
    code = (
        "import sys\nsys.argv = ['tlbench', *sys.argv[1:]]\n"
        "from tlbench.cli.main import main\n"
        "try:\n    main()\n"
        "finally:\n    print([m for m in ('tensorflow', 'keras', 'onnx') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--backbone", f"onnx:{file}", "--dataset", "folder",
         "--data-root", pictures, "--protocol", "linear-probe"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    (path,) = (tmp_path / "results").glob("*/record.json")
    assert "secret" not in path.read_text()
    record = json.loads(path.read_text())
    assert record["backbone"] == "onnx:tiny"
    assert record["details"]["weights"]["trained_on"] == "nothing"
    assert len(record["details"]["weights"]["sha256"]) == 64
    assert record["command"][3] == "onnx:tiny.onnx"


def test_another_scale_or_output_never_meets_old_features(tmp_path: Path) -> None:
    file = save_model(tmp_path / "tiny.onnx")
    pictures = make_folder(tmp_path / "pictures", per_class=12)
    digests = set()
    for lines in (RULES, ("scale = [0, 1]",), (*RULES, 'output = "pooled"')):
        state(file, *lines)
        record = tlbench.run(
            f"onnx:{file}", dataset="folder", data_root=pictures, protocol="linear-probe",
            cache=tmp_path / "cache", results=tmp_path / "results",
        )  # fmt: skip
        digests.add(record["details"]["features"]["digest"])
    assert len(digests) == 3


TINY = Path(__file__).parents[1] / "files" / "tiny_keras.py"


@pytest.mark.slow
def test_a_backbone_of_keras_gives_the_same_features_from_an_onnx_file(tmp_path: Path) -> None:
    tf2onnx = pytest.importorskip("tf2onnx", reason="tf2onnx is not installed: tlbench[dev]")
    import tensorflow as tf

    from tlbench.features.engines.base import Network
    from tlbench.features.engines.choose import choose_engine, load_engine

    host = load_plugins([TINY])
    tiny = host.backbones.find("tiny").spec
    model = tiny.load(None)
    function = tf.function(
        lambda images: model(images, training=False),
        input_signature=[tf.TensorSpec((None, 32, 32, 3), tf.float32)],
    )
    file = tmp_path / "tiny.onnx"
    tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=17, output_path=str(file)
    )
    state(
        file, "scale = [0, 1]", "mean = [0.4, 0.5, 0.6]", "std = [0.2, 0.25, 0.3]",
        'channels = "bgr"',
    )  # fmt: skip
    same = find_backbone(host, f"onnx:{file}").spec
    for pixels in (draw(size=32), draw("uint16", size=32), draw(colour=False, size=32)):
        out = []
        for each, engine in ((tiny, "tensorflow"), (same, "auto")):
            weights = file if each is same else None
            network = Network(each, each.preprocessing, weights, "", "", tmp_path / "models")
            (got,) = load_engine(network, choose_engine(network, engine, "float32")).run([pixels])
            out.append(got)
        np.testing.assert_allclose(out[1], out[0], rtol=1e-3, atol=1e-4)
