"""Whole runs through the Python door, with a small real backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tlbench
from tests.radiographs import BLOCKS, make_folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def evaluate(pictures: Path, tmp_path: Path):
    def call(**options: Any) -> tlbench.Record:
        defaults: dict[str, Any] = {
            "backbone": "blocks",
            "plugins": [BLOCKS],
            "dataset": "folder",
            "data_root": pictures,
            "results": tmp_path / "results",
            "cache": tmp_path / "cache",
        }
        return (tlbench.run_seeds if "repeats" in options else tlbench.run)(**(defaults | options))

    return call


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    root = make_folder(tmp_path / "spoilt", per_class=30)
    (root / "fracture" / "000.png").write_bytes(b"")
    whole = (root / "fracture" / "001.png").read_bytes()
    (root / "no_fracture" / "002.png").write_bytes(whole[:1000])
    (root / "no_fracture" / "003.png").write_text("not an image")
    return root
