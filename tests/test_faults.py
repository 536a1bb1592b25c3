"""Killed at any moment, or started twice: the same bytes in the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.radiographs import make_folder

ROOT = Path(__file__).parents[1]
COUNTING = ROOT / "tests" / "plugins" / "files" / "counting.py"


def command(folder: Path, pictures: Path) -> list[str]:
    code = (
        "import sys, tlbench\n"
        "from tlbench.cli.output import ConsoleProgress\n"
        "from tlbench.features import rows\n"
        "rows.SHARD_BYTES = 2000  # several shards, even for so few rows\n"
        "plugin, pictures, results, cache = sys.argv[1:]\n"
        "tlbench.run(backbone='counting', plugins=[plugin], dataset='folder', results=results,\n"
        "    data_root=pictures, cache=cache, protocol='linear-probe', progress=ConsoleProgress())"
    )
    places = [COUNTING, pictures, folder / "results", folder / "cache"]
    return [sys.executable, "-c", code, *(str(place) for place in places)]


def start(folder: Path, pictures: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(folder, pictures),
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str]) -> str:
    _, talk = process.communicate(timeout=120)
    assert process.returncode == 0, talk
    return talk


def predictions(folder: Path) -> bytes:
    (file,) = (folder / "results").glob("*/predictions.csv")
    return file.read_bytes()


def test_two_processes_share_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTING_FILE", str(tmp_path / "alone"))
    pictures = make_folder(tmp_path / "pictures")
    finish(start(tmp_path / "a", pictures))
    monkeypatch.setenv("COUNTING_FILE", str(tmp_path / "together"))
    monkeypatch.setenv("COUNTING_SECONDS", "0.1")
    for process in [start(tmp_path / "b", pictures) for _ in range(2)]:
        finish(process)
    sizes = [(tmp_path / name).stat().st_size for name in ("alone", "together")]
    assert sizes[0] == sizes[1]
    assert predictions(tmp_path / "a") == predictions(tmp_path / "b")


@pytest.mark.slow
def test_fifty_kills_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTING_SECONDS", "0.05")
    monkeypatch.setenv("COUNTING_FILE", str(tmp_path / "calls"))
    pictures = make_folder(tmp_path / "pictures")
    began = time.monotonic()
    finish(start(tmp_path / "undisturbed", pictures))
    whole = time.monotonic() - began
    expected = predictions(tmp_path / "undisturbed")
    draws = np.random.default_rng(0)
    killed = amid = 0
    while killed < 50:
        folder = tmp_path / f"killed {killed // 5}"  # later kills meet what earlier ones left
        process = start(folder, pictures)
        try:
            process.communicate(timeout=draws.uniform(0.1, 1) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
            amid += bool(list((folder / "cache" / "features").rglob("*.npy")))
            if killed % 5:
                continue
            finish(start(folder, pictures))
        # Also a run that was faster than its kill has to have come to the same end.
        assert predictions(folder) == expected
        shutil.rmtree(folder)
    assert amid >= 5  # kills in the middle of extraction, not only before it


SMALL_DISK = """
mount -t tmpfs -o size="$1"k tmpfs "$2" || exit 9
disk="$2"; shift 2
"$@"; echo "ended with $?"
find "$disk" -name '.writing-*'
mount -o remount,size=100m "$disk"
"$@"; echo "ended with $?"
"""


@pytest.mark.parametrize("kilobytes", [100, 400, 900])
def test_a_full_disk_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kilobytes: int
) -> None:
    monkeypatch.setenv("COUNTING_FILE", str(tmp_path / "calls"))
    pictures = make_folder(tmp_path / "pictures")
    finish(start(tmp_path / "roomy", pictures))
    disk = tmp_path / "small" / "cache"
    disk.mkdir(parents=True)
    # Only a mount namespace of its own lets anybody mount a disk, and takes it away at the end.
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"]
    job = [*alone, str(kilobytes), str(disk), *command(tmp_path / "small", pictures)]
    done = subprocess.run(job, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    if "ended with" not in done.stdout:
        pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()}")
    assert done.stdout.split("\n") == ["ended with 1", "ended with 0", ""]
    assert "the disk is full" in done.stderr
    assert predictions(tmp_path / "small") == predictions(tmp_path / "roomy")
