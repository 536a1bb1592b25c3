"""`tlbench plugins` as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = ROOT / "plugins" / "examples" / "blocks.py"


def tlb(*arguments: object, columns: int = 80) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "tlbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": str(columns)},
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_is_legible(columns: int) -> None:
    done = tlb("plugins", "check", "blocks", "--plugin", BLOCKS, columns=columns)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["check", "result", "seen", "what", "to", "do"]
    assert all(len(line) <= columns for line in lines)
    assert "no check failed" in done.stderr


def test_a_failed_check_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(BLOCKS.read_text().replace("np.iinfo(pixels.dtype).max", "255"))
    done = tlb("plugins", "check", "blocks", "--plugin", file, columns=120)
    assert done.returncode == 1
    assert "np.iinfo(pixels.dtype).max" in done.stdout
    assert "checks failed" in done.stderr
    data = json.loads(tlb("plugins", "check", "blocks", "--plugin", file, "--json").stdout)
    assert data["passed"] is False
    assert {"name", "result", "seen", "todo"} == set(data["checks"][0])


def test_an_unknown_backbone_is_one_line_and_a_hint() -> None:
    done = tlb("plugins", "check", "block", "--plugin", BLOCKS)
    assert done.returncode == 1
    assert "did you mean" in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_a_new_file_runs_as_it_is(tmp_path: Path) -> None:
    done = tlb("plugins", "new", "mine", "--one-file", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'mine.py'}\n"
    assert f"tlbench run --backbone mine --plugin {tmp_path / 'mine.py'}" in done.stderr
    assert tlb("run", "-b", "mine", "--plugin", tmp_path / "mine.py").returncode == 0


def test_a_new_package_is_explained(tmp_path: Path) -> None:
    done = tlb("plugins", "new", "mine", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pyproject.toml" in done.stdout
    assert "pip install -e" in done.stderr
    again = tlb("plugins", "new", "mine", "--output", tmp_path)
    assert again.returncode == 1
    assert "nothing is overwritten" in again.stderr
