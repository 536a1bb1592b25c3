"""Where the real radiographs for tests lie, and what a test that needs them does without."""

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[1].parent / "shared"
SHARED = Path(os.environ.get("TLBENCH_SHARED", _BESIDE_THE_REPOSITORY))


def find_shared(name: str) -> Path:
    """Return a folder of real radiographs, or skip the test where it is missing."""
    folder = SHARED / "data" / name
    if not folder.is_dir():
        pytest.skip(f'needs the real radiographs in "{folder}" (TLBENCH_SHARED says where)')
    return folder
