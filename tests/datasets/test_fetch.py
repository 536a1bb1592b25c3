"""Fetching from a server of this machine, through the command line and the Python door."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.datasets.figshares import ARTICLE, Figshare, fracatlas_files, make_zip, serve
from tlbench.datasets.cards import read_card
from tlbench.datasets.fetch import STAGING, Source, fetch, read_source
from tlbench.datasets.figshare import API
from tlbench.datasets.receipts import RECEIPT, find_changes, read_receipt
from tlbench.errors import DataError, TlbenchError
from tlbench.progress import Progress

ROOT = Path(__file__).parents[2]
NAME = "FracAtlas.zip"
SOURCE = Source(ARTICLE, None, {NAME: "."})
COMMAND = [sys.executable, "-m", "tlbench", "data", "fetch", "fracatlas", "--data-root"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """pooch waits for seconds before it tries again."""
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda _seconds: None))


@pytest.fixture(scope="module")
def archive() -> bytes:
    return make_zip(fracatlas_files())


@pytest.fixture
def figshare(archive: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Figshare]:
    with serve(Figshare({NAME: archive})) as server:
        monkeypatch.setenv(API, server.url)
        yield server


def run(*command: object) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def start(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, str(root)], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and path.name != RECEIPT)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def expected() -> dict[str, bytes]:
    return {name.removeprefix("FracAtlas/"): file for name, file in fracatlas_files().items()}


def get(root: Path, source: Source = SOURCE) -> bool:
    return fetch("fracatlas", source, root, Progress())


def test_a_data_set_is_fetched_and_can_be_read(figshare: Figshare, tmp_path: Path) -> None:
    root = tmp_path / "data"
    done = run(*COMMAND, root)
    assert (done.returncode, done.stdout) == (0, f"{root}\n"), done.stderr
    assert tree(root) == expected()
    assert not (root / STAGING).exists()
    receipt = read_receipt(root)
    assert receipt is not None
    assert (receipt["figshare"], receipt["version"]) == (ARTICLE, 6)
    changes = find_changes(root, receipt, Progress())
    assert (changes.listed, changes.missing, changes.changed) == (25, [], [])
    again = run(*COMMAND, root)
    assert again.returncode == 0
    assert "fetched before" in again.stderr
    assert figshare.asked == [f"{NAME} whole"]
    checked = run(*COMMAND[:4], "check", "fracatlas", "--data-root", root, "--json")
    (row,) = [f for f in json.loads(checked.stdout)["findings"] if f["what"] == "found by tlbench"]
    assert (row["found"], row["result"]) == (24, "ok")


def test_the_card_asks_for_the_version_whose_counts_it_states(tmp_path: Path) -> None:
    source = read_source("fracatlas", read_card("fracatlas"))
    assert (source.figshare, source.version, dict(source.files)) == (ARTICLE, 6, {NAME: "."})


@pytest.mark.parametrize(
    ("name", "words"), [("demo", "drawn by tlbench"), ("folder", "your own files")]
)
def test_what_is_not_published_has_nothing_to_fetch(name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_source(name, read_card(name))


def test_a_card_may_say_how_a_person_gets_it(tmp_path: Path) -> None:
    card = read_card("folder")
    by_hand = {"fetch": {"by_hand": "it needs your consent", "hint": "go there"}}
    with pytest.raises(DataError, match=r"it needs your consent \(go there\)"):
        read_source("x", type(card)("x", card.folder, by_hand))


@pytest.mark.parametrize("tag", ['"one"', 'W/"weak"', None])
def test_a_cut_download_asks_for_the_rest_only(
    figshare: Figshare, tmp_path: Path, archive: bytes, tag: str | None
) -> None:
    figshare.tag, figshare.cut_after, figshare.cuts = tag, 70_000, 1
    get(tmp_path / "data")
    assert tree(tmp_path / "data") == expected()
    assert figshare.asked[0] == f"{NAME} whole"
    assert figshare.asked[1:] == [f"{NAME} bytes=65536-"]
    assert len(archive) > 70_000


def test_a_server_without_ranges_sends_all_again(figshare: Figshare, tmp_path: Path) -> None:
    figshare.ranges, figshare.cut_after, figshare.cuts = False, 70_000, 1
    get(tmp_path / "data")
    assert tree(tmp_path / "data") == expected()
    assert figshare.asked == [f"{NAME} whole", f"{NAME} bytes=65536-"]


def leave_part(root: Path, content: bytes, tag: str | None) -> None:
    """What a command that was cut has left."""
    staging = root / STAGING
    staging.mkdir(parents=True)
    (staging / f"{NAME}.part").write_bytes(content)
    if tag:
        (staging / f"{NAME}.part.tag").write_text(tag)


def test_a_file_that_changed_meanwhile_comes_whole(
    figshare: Figshare, tmp_path: Path, archive: bytes
) -> None:
    leave_part(tmp_path, b"x" * 1000, '"earlier"')
    get(tmp_path)
    assert tree(tmp_path) == expected()
    assert figshare.asked == [f"{NAME} bytes=1000-"]  # answered by the whole file


@pytest.mark.parametrize("size", [1000, 10**7])
def test_a_part_that_belongs_to_another_file_is_given_up(
    figshare: Figshare, tmp_path: Path, size: int
) -> None:
    leave_part(tmp_path, b"x" * size, None)
    get(tmp_path)
    assert tree(tmp_path) == expected()
    assert figshare.asked[-1] == f"{NAME} whole"


def test_a_wrong_checksum_is_one_line_and_leaves_nothing_behind(
    figshare: Figshare, tmp_path: Path
) -> None:
    figshare.md5[NAME] = "0" * 32
    done = run(*COMMAND, tmp_path / "data")
    assert (done.returncode, done.stdout) == (1, "")
    assert f'error: "{NAME}" arrived whole, but is not the published file' in done.stderr
    assert "Traceback" not in done.stderr
    assert figshare.asked == [f"{NAME} whole"]  # gigabytes are not fetched twice for nothing
    assert not list((tmp_path / "data" / STAGING).glob(f"{NAME}*"))
    figshare.md5.clear()
    assert get(tmp_path / "data")
    assert tree(tmp_path / "data") == expected()


@pytest.mark.parametrize("status", [202, 403, 404])
def test_a_server_that_sends_no_file_is_named_with_the_way_by_hand(
    figshare: Figshare, tmp_path: Path, archive: bytes, status: int
) -> None:
    figshare.status = status
    with pytest.raises(DataError, match=f"the server answers {status}") as caught:
        get(tmp_path)
    assert "10.6084/m9.figshare.22363012.v6" in str(caught.value.hint)
    assert len(figshare.asked) == 1
    (tmp_path / STAGING / NAME).write_bytes(archive)  # as the hint says
    assert get(tmp_path)
    assert tree(tmp_path) == expected()


def test_a_server_in_trouble_is_asked_again(figshare: Figshare, tmp_path: Path) -> None:
    figshare.status = 503
    with pytest.raises(DataError, match="the server answers 503"):
        get(tmp_path)
    assert len(figshare.asked) == 4


def test_another_length_than_published_is_no_file_of_ours(
    figshare: Figshare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    article = figshare.article()
    monkeypatch.setattr(figshare, "article", lambda: article)
    figshare.files[NAME] = b"<html>please log in</html>"
    with pytest.raises(DataError, match="answers 200 with 26 bytes instead of"):
        get(tmp_path)


def test_without_a_network_the_missing_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API, "http://127.0.0.1:9")
    done = run(*COMMAND, tmp_path / "data")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f'error: can\'t fetch "{NAME}" of figshare {ARTICLE} version 6: "127.0.0.1:9" can\'t be '
        "reached",
        "hint: connect to the network and give the same command again; what is fetched is kept",
    ]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"id": 1, "version": 1, "files": 3}', b"[]"])
def test_an_answer_that_is_no_list_of_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    from tests.plugins.tlbench_keras.servers import reply, serve_here

    with serve_here(lambda handler: reply(handler, body)) as (url, _):
        monkeypatch.setenv(API, url)
        with pytest.raises(DataError, match="something else than a list of files"):
            get(tmp_path)


def test_a_file_that_is_not_published_is_named(figshare: Figshare, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f'has no "other.zip"; it has "{NAME}"'):
        get(tmp_path, Source(ARTICLE, 6, {"other.zip": "."}))


def test_a_folder_with_files_of_the_user_is_left_alone(figshare: Figshare, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="is not empty"):
        get(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert figshare.asked == []


@pytest.mark.parametrize("other", [{"dataset": "grazpedwri-dx"}, {"figshare": 1}, {"version": 5}])
def test_a_folder_with_something_else_fetched_is_left_alone(
    figshare: Figshare, tmp_path: Path, other: dict[str, object]
) -> None:
    root = tmp_path / "data"
    get(root)
    figshare.asked.clear()
    receipt = root / RECEIPT
    text = json.dumps(json.loads(receipt.read_text()) | other)
    receipt.write_text(text)
    done = run(*COMMAND, root)
    assert (done.returncode, done.stdout) == (1, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith(f'error: "{root}" holds "')
    assert str(*other.values()) in error
    assert error.endswith(f'not "fracatlas", figshare {ARTICLE} version 6')
    assert "another --data-root" in hint
    assert (tree(root), receipt.read_text(), figshare.asked) == (expected(), text, [])


def test_a_card_without_a_version_takes_any(figshare: Figshare, tmp_path: Path) -> None:
    get(tmp_path)
    receipt = tmp_path / RECEIPT
    receipt.write_text(json.dumps(json.loads(receipt.read_text()) | {"version": 5}))
    assert not get(tmp_path, Source(ARTICLE, None, {NAME: "."}))


def test_a_truncated_archive_is_removed_and_fetched_anew(
    figshare: Figshare, tmp_path: Path, archive: bytes
) -> None:
    figshare.files[NAME] = archive[: len(archive) // 2]  # published like that: the checksum holds
    done = run(*COMMAND, tmp_path)
    assert done.returncode == 1
    assert f'error: "{NAME}" is damaged or truncated, and was removed' in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / STAGING / NAME).exists()
    figshare.files[NAME] = archive
    assert get(tmp_path)
    assert tree(tmp_path) == expected()


def test_an_archive_that_leads_elsewhere_writes_nothing(figshare: Figshare, tmp_path: Path) -> None:
    figshare.files[NAME] = make_zip({**fracatlas_files(), "../../../evil.txt": b"evil"})
    root = tmp_path / "a" / "b"
    done = run(*COMMAND, root)
    assert done.returncode == 1
    assert "could lead out of its folder" in done.stderr
    assert [path.name for path in tmp_path.rglob("evil*")] == []
    assert tree(root).keys() == {f"{STAGING}/{NAME}", f"{STAGING}/lock"}


def test_several_archives_make_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "dataset.csv": b"filestem\n",
        "one.zip": make_zip({"one/a.png": b"a", "one/b.png": b"b"}),
        "two.zip": make_zip({"c.png": b"c", "__MACOSX/._c.png": b"", ".DS_Store": b""}),
    }
    folders = {"dataset.csv": ".", "one.zip": "images", "two.zip": "images"}
    with serve(Figshare(files)) as server:
        monkeypatch.setenv(API, server.url)
        get(tmp_path / "data", Source(ARTICLE, None, folders))
        assert tree(tmp_path / "data") == {
            "dataset.csv": b"filestem\n",
            "images/a.png": b"a",
            "images/b.png": b"b",
            "images/c.png": b"c",
        }
        server.files["two.zip"] = make_zip({"b.png": b"another b"})
        with pytest.raises(TlbenchError, match=r'hold "b\.png"'):
            get(tmp_path / "clash", Source(ARTICLE, None, folders))


def stop_midway(figshare: Figshare, root: Path, number: signal.Signals) -> tuple[int, str]:
    """Start a fetch, send it a signal in the middle of the file, and return how it ended."""
    figshare.pause_after = 100_000
    process = start(root)
    assert figshare.paused.wait(60)
    part = root / STAGING / f"{NAME}.part"
    while not part.is_file() or part.stat().st_size < 65_536:
        time.sleep(0.01)
    process.send_signal(number)
    _, talk = process.communicate(timeout=60)
    figshare.go_on.set()
    return process.returncode, talk


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_midway_the_same_command_goes_on(
    figshare: Figshare, tmp_path: Path, number: signal.Signals
) -> None:
    code, talk = stop_midway(figshare, tmp_path, number)
    if number == signal.SIGINT:
        assert (code, "Traceback" in talk) == (130, False)
        assert "the same command goes on" in talk
    else:
        assert code == -number
    done = run(*COMMAND, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "going on after" in done.stderr
    assert tree(tmp_path) == expected()
    assert figshare.asked == [f"{NAME} whole", f"{NAME} bytes=65536-"]


def test_two_at_once_do_not_write_into_each_other(figshare: Figshare, tmp_path: Path) -> None:
    figshare.pause_after = 100_000
    first = start(tmp_path)
    assert figshare.paused.wait(60)
    second = run(*COMMAND, tmp_path)
    figshare.go_on.set()
    _, talk = first.communicate(timeout=60)
    assert second.returncode == 1
    assert "another tlbench is fetching" in second.stderr
    assert first.returncode == 0, talk
    assert tree(tmp_path) == expected()


@pytest.mark.parametrize("stage", ["unpacking", "putting in place"])
def test_stopped_between_unpacking_and_the_end_it_goes_on(
    figshare: Figshare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The states in which a kill can leave the folder, made by failing at that very place."""

    class StoppedError(Exception):
        pass

    names = iter(range(1_000_000))
    rename, write = Path.rename, Path.open

    def stop_in_rename(self: Path, target: Path) -> Path:
        if STAGING in self.parts and next(names) == 1:
            raise StoppedError
        return rename(self, target)

    def stop_in_open(self: Path, *args: object, **options: object) -> object:
        if "unpacked" in self.parts and next(names) == 3:
            raise StoppedError
        return write(self, *args, **options)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        if stage == "unpacking":
            patch.setattr(Path, "open", stop_in_open)
        else:
            patch.setattr(Path, "rename", stop_in_rename)
        with pytest.raises(StoppedError):
            get(tmp_path)
    assert not (tmp_path / RECEIPT).exists()
    assert get(tmp_path)
    assert tree(tmp_path) == expected()
    assert figshare.asked == [f"{NAME} whole"]


SMALL_DISK = """
mount -t tmpfs -o size="$1"k tmpfs "$2" || exit 9
disk="$2"; full="$3"; shift 3
"$@" & pid=$!
while [ ! -s "$disk/data/.fetching/FracAtlas.zip.part" ] && kill -0 $pid; do sleep 0.05; done
cat /dev/zero > "$disk/filler" 2>/dev/null
touch "$full"
wait $pid; echo "ended with $?"
rm -f "$disk/filler"
"$@"; echo "ended with $?"
ls "$disk/data"
"""


def small_disk(tmp_path: Path, kilobytes: int) -> subprocess.CompletedProcess[str]:
    disk = tmp_path / "disk"
    disk.mkdir()
    # Only a mount namespace of its own lets anybody mount a disk, and takes it away at the end.
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"]
    done = run(*alone, kilobytes, disk, tmp_path / "full", *COMMAND, disk / "data")
    if "ended with" not in done.stdout:
        pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()}")
    return done


def test_a_disk_that_fills_up_midway_is_one_line(figshare: Figshare, tmp_path: Path) -> None:
    figshare.pause_after = 100_000

    def go_on_when_full() -> None:
        while not (tmp_path / "full").exists() and not figshare.go_on.is_set():
            time.sleep(0.02)
        figshare.go_on.set()

    import threading

    watcher = threading.Thread(target=go_on_when_full)
    watcher.start()
    try:
        done = small_disk(tmp_path, 1500)
    finally:
        figshare.go_on.set()
        watcher.join()
    assert done.stdout.splitlines() == [
        "ended with 1",
        str(tmp_path / "disk" / "data"),
        "ended with 0",
        "dataset.csv",
        "images",
        RECEIPT,
    ], done.stderr
    assert "error: the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert figshare.asked[1].startswith(f"{NAME} bytes=")


def test_a_disk_that_is_too_small_is_said_before(figshare: Figshare, tmp_path: Path) -> None:
    done = small_disk(tmp_path, 300)
    assert done.stdout.splitlines()[:1] == ["ended with 1"]
    assert 'error: the disk is full: fetching "fracatlas" needs ' in done.stderr
    assert figshare.asked == []


def test_a_folder_that_may_not_be_written_is_one_line(figshare: Figshare, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TlbenchError, match="can't write to"):
        get(tmp_path / "file" / "data")
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(TlbenchError, match="permission denied"):
            get(tmp_path / "closed" / "data")
    shutil.rmtree(tmp_path / "closed", ignore_errors=True)
