"""Several backbones in one command: one that fails costs its own row, whatever way it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.radiographs import make_folder

FILES = Path(__file__).parents[1] / "plugins" / "files"
CRASHING = FILES / "crashing.py"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures"), per_class=40)


@pytest.fixture
def command(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HANGING_FILE", str(tmp_path / "hangs"))
    monkeypatch.setenv("FAR_FILE", str(tmp_path / "asked"))
    # Only the plugin of the test: what ships needs its weights, and what is installed is anyone's.
    monkeypatch.setenv("TLBENCH_BLOCK_PLUGINS", "keras,controls")

    def build(*args: object) -> list[str]:
        base = ("run", "--plugin", CRASHING, "--dataset", "folder", "--data-root", pictures)
        words = [*base, "--protocol", "linear-probe", *args]
        return [sys.executable, "-m", "tlbench", *map(str, words)]

    return build


@pytest.fixture
def run(command):
    def call(*names: str, **options: object) -> subprocess.CompletedProcess[str]:
        args = [word for name in names for word in (("-b", name) if name[0] != "-" else (name,))]
        return subprocess.run(
            command(*args), capture_output=True, text=True, check=False, **options
        )

    return call


def results() -> list[str]:
    return sorted(path.name for path in Path(os.environ["TLBENCH_RESULTS"]).glob("*"))


WAYS = {
    "c-killed": "killed (SIGKILL): probably out of memory",
    "c-crashed": "crashed (SIGSEGV)",
    "c-vanished": "ended without a word (exit code 3)",
    "c-raising": "RuntimeError: broken on purpose (crashing.py, line ",
}


def test_whatever_fails_costs_its_own_row(run) -> None:
    done = run("c-sound", *WAYS, "c-control")
    assert done.returncode == 1
    table, text = done.stdout, " ".join(done.stdout.split())
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 80
    for name, reason in WAYS.items():
        assert f"{name} failed" in text
        assert f"Failed: {name}: " in text
        assert reason in text
        assert f"warning: {name} failed: " in done.stderr
    # The others have their rows and are compared, as `tlbench compare` compares them.
    assert text.count("hold-out: optimistic") == 2
    assert "2 of 6: c-killed" in done.stderr
    assert "2 runs saved" in done.stderr
    assert "Traceback" not in done.stderr
    compared = subprocess.run(
        [sys.executable, "-m", "tlbench", "compare"], capture_output=True, text=True, check=False
    )
    assert compared.stdout in done.stdout
    assert "c-sound is not shown to beat the control c-control" in text or "Every pair" in text
    assert len(results()) == 2


def test_json_lists_records_and_failures(run) -> None:
    done = run("c-killed", "c-sound", "--json")
    assert done.returncode == 1
    failure, record = json.loads(done.stdout)
    assert (failure["backbone"], failure["error"]) == ("c-killed", WAYS["c-killed"])
    stored = Path(os.environ["TLBENCH_RESULTS"]) / record["run"] / "record.json"
    assert json.loads(stored.read_text()) == record
    # The record tells the user's command, not that of the process that carried it out.
    assert record["command"][:2] == ["tlbench", "run"]
    assert "c-sound" in record["command"]


def test_where_all_fail_there_is_no_table(run) -> None:
    done = run("c-killed", "c-raising")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: all 2 backbones failed" in done.stderr


def test_what_is_wrong_for_all_is_found_once(run, tmp_path: Path) -> None:
    for wrong, message in (
        (["--dataset=fodler"], 'unknown data set "fodler"'),
        (["--protocol=x"], 'unknown protocol "x"'),
        (["--engine=x"], 'unknown engine "x"'),
        ([f"--data-root={tmp_path / 'no'}"], "does not exist"),
    ):
        done = run("c-sound", "c-control", *wrong)
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stderr.count("error: ") == 1
        assert "2 of 2" not in done.stderr


def test_a_traceback_is_shown_where_it_is_wanted(run) -> None:
    done = run("c-raising", "c-crashed", env=os.environ | {"TLBENCH_TRACEBACK": "1"})
    assert "Traceback (most recent call last)" in done.stderr
    assert "in raising" in done.stderr
    assert "Fatal Python error: Segmentation fault" in done.stderr
    assert "in crashed" in done.stderr


def test_ctrl_c_keeps_what_is_finished(run, command) -> None:
    process = subprocess.Popen(
        command("-b", "c-sound", "-b", "c-hanging", "-b", "c-control"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _wait_for(lambda: Path(os.environ["HANGING_FILE"]).exists())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.count("interrupted; what is finished is kept") == 1
    assert "Traceback" not in err
    assert len(results()) == 1
    again = run("c-sound", "c-control")
    assert again.returncode == 0
    assert "is finished already" in again.stderr


def test_a_child_does_not_outlive_its_parent(command) -> None:
    process = subprocess.Popen(
        command("-b", "c-hanging", "-b", "c-sound"),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _wait_for(lambda: Path(os.environ["HANGING_FILE"]).exists())
    process.kill()
    # Its stderr ends when the last process that holds it has ended.
    process.communicate(timeout=30)


def _wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_all_available_takes_what_can_be_had_and_says_what_not(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HANGING_FILE")
    done = run("all-available", "--offline")
    for number, name in enumerate(("control", "crashed", "has", "killed", "raising", "sound"), 1):
        assert f"{number} of 7: c-{name}\n" in done.stderr
    assert "left out, packages not installed: c-lacks\n" in done.stderr
    assert (
        "left out, no weights on this machine: c-dies, c-far0, c-far1, c-far2, c-far3, c-far4, "
        "c-fetches" in done.stderr
    )
    assert not (tmp_path / "asked").exists()
    assert len(results()) == 3


def test_all_available_fetches_and_gives_up_on_what_does_not_answer(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that dies while it fetches costs nobody else; two failures in a row are enough."""
    monkeypatch.delenv("HANGING_FILE")
    done = run("all-available", "--weights=made")
    assert (
        "left out, no weights to be had: c-dies, c-far0, c-far1, c-far2, c-far3, c-far4\n"
        in done.stderr
    )
    assert "1 of 2: c-fetches\n" in done.stderr
    assert "2 of 2: c-has\n" in done.stderr
    assert (tmp_path / "asked").read_text() == "xx"
    assert done.returncode == 0
