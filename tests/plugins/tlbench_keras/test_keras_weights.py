"""Keras's own release, from a server of this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from tests.plugins.tlbench_keras.servers import Handler, Serve, reply
from tlbench.errors import WeightsError
from tlbench.specs import WeightsRequest
from tlbench_keras import keras_weights
from tlbench_keras.keras_weights import INCEPTION_V3, Release, find, obtain

_CONTENT = b"weights" * 20_000


def _release(url: str) -> Release:
    digest = hashlib.md5(_CONTENT, usedforsecurity=False).hexdigest()
    return Release(name="fake_notop.h5", url=f"{url}/fake_notop.h5", md5=digest, size=len(_CONTENT))


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_url_and_checksum_are_the_ones_keras_has() -> None:
    keras = importlib.util.find_spec("keras")
    assert keras is not None
    assert keras.origin is not None
    text = (Path(keras.origin).parent / "src" / "applications" / "inception_v3.py").read_text()
    assert f'"{INCEPTION_V3.name}"' in text
    assert INCEPTION_V3.md5 in text
    assert INCEPTION_V3.url in text.replace('"\n    "', "")


def test_a_download_lands_in_keras_own_folder(
    serve: Serve, keras_home: Path, request_: WeightsRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(lambda handler: reply(handler, _CONTENT)) as (url, paths):
        file = obtain(request_, _release(url))
    assert file == keras_home / "models" / "fake_notop.h5"
    assert file.read_bytes() == _CONTENT
    assert find(request_, _release(url)) == file
    assert [path.split()[0] for path in paths] == ["HEAD", "GET"]
    assert _files(keras_home / "models") == ["fake_notop.h5"]
    assert capsys.readouterr().out == ""


def test_a_copy_the_user_has_is_used_without_a_network(
    keras_home: Path, request_: WeightsRequest
) -> None:
    file = keras_home / "models" / "fake_notop.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(_CONTENT)
    release = _release("http://127.0.0.1:9")
    assert obtain(request_, release) == file
    assert obtain(replace(request_, offline=True), release) == file


def test_without_keras_home_the_folder_is_in_the_users_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: WeightsRequest
) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".keras" / "models" / "fake_notop.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(_CONTENT)
    assert find(request_, _release("http://127.0.0.1:9")) == file


def test_a_file_of_another_size_is_not_found(keras_home: Path, request_: WeightsRequest) -> None:
    file = keras_home / "models" / "fake_notop.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(_CONTENT[:-1])
    assert find(request_, _release("http://127.0.0.1:9")) is None


def test_a_damaged_copy_is_replaced(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    file = keras_home / "models" / "fake_notop.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"damaged")
    with serve(lambda handler: reply(handler, _CONTENT)) as (url, _):
        obtain(request_, _release(url))
    assert file.read_bytes() == _CONTENT


@pytest.mark.parametrize("present", [False, True])
def test_offline_names_the_file_and_where_it_would_be(
    present: bool, serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    if present:
        (keras_home / "models").mkdir(parents=True)
        (keras_home / "models" / "fake_notop.h5").write_bytes(b"cut sh")
    with (
        serve(lambda handler: reply(handler, _CONTENT)) as (url, paths),
        pytest.raises(WeightsError) as caught,
    ):
        obtain(replace(request_, offline=True), _release(url))
    assert "fake_notop.h5" in caught.value.message
    assert str(keras_home / "models") in caught.value.message
    assert ("incomplete" in caught.value.message) is present
    assert paths == []


def test_another_content_is_refused_and_removed(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    with (
        serve(lambda handler: reply(handler, b"other")) as (url, _),
        pytest.raises(WeightsError, match="not the published file") as caught,
    ):
        obtain(request_, _release(url))
    assert _release("").md5 in caught.value.message
    assert hashlib.md5(b"other", usedforsecurity=False).hexdigest() in caught.value.message
    assert _files(keras_home / "models") == []


def test_a_transfer_cut_short_leaves_nothing_behind(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    def answer(handler: Handler) -> None:
        reply(handler, _CONTENT[:1000], length=len(_CONTENT))

    with (
        serve(answer) as (url, _),
        pytest.raises(WeightsError, match="can't be downloaded") as caught,
    ):
        obtain(request_, _release(url))
    assert "fake_notop.h5" in caught.value.message
    assert _files(keras_home / "models") == []


def test_no_server_fails_within_seconds_and_without_keras(
    serve: Serve, keras_home: Path, request_: WeightsRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_weights, "_download", lambda *_: pytest.fail("went on"))
    with serve(lambda handler: reply(handler, b"")) as (url, _):
        pass  # nobody listens at this address any more
    begin = time.monotonic()
    with pytest.raises(WeightsError, match="can't be downloaded") as caught:
        obtain(request_, _release(url))
    assert time.monotonic() - begin < 4
    assert "refused" in caught.value.message
    assert not (keras_home / "models").exists()


def test_a_missing_file_on_the_server_says_404(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    with (
        serve(lambda handler: reply(handler, b"", status=404)) as (url, _),
        pytest.raises(WeightsError, match="404"),
    ):
        obtain(request_, _release(url))


def test_a_proxy_from_the_environment_is_asked(
    serve: Serve, keras_home: Path, request_: WeightsRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(lambda handler: reply(handler, b"", status=403)) as (url, paths):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies
        with pytest.raises(WeightsError, match="403"):
            obtain(request_, _release("http://weights.invalid"))
    assert paths == ["HEAD http://weights.invalid/fake_notop.h5"]


@pytest.mark.parametrize("silent", ["HEAD", "GET"])
def test_a_server_that_falls_silent_ends_the_attempt(
    silent: str, serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    import keras  # noqa: F401  (its import is not what is timed)

    released = threading.Event()

    def answer(handler: Handler) -> None:
        if handler.command == "HEAD" and silent == "GET":
            reply(handler, _CONTENT)
            return
        if silent == "GET":
            reply(handler, _CONTENT[:1000], length=len(_CONTENT))
        released.wait(30)

    with serve(answer) as (url, _):
        begin = time.monotonic()
        try:
            with pytest.raises(WeightsError, match="can't be downloaded"):
                obtain(request_, _release(url), patience=0.5)
            assert time.monotonic() - begin < 6
        finally:
            released.set()
    assert _files(keras_home) in ([], ["keras.json"])


def test_a_folder_that_cant_be_written_is_named(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    keras_home.mkdir(parents=True)
    (keras_home / "models").write_text("a file, where a folder should be")
    with (
        serve(lambda handler: reply(handler, _CONTENT)) as (url, _),
        pytest.raises(WeightsError, match="can't be written") as caught,
    ):
        obtain(request_, _release(url))
    assert caught.value.hint is not None
    assert "KERAS_HOME" in caught.value.hint
