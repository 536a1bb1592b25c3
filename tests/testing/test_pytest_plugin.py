"""The fixture of plugin authors, in a pytest of its own; and that starting pytest stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TEST = """
import numpy as np
from tlbench import BackboneSpec, Preprocessing

def spec(licence):
    def load(_):
        return lambda p: p.reshape(len(p), 8, -1).mean(2, dtype="f4") / np.iinfo(p.dtype).max
    return BackboneSpec("mine", "mine", 8, Preprocessing((8, 8)), load, parameters=0,
                        reference="none", licence=licence)

def test_good(check_backbone):
    assert check_backbone(spec("MIT"))["finite"].result == "pass"

def test_bad(check_backbone):
    check_backbone(spec(""))
"""


def test_authors_get_a_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "missing: licence" in done.stdout
    assert "check.py" not in done.stdout  # no traceback through the kit


def test_the_fixture_costs_nothing_until_it_is_used() -> None:
    code = (
        "import sys, tlbench.testing.pytest_plugin\n"
        "print({'numpy', 'tensorflow', 'PIL', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
