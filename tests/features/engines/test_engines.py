"""Every engine gives the same features, and only the first run loads a framework."""

from __future__ import annotations

import os
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
from tlbench.errors import EngineError, UnknownNameError
from tlbench.features.engines import choose, openvino_engine
from tlbench.features.engines.base import BATCH, Network, version_of
from tlbench.features.engines.choose import choose_engine, load_engine

TINY = Path(__file__).parents[2] / "plugins" / "files" / "tiny_keras.py"
OTHERS = [
    pytest.param(name, marks=pytest.mark.skipif(not version_of(name), reason="not installed"))
    for name in ("openvino", "onnxruntime")
]
needs_openvino = pytest.mark.skipif(not version_of("openvino"), reason="OpenVINO not installed")


def pixels(dtype: str, colour: bool, seed: int = 0) -> np.ndarray:
    shape = (BATCH, 32, 32, 3) if colour else (BATCH, 32, 32)
    draws = np.random.default_rng(seed)
    return draws.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def features(network: Network, engine: str, *batches: np.ndarray) -> list[np.ndarray]:
    return list(load_engine(network, choose_engine(network, engine, "float32")).run(batches))


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_engines_agree_with_the_reference(
    network: Network, engine: str, dtype: str, colour: bool
) -> None:
    batch = pixels(dtype, colour)
    (expected,) = features(network, "tensorflow", batch)
    (found,) = features(network, engine, batch)
    assert found.shape == (BATCH, 24)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("engine", OTHERS)
def test_batches_come_back_in_order_and_the_same_bits_each_time(
    network: Network, engine: str
) -> None:
    batches = [pixels("uint8", bool(i % 3 == 0), seed=i) for i in range(12)]
    together = features(network, engine, *batches)
    for batch, found in zip(batches, together, strict=True):
        assert np.array_equal(features(network, engine, batch)[0], found)


@pytest.mark.parametrize("engine", ["tensorflow", *OTHERS])
def test_a_row_does_not_depend_on_what_else_is_in_the_batch(network: Network, engine: str) -> None:
    batch = pixels("uint8", False)
    alone = batch.copy()
    alone[1:] = 0
    whole, single = features(network, engine, batch, alone)
    assert np.array_equal(whole[0], single[0])


@needs_openvino
def test_only_a_few_batches_are_taken_ahead(network: Network) -> None:
    taken = 0

    def batches() -> Any:
        nonlocal taken
        for i in range(20):
            taken += 1
            yield pixels("uint8", False, seed=i)

    engine = load_engine(network, choose_engine(network, "openvino", "float32"))
    for given, _ in enumerate(engine.run(batches()), start=1):
        assert taken <= given + 5


QUIET = """
import socket, sys
from pathlib import Path
def refuse(self, address): raise SystemExit(f"tried to reach {address}")
socket.socket.connect = refuse
socket.getaddrinfo = lambda *a, **k: sys.exit(f"tried to look up {a}")
import tlbench
tlbench.run(backbone="tiny", plugins=[sys.argv[1]], dataset="folder", data_root=sys.argv[2],
    results=sys.argv[3], cache=sys.argv[4], engine=sys.argv[5], force=True)
for name in ("tensorflow", "keras", "openvino_telemetry"):
    if sys.modules.get(name) is not None: print(name)
"""


@pytest.mark.parametrize("engine", OTHERS)
def test_a_cached_model_needs_no_framework_and_no_engine_calls_home(
    engine: str, tmp_path: Path
) -> None:
    pictures = make_folder(tmp_path / "pictures", per_class=30)
    cache = tmp_path / "cache"

    def call(**environment: str) -> str:
        command = [sys.executable, "-c", QUIET, TINY, pictures, tmp_path / "results", cache, engine]
        out = subprocess.run(
            [str(part) for part in command], env=os.environ | environment, check=False,
            capture_output=True, text=True, cwd=Path(__file__).parents[3],
        )  # fmt: skip
        assert out.returncode == 0, out.stderr
        return out.stdout

    def predictions() -> bytes:
        (file,) = (tmp_path / "results").glob("*/predictions.csv")
        return file.read_bytes()

    assert "openvino_telemetry" not in call()
    first = predictions()
    for shard in (cache / "features").rglob("*.npy"):
        shard.unlink()
    assert call(TINY_KERAS_MUST_NOT_LOAD="1") == ""
    assert predictions() == first


def refuse(*_arguments: object) -> None:
    raise RuntimeError("no such operation\nand a long trace")


@needs_openvino
def test_auto_falls_back_on_tensorflow_and_the_record_says_so(
    evaluate: Callable[..., tlbench.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "has_gpu", lambda: False)
    monkeypatch.setattr(openvino_engine, "_export", refuse)
    listener = Listener()
    record = evaluate(progress=listener)
    found = record["details"]["features"]
    assert found["engine"]["name"] == "tensorflow"
    assert "no such operation" in found["engine_failed"]
    (line,) = (w for w in listener.warnings if "taking tensorflow" in w)
    assert "trace" not in line
    monkeypatch.undo()
    again = Listener()
    assert evaluate(progress=again)["run"] == record["run"]
    assert any("finished already" in said for said in again.lines)


@needs_openvino
def test_an_engine_asked_for_by_name_fails_in_one_line(
    evaluate: Callable[..., tlbench.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_engine, "_export", refuse)
    with pytest.raises(EngineError, match="no such operation") as caught:
        evaluate(engine="openvino")
    assert "\n" not in caught.value.message
    assert "--engine tensorflow" in str(caught.value.hint)


@needs_openvino
@pytest.mark.parametrize(("least", "expected"), [(-1.0, "bfloat16"), (1.1, "float32")])
def test_the_self_check_decides_the_precision(
    evaluate: Callable[..., tlbench.Record],
    monkeypatch: pytest.MonkeyPatch,
    least: float,
    expected: str,
) -> None:
    monkeypatch.setattr(choose, "has_gpu", lambda: False)
    monkeypatch.setattr(choose, "has_bfloat16", lambda: True)
    monkeypatch.setattr("tlbench.features.self_check.LEAST_COSINE", least)
    found = evaluate()["details"]["features"]
    assert found["engine"]["precision"] == expected
    assert found["self_check"]["passed"] is (expected == "bfloat16")
    assert 0.99 < found["self_check"]["least_cosine"] <= 1
    assert found["self_check"]["radiographs"] == 2 * BATCH


def test_float32_is_the_choice_where_the_processor_has_no_bfloat16(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "processor_features", lambda: {"avx512_vnni"})
    assert choose_engine(network).precision == "float32"


def test_a_gpu_has_its_precision_checked_as_well(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_engine(network, "tensorflow").precision == "float32"
    monkeypatch.setattr(choose, "has_gpu", lambda: True)
    assert choose_engine(network, "tensorflow").precision == "auto"


def test_tensorflow_calculates_in_bfloat16_where_asked(network: Network) -> None:
    batch = pixels("uint8", False)
    (exact,) = features(network, "tensorflow", batch)
    key = choose_engine(network, "tensorflow", "bfloat16")
    (found,) = load_engine(network, key).run([batch])
    assert found.dtype == np.float32
    assert not np.array_equal(found, exact)
    np.testing.assert_allclose(found, exact, rtol=0.1, atol=0.02)
    # What is built afterwards calculates as usual.
    assert np.array_equal(features(network, "tensorflow", batch)[0], exact)


def test_a_gpu_or_a_missing_package_leads_to_tensorflow(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "has_gpu", lambda: True)
    assert choose_engine(network).name == "tensorflow"
    monkeypatch.setattr(choose, "has_gpu", lambda: False)
    monkeypatch.setitem(choose.PACKAGES, "openvino", ("no-such-package",))
    assert choose_engine(network).name == "tensorflow"
    with pytest.raises(EngineError, match='"openvino" is not installed'):
        choose_engine(network, "openvino")


def test_what_does_not_exist_or_fit_is_refused(network: Network) -> None:
    with pytest.raises(UnknownNameError, match='unknown engine "openvno"'):
        choose_engine(network, "openvno")
    with pytest.raises(UnknownNameError, match='unknown precision "float8"'):
        choose_engine(network, "auto", "float8")
    with pytest.raises(EngineError, match='does not run in "bfloat16"'):
        choose_engine(network, "onnxruntime", "bfloat16")
    python = replace(network, spec=replace(network.spec, framework="python"))
    with pytest.raises(EngineError, match="plain Python"):
        choose_engine(python, "openvino")
