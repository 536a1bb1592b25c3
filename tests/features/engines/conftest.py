"""A small network of Keras, and runs with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tlbench
from tests.radiographs import make_folder
from tlbench.features.engines.base import Network
from tlbench.plugins import load_plugins

TINY = Path(__file__).parents[2] / "plugins" / "files" / "tiny_keras.py"


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def network(models: Path) -> Network:
    (offer,) = (o for o in load_plugins([TINY]).backbones if o.spec.name == "tiny")
    return Network(offer.spec, offer.spec.preprocessing, None, "", "", models)


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., tlbench.Record]:
    pictures = make_folder(tmp_path / "pictures", per_class=30)

    def call(**options: Any) -> tlbench.Record:
        defaults = {
            "backbone": "tiny",
            "plugins": [TINY],
            "dataset": "folder",
            "data_root": pictures,
            "results": tmp_path / "results",
            "cache": tmp_path / "cache",
            "protocol": "linear-probe",
        }
        return tlbench.run(**(defaults | options))

    return call
