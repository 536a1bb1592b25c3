"""The documentation says what is so."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tests.meta.outputs import ROOT, Block, differences, find_blocks, run_command
from tests.shared_data import find_shared
from tlbench import hookspecs

PLUGINS = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("block", find_blocks(), ids=lambda b: f"{b.document}: {b.command}")
def test_outputs_in_the_documentation_are_real(
    block: Block, folder: Path, reference_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "FracAtlas" in block.command:
        find_shared("fracatlas")
    monkeypatch.setenv("TLBENCH_CACHE", str(reference_cache))
    assert not differences(block.text, run_command(block.command, folder))


def test_differences_are_found() -> None:
    assert not differences("AUC 0.912 of 60", "AUC  0.915 of 60")
    assert differences("AUC 0.912 of 60", "AUC 0.812 of 60")
    assert differences("AUC 0.912 of 60", "AUC 0.912 of 61")
    assert differences("weights nsfwjs", "weights imagenet")


def test_the_example_stands_in_the_plugin_tutorial() -> None:
    source = (ROOT / "plugins" / "examples" / "blocks.py").read_text(encoding="utf-8")
    assert f"```python\n{source}```" in PLUGINS


HOOKS = [name for name in vars(hookspecs) if name.startswith("tlbench_")]


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_with_its_signature(name: str) -> None:
    hook = getattr(hookspecs, name)
    assert f"def {name}{inspect.signature(hook)}".replace("'", "") in PLUGINS


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in (
        "tlbench run",
        "tlbench list",
        "tlbench show",
        "tlbench compare",
        "tlbench report",
        "tlbench evaluate",
        "tlbench data fetch",
        "tlbench data show",
        "tlbench plugins",
        "make demo",
        "make test",
    ):
        assert command in readme


def test_no_document_names_what_users_do_not_have() -> None:
    for document in (
        *ROOT.glob("*.md"),
        *ROOT.glob("datasets/**/*.md"),
        *ROOT.glob("results/*.md"),
    ):
        assert "../shared" not in document.read_text(encoding="utf-8"), document


def test_links_between_documents_lead_somewhere() -> None:
    for document in (*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("datasets/*/*.md")):
        for target in re.findall(
            r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")
        ):
            assert (document.parent / target).exists(), f"{document}: {target}"
