"""Which radiographs int8 is calibrated on, and how they become batches of any kind."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tests.radiographs import make_folder
from tlbench.features.calibration import (
    LARGEST,
    SAMPLE,
    as_kind,
    calibrate,
    calibration_of,
    first_readable,
)
from tlbench.features.engines.base import BATCH, EngineKey, Kind, Network
from tlbench.features.extract import PixelStore, Radiographs
from tlbench.plugins import load_plugins
from tlbench.progress import Progress

TINY = Path(__file__).parents[1] / "plugins" / "files" / "tiny_keras.py"
INT8 = EngineKey("openvino", "1", "int8", quantiser="nncf 1")
GREY = Kind("uint8", (BATCH, 32, 32))


@pytest.fixture
def pixels(tmp_path: Path) -> PixelStore:
    return PixelStore(tmp_path / "cache", (32, 32), Progress())


@pytest.fixture
def network(tmp_path: Path) -> Network:
    (offer,) = (o for o in load_plugins([TINY]).backbones if o.spec.name == "tiny")
    return Network(offer.spec, offer.spec.preprocessing, None, "", "", tmp_path)


def files(tmp_path: Path, per_class: int) -> dict[str, Path]:
    pictures = make_folder(tmp_path / f"pictures {per_class}", per_class=per_class)
    found = sorted(p for p in pictures.rglob("*") if p.is_file())
    return {sha256(p.read_bytes()).hexdigest(): p for p in found}


def test_only_int8_is_calibrated(tmp_path: Path, network: Network, pixels: PixelStore) -> None:
    key = EngineKey("openvino", "1", "bfloat16")
    assert calibrate(network, key, files(tmp_path, 5), pixels) == (network, key)
    assert "calibration" not in key.describe()


def test_it_takes_others_than_the_self_check(
    tmp_path: Path, network: Network, pixels: PixelStore
) -> None:
    pictures = files(tmp_path, 20)
    calibrated, key = calibrate(network, INT8, pictures, pixels)
    order = sorted(pictures)
    assert first_readable(pictures, Radiographs(pictures, pixels), SAMPLE) == order[:SAMPLE]
    assert (
        key.calibration
        == calibration_of(order[SAMPLE : SAMPLE + LARGEST], Radiographs(pictures, pixels)).digest
    )
    assert calibrated.calibration is not None
    assert calibrated.calibration.digest == key.calibration == key.describe()["calibration"]
    fewer = dict(list(pictures.items())[:-1])
    assert calibrate(network, INT8, fewer, pixels)[1].calibration != key.calibration


def test_too_few_radiographs_are_all_used_and_fill_whole_batches(
    tmp_path: Path, network: Network, pixels: PixelStore
) -> None:
    pictures = files(tmp_path, 5)
    calibrated, _ = calibrate(network, INT8, pictures, pixels)
    assert calibrated.calibration is not None
    rows = np.concatenate(calibrated.calibration.batches(GREY))
    order = sorted(pictures)
    assert len(rows) == 2 * BATCH
    assert all(
        np.array_equal(row, Radiographs(pictures, pixels).read(order[i % len(order)]))
        for i, row in enumerate(rows)
    )


def test_files_that_cannot_be_read_are_left_out(
    tmp_path: Path, network: Network, pixels: PixelStore
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    assert first_readable({"00" * 32: broken}, Radiographs({"00" * 32: broken}, pixels), 3) == []
    assert calibrate(network, INT8, {"00" * 32: broken}, pixels) == (network, INT8)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("colour", [(), (3,)], ids=["grey", "rgb"])
def test_every_kind_of_graph_gets_its_own_kind_of_pixels(
    dtype: str, colour: tuple[int, ...]
) -> None:
    kind = Kind(dtype, (BATCH, 2, 3, *colour))
    whites = {"uint8": 255, "uint16": 65535}
    for given, white in whites.items():
        for shape in ((2, 3), (2, 3, 3)):
            made = as_kind(np.full(shape, white, given), kind)
            assert (made.dtype.name, made.shape) == (dtype, (2, 3, *colour))
            assert (made == whites[dtype]).all()


def test_kinds_are_named_by_colour_and_depth() -> None:
    assert GREY.name == "grey-uint8"
    assert Kind("uint16", (BATCH, 4, 4, 3)).name == "rgb-uint16"
