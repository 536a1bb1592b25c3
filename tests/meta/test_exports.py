"""What `import tlbench` gives stays what it is."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tlbench


@pytest.mark.parametrize("name", ["run", "compare", "evaluate"])
def test_importing_a_module_does_not_hide_the_function_of_its_name(name: str) -> None:
    code = f"import tlbench.{name}, tlbench; print(callable(tlbench.{name}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_every_public_name_can_be_had() -> None:
    assert all(hasattr(tlbench, name) for name in tlbench.__all__)
