"""Real radiographs are read as they are meant to be looked at."""

from itertools import pairwise

import numpy as np
import pytest

from tests.shared_data import find_shared
from tests.test_images import refusal
from tlbench.images import prepare, read_pixels


def test_real_sixteen_bit_radiographs_are_read():
    paths = sorted(find_shared("grazpedwri-dx").glob("images/*.png"))
    assert len(paths) == 12
    for path in paths:
        pixels = read_pixels(path)
        assert pixels.dtype == np.uint16
        assert pixels.ndim == 2
        assert pixels.max() == 65535
        assert 5000 < pixels.mean() < 60000


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Fractured/IMG0003046.jpg", (454, 373)),  # colour file, grey content
        ("Non_fractured/IMG0000080.jpg", (2880, 2304)),  # 8-bit grey
        ("Non_fractured/IMG0002230.jpg", (454, 373)),
        ("Fractured/IMG0000439.jpg", (454, 373)),  # stored lying on its side
    ],
)
def test_real_jpeg_radiographs_are_read_upright_and_grey(name, shape):
    folder = find_shared("fracatlas") / "images"
    path = next(p for p in folder.rglob(name.split("/")[1]))
    pixels = read_pixels(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == shape


@pytest.mark.slow
def test_every_real_jpeg_radiograph_is_read():
    paths = sorted(find_shared("fracatlas").glob("images/*/*.jpg"))
    assert len(paths) == 1245
    sizes = {prepare(path, (64, 64)).shape for path in paths}
    assert sizes == {(64, 64)}


def test_a_real_radiograph_cut_short_is_refused(tmp_path):
    whole = sorted(find_shared("fracatlas").glob("images/Fractured/*.jpg"))[0].read_bytes()
    lengths = [10, 100, 1000, len(whole) // 2, len(whole) - 500]
    assert all(a < b for a, b in pairwise(lengths))
    for length in lengths:
        path = tmp_path / f"{length}.jpg"
        path.write_bytes(whole[:length])
        assert refusal(path)
