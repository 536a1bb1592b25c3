"""Keras's own release, from a server of this machine."""

from __future__ import annotations

import hashlib
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
from tlbench_keras.keras_weights import find, obtain
from tlbench_keras.releases import Release

_CONTENT = b"weights" * 20_000


def _release(url: str) -> Release:
    digest = hashlib.md5(_CONTENT, usedforsecurity=False).hexdigest()
    return Release("fake_notop.h5", f"{url}/fake_notop.h5", f"md5:{digest}", len(_CONTENT))


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_download_lands_in_keras_own_folder(
    serve: Serve, keras_home: Path, request_: WeightsRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(lambda handler: reply(handler, _CONTENT)) as (url, paths):
        file = obtain(_release(url), request_)
    assert file == keras_home / "models" / "fake_notop.h5"
    assert file.read_bytes() == _CONTENT
    assert find(_release(url), request_) == file
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
    assert obtain(release, request_) == file
    assert obtain(release, replace(request_, offline=True)) == file


def test_without_keras_home_the_folder_is_in_the_users_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: WeightsRequest
) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".keras" / "models" / "fake_notop.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(_CONTENT)
    assert find(_release("http://127.0.0.1:9"), request_) == file


def test_a_file_of_another_size_is_not_found(keras_home: Path, request_: WeightsRequest) -> None:
    file = keras_home / "models" / "fake_notop.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(_CONTENT[:-1])
    assert find(_release("http://127.0.0.1:9"), request_) is None


def test_a_damaged_copy_is_replaced(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    file = keras_home / "models" / "fake_notop.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"damaged")
    with serve(lambda handler: reply(handler, _CONTENT)) as (url, _):
        obtain(_release(url), request_)
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
        obtain(_release(url), replace(request_, offline=True))
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
        obtain(_release(url), request_)
    assert str(_release("").checksum).removeprefix("md5:") in caught.value.message
    assert hashlib.md5(b"other", usedforsecurity=False).hexdigest() in caught.value.message
    assert _files(keras_home / "models") == []


def test_another_algorithm_is_understood(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    with serve(lambda handler: reply(handler, _CONTENT)) as (url, _):
        digest = hashlib.sha256(_CONTENT).hexdigest()
        release = replace(_release(url), checksum=f"sha256:{digest}", size=None)
        assert obtain(release, request_).read_bytes() == _CONTENT
        with pytest.raises(WeightsError, match='expected sha256 "0"'):
            obtain(replace(release, name="other.h5", checksum="sha256:0"), request_)
    assert _files(keras_home / "models") == ["fake_notop.h5"]


def test_where_keras_states_nothing_it_has_to_be_an_hdf5_file(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    answers = [b"<html>sign in</html>", b"\x89HDF\r\n\x1a\nand so on"]
    said: list[str] = []
    request = replace(request_, say=said.append)
    with serve(lambda handler: reply(handler, answers[0])) as (url, _):
        release = replace(_release(url), checksum=None, size=None)
        with pytest.raises(WeightsError, match="it is no HDF5 file"):
            obtain(release, request)
        assert find(release, request) is None
        assert _files(keras_home / "models") == []
        del answers[0]
        file = obtain(release, request)
    assert file.read_bytes() == answers[0]
    assert find(release, request) == file
    assert obtain(release, replace(request, offline=True)) == file
    assert "MB" not in said[0]


def test_a_transfer_cut_short_leaves_nothing_behind(
    serve: Serve, keras_home: Path, request_: WeightsRequest
) -> None:
    def answer(handler: Handler) -> None:
        reply(handler, _CONTENT[:1000], length=len(_CONTENT))

    with (
        serve(answer) as (url, _),
        pytest.raises(WeightsError, match="can't be downloaded") as caught,
    ):
        obtain(_release(url), request_)
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
        obtain(_release(url), request_)
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
        obtain(_release(url), request_)


def test_a_proxy_from_the_environment_is_asked(
    serve: Serve, keras_home: Path, request_: WeightsRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(lambda handler: reply(handler, b"", status=403)) as (url, paths):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies
        with pytest.raises(WeightsError, match="403"):
            obtain(_release("http://weights.invalid"), request_)
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
                obtain(_release(url), request_, patience=0.5)
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
        obtain(_release(url), request_)
    assert caught.value.hint is not None
    assert "KERAS_HOME" in caught.value.hint
