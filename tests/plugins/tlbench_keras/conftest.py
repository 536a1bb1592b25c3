"""Homes of no consequence, and weights that are made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.tlbench_keras.known import APPLICATION
from tests.plugins.tlbench_keras.servers import Serve, serve_here
from tlbench.specs import WeightsRequest

# Which registry npm uses may be written in the user's own settings: read, never written.
_NPM_SETTINGS = os.environ.get("NPM_CONFIG_USERCONFIG") or str(Path.home() / ".npmrc")


@pytest.fixture(scope="session", autouse=True)
def _passing_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("KERAS_HOME", str(home / "keras"))
        patch.setenv("npm_config_cache", str(home / "npm"))
        patch.setenv("npm_config_userconfig", _NPM_SETTINGS)
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "127.0.0.1")
        yield


@pytest.fixture
def request_(tmp_path: Path) -> WeightsRequest:
    return WeightsRequest(folder=tmp_path / "weights")


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve on this machine: `with serve(answer) as (url, paths)`; `answer` gets the handler."""
    return serve_here


@pytest.fixture(scope="session")
def random_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tlbench_keras import random_weights

    request = WeightsRequest(folder=tmp_path_factory.mktemp("random"))
    return random_weights.obtain(APPLICATION["inception_v3"], request)


@pytest.fixture(scope="session")
def nsfwjs_tarball() -> bytes:
    from tlbench_keras import npm, nsfwjs

    return npm.fetch_package(nsfwjs.PACKAGE)


@pytest.fixture(scope="session")
def nsfwjs_files(
    nsfwjs_tarball: bytes, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    from tlbench_keras import nsfwjs

    folder = tmp_path_factory.mktemp("nsfwjs")
    return {
        name: nsfwjs.convert(APPLICATION[name], nsfwjs_tarball, folder / f"{name}.weights.h5")
        for name in nsfwjs.FROZEN_TO
    }
