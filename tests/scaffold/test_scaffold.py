"""New plugins work as they are written, installed or not; the examples are what is written."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tlbench.errors import CacheError, PluginError
from tlbench.scaffold import check_name, make_plugin
from tlbench.testing import check_backbone

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "plugins" / "examples"


def test_the_examples_are_what_is_written(tmp_path: Path) -> None:
    (one,) = make_plugin("blocks", tmp_path, one_file=True)
    assert one.read_text() == (EXAMPLES / "blocks.py").read_text()
    for file in make_plugin("edges", tmp_path):
        assert file.read_text() == (EXAMPLES / file.relative_to(tmp_path)).read_text()


@pytest.mark.parametrize(
    "name", ["", "Mine", "my-backbone", "2nd", "a__b", "_a", "class", "match", "json", "a/b", "é"]
)
def test_names_that_can_not_be_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError) as caught:
        make_plugin(name, tmp_path)
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_names_that_can_be_are_taken() -> None:
    for name in ("mine", "resnet50", "my_backbone_2"):
        check_name(name)


@pytest.mark.parametrize("one_file", [True, False])
def test_nothing_is_overwritten(one_file: bool, tmp_path: Path) -> None:
    first = make_plugin("mine", tmp_path, one_file=one_file)
    first[0].write_text("changed")
    with pytest.raises(PluginError, match="nothing is overwritten"):
        make_plugin("mine", tmp_path, one_file=one_file)
    assert first[0].read_text() == "changed"


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="can't write"):
        make_plugin("mine", tmp_path / "file")


def test_one_file_passes_the_kit(tmp_path: Path) -> None:
    (file,) = make_plugin("my_backbone", tmp_path, one_file=True)
    report = check_backbone("my_backbone", plugins=[file])
    assert {check.result for check in report} == {"pass", "skipped"}, str(report)


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory):
    """pip-install a package into an environment of its own; return its folder of programs.

    tlbench and what it needs are borrowed from this environment.
    """

    def make(package: Path) -> Path:
        env = tmp_path_factory.mktemp("env")
        venv.create(env, with_pip=False, symlinks=True)
        python = env / "bin" / "python"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "--python", python, "install", "--no-deps", package], check=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        paths = [sysconfig.get_path("purelib"), str(ROOT), str(ROOT / "plugins")]
        site = env / "lib" / version / "site-packages"
        (site / "borrowed.pth").write_text("\n".join(paths) + "\n")
        return env / "bin"

    return make


def copied(tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(EXAMPLES / "tlbench-edges", tmp_path / "tlbench-edges"))


def generated(tmp_path: Path) -> Path:
    make_plugin("my_backbone", tmp_path)
    return tmp_path / "tlbench-my-backbone"


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize(("make", "name"), [(copied, "edges"), (generated, "my_backbone")])
def test_an_installed_package_passes_its_tests_and_runs(
    make, name: str, install, tmp_path: Path
) -> None:
    package = make(tmp_path)
    programs = install(package)

    def call(*arguments: object) -> str:
        done = subprocess.run(
            [programs / "python", "-m", *map(str, arguments)],
            cwd=package / "tests",  # from where the package's sources can't be imported
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = f"import tlbench_{name} as it; print(it.__file__)"
    found = subprocess.run(
        [programs / "python", "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(programs.parent) in found.stdout
    assert "2 passed" in call("pytest", "-q", "-p", "no:cacheprovider")
    assert name in call("tlbench", "run", "--backbone", name)
    assert "no network" not in call("tlbench", "plugins", "check", name)
