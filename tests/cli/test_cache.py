from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tlbench.cli.cache import parse_size
from tlbench.cli.main import app
from tlbench.features.spaces import explain
from tlbench.files import size_in_words


@pytest.mark.parametrize(
    ("text", "size"), [("10G", 10**10), ("500M", 5 * 10**8), ("1.5 GB", 15 * 10**8), ("0", 0)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (1500, "1.5 kB"), (87e6, "87 MB"), (2e15, "2000 TB")]
)
def test_sizes_are_written(size: float, words: str) -> None:
    assert size_in_words(size) == words


def test_the_cache_is_listed_verified_and_emptied(tmp_path: Path) -> None:
    explain(tmp_path / "pixels" / "abc", {"size": [299, 299]})
    run = CliRunner().invoke
    listed = run(app, ["cache", "ls", "--json", "--cache", str(tmp_path)])
    (fact,) = json.loads(listed.stdout)
    assert (fact["kind"], fact["title"]) == ("pixels", "299×299")
    assert "299×299" in run(app, ["cache", "ls", "--cache", str(tmp_path)]).stdout
    assert run(app, ["cache", "verify", "--cache", str(tmp_path)]).exit_code == 0
    assert run(app, ["cache", "gc", "--max-size", "many", "--cache", str(tmp_path)]).exit_code == 2
    assert run(app, ["cache", "gc", "--max-size", "0", "--cache", str(tmp_path)]).exit_code == 0
    assert json.loads(run(app, ["cache", "ls", "--json", "--cache", str(tmp_path)]).stdout) == []
