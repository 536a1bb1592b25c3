from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from tlbench.augment import VIEWS, make_view

RNG = np.random.default_rng(3)


def draw_smooth(rows, columns, channels=None):
    shape = (6, 8) if channels is None else (6, 8, channels)
    noise = Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8))
    return np.asarray(noise.resize((columns, rows), Image.Resampling.BICUBIC))


GREY = draw_smooth(90, 120)
COLOUR = draw_smooth(90, 120, 3)


def test_there_are_the_eight_views():
    assert VIEWS == (
        "as is",
        "rotated +10",
        "rotated -10",
        "zoomed 1.1",
        "mirrored",
        "mirrored, rotated +10",
        "mirrored, rotated -10",
        "mirrored, zoomed 1.1",
    )


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_views_keep_size_and_dtype(name, dtype, pixels):
    view = make_view(pixels.astype(dtype), name)
    assert view.dtype == dtype
    assert view.shape == pixels.shape
    assert view.flags.c_contiguous


def test_the_eight_differ():
    views = [make_view(GREY, name).astype(int) for name in VIEWS]
    for one, other in combinations(views, 2):
        assert np.abs(one - other).mean() > 1


@pytest.mark.parametrize("name", VIEWS)
def test_the_same_view_is_the_same_and_leaves_the_original_alone(name):
    before = GREY.copy()
    np.testing.assert_array_equal(make_view(GREY, name), make_view(GREY, name))
    np.testing.assert_array_equal(before, GREY)


def test_as_is_is_the_original():
    np.testing.assert_array_equal(make_view(GREY, "as is"), GREY)


def test_mirrored_swaps_left_and_right_and_twice_is_nothing():
    mirrored = make_view(COLOUR, "mirrored")
    np.testing.assert_array_equal(mirrored, COLOUR[:, ::-1])
    np.testing.assert_array_equal(make_view(mirrored, "mirrored"), COLOUR)


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_sixteen_bits_agree_with_eight(name, pixels):
    eight = make_view(pixels, name).astype(float)
    sixteen = make_view(pixels.astype(np.uint16) * 257, name) / 257
    np.testing.assert_allclose(sixteen, eight, atol=1.01)


def centre_of(pixels):
    rows, columns = np.nonzero(pixels > pixels.max() // 2)
    return np.array([rows.mean(), columns.mean()])


def test_positive_angles_are_anticlockwise():
    pixels = np.zeros((201, 201), np.uint8)
    pixels[98:103, 178:183] = 255  # a dot right of the centre
    up = centre_of(make_view(pixels, "rotated +10")) - 100
    down = centre_of(make_view(pixels, "rotated -10")) - 100
    expected = 80 * np.array([-np.sin(np.radians(10)), np.cos(np.radians(10))])
    np.testing.assert_allclose(up, expected, atol=0.6)
    np.testing.assert_allclose(down, expected * (-1, 1), atol=0.6)


def test_rotation_is_about_the_centre_and_opens_black_corners():
    white = np.full((100, 100), 255, np.uint8)
    for name in ("rotated +10", "rotated -10"):
        view = make_view(white, name)
        assert view[50, 50] == 255
        assert not np.any([view[0, 0], view[0, -1], view[-1, 0], view[-1, -1]])
        assert 0.9 < (view == 255).mean() < 1


def test_mirroring_comes_before_rotation():
    expected = make_view(make_view(GREY, "mirrored"), "rotated +10")
    np.testing.assert_array_equal(make_view(GREY, "mirrored, rotated +10"), expected)
    other = make_view(make_view(GREY, "rotated -10"), "mirrored").astype(int)
    np.testing.assert_allclose(expected, other, atol=1)


@pytest.mark.parametrize("shape", [(201, 151), (200, 150)])
def test_zoom_keeps_the_centre_and_enlarges(shape):
    middle = (np.array(shape) - 1) / 2
    pixels = np.zeros(shape, np.uint8)
    rows, columns = (slice(int(m - 20), int(m + 20) + 2) for m in middle)
    pixels[rows, columns] = 255
    offset = centre_of(pixels) - middle
    view = make_view(pixels, "zoomed 1.1")
    np.testing.assert_allclose(centre_of(view) - middle, offset * 1.1, atol=0.3)
    assert np.sqrt((view > 127).sum() / (pixels > 127).sum()) == pytest.approx(1.1, abs=0.02)


@pytest.mark.parametrize("name", ["rotated 10", "Mirrored", "mirrored,", "mirrored, as is", ""])
def test_an_unknown_view_is_an_error(name):
    with pytest.raises(ValueError, match="unknown view"):
        make_view(GREY, name)
