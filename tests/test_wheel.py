"""The wheel, away from the checkout: what `datasets/` and `plugins/` hold ships inside it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.radiographs import make_folder

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tlbench` in an environment of its own; what it depends on is borrowed from this one.

    The checkout is not on its path: a folder named in a .pth file is searched for packages, but
    the .pth file of an editable install within it is not followed.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("tlbench-*.whl")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "env" / "lib" / version / "site-packages"
    python = folder / "env" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "env" / "bin" / "tlbench"


@pytest.fixture
def tlb(program: Path, tmp_path: Path):
    def call(*args: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *map(str, args)],
            cwd=tmp_path,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_it_runs_from_its_own_files(program: Path, tmp_path: Path) -> None:
    python = program.parent / "python"
    code = "import tlbench, tlbench_keras; print(tlbench.__file__, tlbench_keras.__file__)"
    done = subprocess.run(
        [python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in done.stdout


def test_everything_that_ships_is_found(tlb) -> None:
    backbones = tlb("list", "backbones").stdout
    assert "inception_v3" in backbones
    assert "efficientnet_lite0" in backbones
    assert "paper2018-leaky" in tlb("list", "protocols").stdout
    shown = tlb("show", "dataset", "fracatlas").stdout
    assert "wrist_lateral" in shown
    assert "CC BY 4.0" in shown


def test_a_run_works_from_an_empty_folder(tlb, tmp_path: Path) -> None:
    plugin = ROOT / "plugins" / "examples" / "blocks.py"
    done = tlb(
        "run", "-b", "blocks", "--plugin", plugin, "--dataset", "folder",
        "--data-root", make_folder(tmp_path / "pictures"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hold-out of 24" in done.stdout


def test_the_demo_is_read_from_an_empty_folder(tlb) -> None:
    plugin = ROOT / "plugins" / "examples" / "blocks.py"
    done = tlb("run", "-b", "blocks", "--plugin", plugin)
    assert done.returncode == 0, done.stderr
    assert "demo (synthetic)" in done.stdout


def test_templates_of_plugins_travel_along(tlb, tmp_path: Path) -> None:
    done = tlb("plugins", "new", "mine")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tlbench-mine" / "pyproject.toml").is_file()
