"""Every other check, with a backbone that really breaks what it is about."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.testing.broken import SIZE, keras_backbone, network, python_backbone
from tlbench.errors import UnknownNameError
from tlbench.files import file_sha256
from tlbench.specs import Preprocessing, WeightsSpec
from tlbench.testing import check_backbone
from tlbench.testing.declared import check_checksum
from tlbench.testing.report import Check, Report
from tlbench.testing.subject import Case
from tlbench.weights import ChosenWeights

EXAMPLES = Path(__file__).parents[2] / "plugins" / "examples"
UNIT = Preprocessing(SIZE)


def blocks(pixels: Any, white: float | None = None) -> Any:
    images = pixels.astype(np.float32) / (white or np.iinfo(pixels.dtype).max)
    if images.ndim == 4:
        images = images.mean(axis=3)
    rows = images.reshape(len(images), 8, 8, 8, 8).mean(axis=(2, 4))
    return rows.reshape(len(images), 64).astype(np.float32)


def check(extract: Any, **fields: Any) -> Report:
    return check_backbone(python_backbone(lambda _: extract, **fields))


def test_a_sound_backbone_passes_everything() -> None:
    report = check(blocks)
    assert report.passed
    assert {c.result for c in report} == {"pass", "skipped"}
    assert all(c.seen for c in report)


@pytest.mark.parametrize(
    ("name", "extract", "seen"),
    [
        ("feature size", lambda p: blocks(p)[:, :63], "(8, 63)"),
        ("feature size", lambda p: (blocks(p) * 9).astype(int), "int64"),
        ("feature size", lambda p: blocks(p).tolist(), "list"),
        ("finite", lambda p: np.where(blocks(p) > 0.5, np.nan, blocks(p)), "are not"),
        ("varied", lambda p: np.ones((len(p), 64), np.float32), "100%"),
        ("not saturated", lambda p: np.where(blocks(p) > 0.92, blocks(p), 0), "are 0"),
        ("not saturated", lambda p: blocks(p).clip(0, 0.2), "largest"),
        ("same twice", lambda p: blocks(p) + np.random.default_rng().normal(), "called again"),
        ("same in batches", lambda p: blocks(p) - blocks(p).mean(axis=0), "1, 3 and 32"),
        ("8 as 16 bit", lambda p: blocks(p, 255.0), "differ"),
        ("grey as colour", lambda p: blocks(p) * p.ndim, "differ"),
        ("grey as colour", lambda p: blocks(p[..., 0] if p.ndim == 4 else 1 / 0), "ZeroDivision"),
    ],
)
def test_broken_features_fail(name: str, extract: Any, seen: str) -> None:
    found = check(lambda p: np.float32(extract(p)) if name == "finite" else extract(p))
    rows = {c.name: c for c in found}
    row = rows.get(name) or rows["kinds of pixels"]
    assert row.result == "fail", str(found)
    assert seen in row.seen
    assert row.todo


def test_a_few_features_may_tell_how_a_picture_is_stored() -> None:
    def extract(pixels: Any) -> Any:
        rows = blocks(pixels)
        rows[:, 0] = pixels.dtype.itemsize
        return rows

    assert check(extract)["8 as 16 bit"].result == "warn"


def seeds(_: Any) -> Any:
    np.random.seed(0)
    return blocks


def draws(_: Any) -> Any:
    random.random()
    return blocks


def prints(_: Any) -> Any:
    sys.stdout.write("loaded!\n")
    return blocks


def prints_past_python(_: Any) -> Any:
    subprocess.run(["echo", "loaded!"], check=True)
    return blocks


def hushes(_: Any) -> Any:
    np.seterr(divide="ignore")
    return blocks


def fails(_: Any) -> Any:
    raise ValueError("no such\nlayer")


def leaves(_: Any) -> Any:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("load", "name", "seen"),
    [
        (seeds, "random state", "numpy"),
        (draws, "random state", "random"),
        (prints, "nothing on stdout", "loaded!"),
        (prints_past_python, "nothing on stdout", "loaded!"),
        (hushes, "global settings", "numpy's error handling"),
        (fails, "loads", "ValueError: no such layer"),
        (leaves, "loads", "SystemExit"),
        (lambda _: 3, "loads", "int instead of a function"),
    ],
)
def test_ill_manners_fail(load: Any, name: str, seen: str) -> None:
    with np.errstate():
        found = check_backbone(python_backbone(load))
    assert found[name].result == "fail", str(found)
    assert seen in found[name].seen


def test_the_kit_itself_leaves_the_random_state_alone() -> None:
    before = random.getstate(), repr(np.random.get_state())
    check_backbone(python_backbone(seeds))
    assert (random.getstate(), repr(np.random.get_state())) == before


def test_what_extracting_raises_is_a_failed_row() -> None:
    assert "ZeroDivisionError" in check(lambda p: 1 / 0)["feature size"].seen


@pytest.mark.parametrize(
    ("fields", "name", "result"),
    [
        ({"licence": ""}, "metadata", "fail"),
        ({"parameters": None}, "parameters", "warn"),
    ],
)
def test_what_is_not_declared_is_said(fields: Any, name: str, result: str) -> None:
    assert check(blocks, **fields)[name].result == result


def tuned(model: Any) -> Any:
    model.trainable = True
    return model


def learning(model: Any) -> Any:
    import keras

    class Learns(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, images: Any, training: bool = False) -> Any:
            self.calls.assign_add(1.0)
            return self.inner(images, training=training)

    return Learns()


@pytest.mark.parametrize(("spoil", "seen"), [(tuned, "trainable"), (learning, "changed")])
def test_a_network_that_is_not_frozen_fails(spoil: Any, seen: str) -> None:
    found = check_backbone(keras_backbone(lambda _: spoil(network(UNIT)), UNIT))
    assert found["frozen"].result == "fail", str(found)
    assert seen in found["frozen"].seen


def seeding(model: Any) -> Any:
    import tensorflow as tf

    tf.random.set_seed(3)
    return model


def test_global_settings_and_seeds_of_frameworks_are_watched() -> None:
    import keras

    found = check_backbone(keras_backbone(lambda _: seeding(network(UNIT)), UNIT, parameters=7))
    assert "tensorflow" in found["random state"].seen
    assert found["parameters"].result == "fail"
    assert "3,976" in found["parameters"].seen

    def set_epsilon(_: Any) -> Any:
        keras.config.set_epsilon(1e-3)
        return network(UNIT)

    usual = keras.config.epsilon()
    try:
        found = check_backbone(keras_backbone(set_epsilon, UNIT))
    finally:
        keras.config.set_epsilon(usual)
    assert "Keras's epsilon" in found["global settings"].seen


def checksum(file: Path, declared: str | None, size: int | None) -> Check:
    weights = WeightsSpec("w", "w", "w", "w", lambda _: file, lambda _: file, size, declared)
    spec = python_backbone(lambda _: blocks, weights=(weights,))
    chosen = ChosenWeights("w", "w", file, file_sha256(file), spec.preprocessing)
    return check_checksum(Case(spec, chosen, file.parent))


def test_the_weights_file_is_held_against_its_checksum(tmp_path: Path) -> None:
    file = tmp_path / "w"
    file.write_bytes(b"12345")
    md5 = "md5:" + hashlib.md5(b"12345").hexdigest()
    assert checksum(file, md5, 5).result == "pass"
    assert checksum(file, md5.upper(), None).result == "pass"
    assert checksum(file, "md5:" + "0" * 32, 5).result == "fail"
    assert checksum(file, "md5:" + "0" * 32, 6).result == "skipped"
    assert checksum(file, None, 5).result == "warn"
    assert checksum(file, "0" * 32, 5).result == "fail"


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UnknownNameError):
        check_backbone("no_such_backbone")


PLUGIN = """
import os, socket, time
import numpy as np
from tlbench import BackboneSpec, Preprocessing, hookimpl

def load(_file):
    {load}
    return lambda p: {extract}

@hookimpl
def tlbench_register_backbones():
    return [BackboneSpec("fresh", "fresh", 8, Preprocessing((8, 8)), load, parameters=0)]
"""
MEANS = "p.reshape(len(p), 8, -1).mean(2, dtype='f4') / np.iinfo(p.dtype).max"


@pytest.mark.parametrize(
    ("load", "extract", "name", "seen"),
    [
        ("pass", f"{MEANS} + os.getpid() % 7919", "same in a fresh process", "difference"),
        ("1 / (os.getpid() == {parent})", MEANS, "same in a fresh process", "ZeroDivisionError"),
        ("try: socket.create_connection(('192.0.2.1', 80), 0.1)\n    except OSError: pass", MEANS,
         "offline", "192.0.2.1"),
    ],
)  # fmt: skip
def test_a_fresh_process_without_a_network_tells_more(
    load: str, extract: str, name: str, seen: str, tmp_path: Path
) -> None:
    file = tmp_path / "fresh.py"
    load = load.replace("{parent}", str(os.getpid()))
    file.write_text(PLUGIN.format(load=load, extract=extract))
    found = check_backbone("fresh", plugins=[file])
    assert found[name].result == "fail", str(found)
    assert seen in found[name].seen


def test_memory_and_speed_are_measured() -> None:
    found = check_backbone("blocks", plugins=[EXAMPLES / "blocks.py"])
    assert found.passed
    assert "GB" in found["memory"].seen
    assert "images/s" in found["speed"].seen
