"""Whatever a file holds, it is read or refused by its name, in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import uid

from tests.dicom.files import write_dicom

ROOT = Path(__file__).parents[1]
GIGABYTE = 10**9
READ = """
import sys
from pathlib import Path
from tests.fuzz import most_memory
from tlbench.images import prepare, read_pixels

print(read_pixels(Path(sys.argv[1])).shape)
prepare(Path(sys.argv[1]), (299, 299), ("crop", "clahe", "pad"))
print(most_memory())
"""


def run(*command):
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_two_thousand_mutated_files_are_read_or_refused_by_name():
    done = run("-m", "tests.fuzz", "2000")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    outcomes = found["outcomes"]
    assert sum(n for what, n in outcomes.items() if what != "facts refused") == 2000
    for form in ("jpeg", "png", "tiff", "dicom"):
        assert min(outcomes[f"{form} read"], outcomes[f"{form} refused"]) > 20
    assert found["nameless"] == []
    if found["memory"] is not None:
        assert found["memory"] < GIGABYTE


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs to know its memory")
@pytest.mark.parametrize("kind", ["colour.png", "grey.dcm", "deep colour.dcm", "code.dcm"])
def test_the_largest_pictures_that_are_read_take_less_than_a_gigabyte(tmp_path, kind):
    path, side = tmp_path / kind, {"colour.png": 7720, "deep colour.dcm": 5460}.get(kind, 9450)
    line = np.arange(side)
    grey = np.add.outer(line * 7, line) % 4096
    if kind == "colour.png":
        grey = grey.astype(np.uint8)
        Image.fromarray(np.stack([grey, grey, 255 - grey], axis=-1)).save(path, compress_level=1)
    elif kind == "deep colour.dcm":
        grey = grey.astype(np.uint16)
        write_dicom(path, np.stack([grey, grey, 4095 - grey], axis=-1), bits=12)
    else:
        grey = grey.astype(np.uint16)
        code = bytes(imagecodecs.jpegls_encode(grey)) if kind == "code.dcm" else None
        syntax = uid.JPEGLSLossless if code else uid.ExplicitVRLittleEndian
        write_dicom(path, grey, bits=12, syntax=syntax, code=code)
    done = run("-c", READ, str(path))
    assert (done.returncode, done.stderr) == (0, "")
    shape, memory = done.stdout.splitlines()
    assert shape.startswith(f"({side}, {side}")
    assert int(memory) < GIGABYTE
