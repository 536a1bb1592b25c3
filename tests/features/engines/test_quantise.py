"""int8 only on request: the same graph each time, made once, with its drift in the record."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlbench
from tests.listener import Listener
from tests.radiographs import make_folder
from tlbench.errors import EngineError
from tlbench.features.engines import choose, quantise
from tlbench.features.engines.base import BATCH, Calibration, Network, version_of
from tlbench.features.engines.choose import choose_engine, load_engine, quantiser_version

TINY = Path(__file__).parents[2] / "plugins" / "files" / "tiny_keras.py"
needs_nncf = pytest.mark.skipif(
    not (version_of("openvino") and quantiser_version()), reason="OpenVINO or NNCF not installed"
)


def batches(dtype: str = "uint8", *colour: int) -> list[np.ndarray]:
    shape, draws = (BATCH, 32, 32, *colour), np.random.default_rng(3)
    return [draws.integers(0, np.iinfo(dtype).max, shape, dtype) for _ in range(3)]


def quantised(network: Network, folder: Path, images: list[np.ndarray]) -> np.ndarray:
    network = replace(network, cache=folder, calibration=Calibration("a", lambda _kind: images))
    key = replace(choose_engine(network, "openvino", "int8"), calibration="a")
    return np.concatenate(list(load_engine(network, key).run(images)))


def test_int8_is_never_the_choice_of_auto(network: Network) -> None:
    assert choose_engine(network).precision in ("auto", "float32")
    assert choose_engine(network, "openvino").quantiser == ""


def test_without_nncf_one_line_says_how_to_install_it(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "quantiser_version", lambda: None)
    with pytest.raises(EngineError) as caught:
        choose_engine(network, "openvino", "int8")
    assert caught.value.message == 'precision "int8" needs nncf'
    assert caught.value.hint == 'pip install "tlbench[int8]"'


def test_a_package_that_is_missing_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "QUANTISER", "no-such-package")
    assert quantiser_version() is None


@pytest.mark.parametrize("engine", ["tensorflow", "onnxruntime"])
def test_other_engines_refuse_int8(network: Network, engine: str) -> None:
    if not version_of(engine):
        pytest.skip("not installed")
    with pytest.raises(EngineError, match='does not run in "int8"'):
        choose_engine(network, engine, "int8")


def test_plain_python_refuses_int8(network: Network) -> None:
    python = replace(network, spec=replace(network.spec, framework="python"))
    with pytest.raises(EngineError, match="plain Python"):
        choose_engine(python, "auto", "int8")


@needs_nncf
@pytest.mark.parametrize("colour", [(), (3,)], ids=["grey", "rgb"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_features_in_int8_are_near_those_in_float32(
    network: Network, tmp_path: Path, dtype: str, colour: tuple[int, ...]
) -> None:
    images = batches(dtype, *colour)
    float32 = load_engine(network, choose_engine(network, "openvino", "float32"))
    expected = np.concatenate(list(float32.run(images)))
    found = quantised(network, tmp_path, images)
    assert not np.array_equal(found, expected)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(axis=1) / lengths).min() > 0.99


@needs_nncf
def test_quantising_twice_gives_the_same_bits_and_leaves_everything_as_it_was(
    network: Network, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    images = batches()
    before = logging.getLoggerClass()
    first = quantised(network, tmp_path / "first", images)
    second = quantised(network, tmp_path / "second", images)
    assert first.tobytes() == second.tobytes()
    one, other = (next((tmp_path / f).rglob("*-int8-*/model.bin")) for f in ("first", "second"))
    assert one.read_bytes() == other.read_bytes()
    assert logging.getLoggerClass() is before
    assert not logging.getLogger("nncf").disabled
    assert "nncf" not in "".join(capfd.readouterr()).lower()


@needs_nncf
def test_quantising_draws_nothing_from_global_streams(network: Network, tmp_path: Path) -> None:
    images, exported = batches(), replace(network, cache=tmp_path)
    list(load_engine(exported, choose_engine(network, "openvino", "float32")).run(images))
    before = random.getstate(), np.random.get_state()[1].tobytes()
    quantised(network, tmp_path, images)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before


def refuse(*_arguments: object) -> None:
    raise RuntimeError("no such operation\nand a long trace")


def write_nonsense(_exported: Path, _batches: object, file: Path) -> None:
    file.write_text("no graph")


@needs_nncf
@pytest.mark.parametrize("fails", [refuse, write_nonsense])
def test_a_failure_is_one_line_and_does_not_rule_the_engine_out(
    evaluate: Callable[..., tlbench.Record],
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[..., None],
) -> None:
    monkeypatch.setattr(choose, "has_gpu", lambda: False)
    monkeypatch.setattr(quantise, "_quantise", fails)
    with pytest.raises(EngineError, match='engine "openvino int8" can\'t run') as caught:
        evaluate(precision="int8")
    assert "\n" not in caught.value.message
    assert caught.value.hint == "leave out --precision"
    record = evaluate(precision="float32")
    assert record["details"]["features"]["engine"]["name"] == "openvino"


@needs_nncf
def test_the_record_names_quantiser_calibration_and_drift(
    evaluate: Callable[..., tlbench.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "has_gpu", lambda: False)
    monkeypatch.setattr("tlbench.features.self_check.LEAST_COSINE", 1.1)
    listener = Listener()
    record = evaluate(precision="int8", progress=listener)
    features = record["details"]["features"]
    engine, check = features["engine"], features["self_check"]
    assert engine["precision"] == check["precision"] == "int8"
    assert engine["quantiser"] == f"nncf {quantiser_version()}"
    assert len(engine["calibration"]) == 32
    assert 0.9 < check["least_cosine"] <= check["median_cosine"] <= 1
    assert check["passed"] is False
    (line,) = (w for w in record["warnings"] if w.startswith("int8 is experimental: "))
    assert line in listener.warnings
    assert f"least {check['least_cosine']:.3f}, median {check['median_cosine']:.3f}" in line
    assert evaluate(precision="float32")["run"] != record["run"]


OTHER_PROCESS = """
import socket, sys
def refuse(self, address): raise SystemExit(f"tried to reach {address}")
socket.socket.connect = refuse
socket.getaddrinfo = lambda *a, **k: sys.exit(f"tried to look up {a}")
import tlbench
tlbench.run(backbone="tiny", plugins=[sys.argv[1]], dataset="folder", data_root=sys.argv[2],
    results=sys.argv[3], cache=sys.argv[4], precision="int8", engine="openvino", force=True)
for name in ("nncf", "tensorflow", "torch", "openvino_telemetry"):
    if sys.modules.get(name) is not None: print(name)
"""


@needs_nncf
@pytest.mark.slow
def test_a_later_process_needs_no_quantiser_and_none_calls_home(tmp_path: Path) -> None:
    pictures = make_folder(tmp_path / "pictures", per_class=30)

    def call(cache: str, hash_seed: int, **environment: str) -> str:
        folders = [TINY, pictures, tmp_path / "results", tmp_path / cache]
        out = subprocess.run(
            [sys.executable, "-c", OTHER_PROCESS, *map(str, folders)], check=False,
            env=os.environ | {"PYTHONHASHSEED": str(hash_seed)} | environment,
            capture_output=True, text=True, cwd=Path(__file__).parents[3],
        )  # fmt: skip
        assert out.returncode == 0, out.stderr
        assert "nncf" not in out.stderr.lower()
        return out.stdout

    def predictions() -> bytes:
        (file,) = (tmp_path / "results").glob("*/predictions.csv")
        return file.read_bytes()

    assert call("cache", 1) == "nncf\ntensorflow\n"
    first = predictions()
    for shard in (tmp_path / "cache" / "features").rglob("*.npy"):
        shard.unlink()
    assert call("cache", 2, TINY_KERAS_MUST_NOT_LOAD="1") == ""
    assert predictions() == first
    assert call("another cache", 3) == "nncf\ntensorflow\n"
    assert predictions() == first


def test_the_engine_asks_for_a_calibration(network: Network) -> None:
    key: Any = choose_engine(network, "tensorflow", "float32")
    with pytest.raises(ValueError, match="calibrate"):
        quantise.find_quantised(None, network, key, None, Path())  # type: ignore[arg-type]
