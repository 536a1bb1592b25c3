"""What all tests share: their own cache, and no way out to the network by accident."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")  # generated data are the same in every run

LOCAL = ("127.0.0.1", "localhost", "::1")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's is read or written: no home, no cache, no results of theirs."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TLBENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.delenv("TLBENCH_BLOCK_PLUGINS", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(autouse=True)
def offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections leave this machine only from tests marked `network`."""
    if request.node.get_closest_marker("network"):
        yield
        return
    connect = socket.socket.connect

    def only_local(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and address[0] not in LOCAL:
            raise OSError(f"this test must not reach {address[0]}: mark it `network`")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_local)
    yield


@pytest.fixture(scope="session")
def reference_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests with the reference backbone, whose features take minutes.

    Processes that test side by side share it, as runs may.
    """
    own = tmp_path_factory.getbasetemp()
    cache = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "reference cache"
    cache.mkdir(exist_ok=True)
    return cache
