import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from tests.shared_data import find_shared
from tlbench.errors import UnknownNameError
from tlbench.images import LEAST_SIDE, prepare, read_pixels, resize
from tlbench.preparation import STEPS, apply_step, clahe, crop, find_limb, order_steps, pad

BACKGROUND, FLESH, BONE = 40, 90, 190
ROWS, COLUMNS = 454, 373


def limb(top=0, bottom=380, left=150, right=230, size=(ROWS, COLUMNS)):
    """A limb on a cassette, as an image to draw on, and where it lies."""
    rows, columns = size
    picture = Image.new("L", (columns, rows), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, top, right - 1, bottom - 1), fill=FLESH)
    middle = (left + right) // 2
    draw.rectangle((middle - 12, top, middle + 12, bottom - 10), fill=BONE)
    return picture, (slice(top, bottom), slice(left, right))


def noisy(picture, dtype=np.uint8, seed=0):
    noise = np.random.default_rng(seed).normal(0, 3, (picture.height, picture.width))
    pixels = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
    return pixels if dtype == np.uint8 else pixels.astype(np.uint16) * 257


def holds(found, where, least=5, most=40):
    """Tell whether the box holds the limb, with a margin where the picture goes on."""
    for box, part, length in zip(found, where, (ROWS, COLUMNS), strict=True):
        before, after = part.start - box.start, box.stop - part.stop
        for margin, room in ((before, part.start), (after, length - part.stop)):
            if not min(least, room) <= margin <= most:
                return False
    return True


# Cropping


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("left", [30, 150, 290])
def test_a_limb_is_found_wherever_it_lies(dtype, left):
    picture, where = limb(left=left, right=left + 60)
    found = find_limb(noisy(picture, dtype))
    assert holds(found, where)


def test_strips_and_frames_are_cut_off():
    picture, where = limb()
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 430, COLUMNS, ROWS), fill=250)  # not exposed
    draw.rectangle((0, 0, 4, ROWS), fill=200)  # the cassette's edge
    draw.line((COLUMNS - 3, 0, COLUMNS - 3, ROWS), fill=220, width=3)
    rows, columns = find_limb(noisy(picture))
    assert holds((rows, columns), where)
    assert rows.stop <= 430


def test_a_strip_on_which_the_limb_lies_is_cut_off():
    picture, where = limb(bottom=400)
    ImageDraw.Draw(picture).polygon([(0, 0), (COLUMNS, 0), (COLUMNS, 30), (0, 12)], fill=255)
    rows, columns = find_limb(noisy(picture))
    assert 10 <= rows.start <= 40
    assert rows.stop >= where[0].stop
    assert columns.start <= where[1].start
    assert columns.stop >= where[1].stop


def test_a_small_piece_beside_the_limb_is_kept():
    """A thumb, or a bone of its own."""
    picture, where = limb()
    ImageDraw.Draw(picture).ellipse((250, 200, 285, 260), fill=BONE)
    _rows, columns = find_limb(noisy(picture))
    assert columns.start <= where[1].start
    assert columns.stop >= 286


def unsure():
    rng = np.random.default_rng(1)
    wide, _ = limb(left=20, right=350)
    yield "a limb that fills the picture", noisy(wide)
    yield "noise", rng.integers(0, 256, (300, 200), dtype=np.uint8)
    yield "one value", np.full((300, 200), 90, np.uint8)
    yield "black", np.zeros((300, 200), np.uint8)
    yield "a slope", np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1))
    yield "a speck", noisy(limb(top=200, bottom=212, left=100, right=106)[0])
    yield "few pixels", rng.integers(0, 256, (9, 40), dtype=np.uint8)
    yield "one pixel", np.full((1, 1), 7, np.uint16)


@pytest.mark.parametrize("pixels", [p for _, p in unsure()], ids=[name for name, _ in unsure()])
def test_where_it_is_unsure_the_picture_stays_whole(pixels):
    assert find_limb(pixels) is None
    np.testing.assert_array_equal(crop(pixels), pixels)


def test_colour_is_cropped_as_grey_is():
    grey = noisy(limb()[0])
    colour = np.stack([grey, grey, grey // 2 * 2], axis=-1)
    assert crop(colour).shape == (*crop(grey).shape, 3)


def test_bone_is_never_cut_off_however_often_it_is_cropped():
    pixels = noisy(limb()[0])
    bone = (pixels > 160).sum()
    for _ in range(3):
        pixels = crop(pixels)
        assert (pixels > 160).sum() == bone


def test_a_larger_scan_of_the_same_picture_is_cropped_alike():
    picture, _ = limb()
    small, large = noisy(picture), noisy(picture.resize((COLUMNS * 6, ROWS * 6)))
    for a, b in zip(find_limb(small), find_limb(large), strict=True):
        assert abs(a.start - b.start / 6) < 6
        assert abs(a.stop - b.stop / 6) < 6


# Real radiographs


def wrists():
    import csv

    root = find_shared("fracatlas")
    with (root / "wrist_lateral.csv").open() as file:
        names = [row["image_id"] for row in csv.DictReader(file)]
    return [next(root.glob(f"images/*/{name}")) for name in names[::4]]


def test_nearly_all_wrists_on_a_cassette_are_cropped():
    shares = []
    for path in wrists():
        pixels = read_pixels(path)
        found = find_limb(pixels)
        shares.append(1.0 if found is None else pixels[found].size / pixels.size)
    shares = np.array(shares)
    assert (shares < 0.7).mean() > 0.95
    assert np.median(shares) < 0.4
    assert shares.min() > 0.1


def test_radiographs_that_are_tight_already_stay_whole():
    paths = sorted(find_shared("grazpedwri-dx").rglob("*.png"))
    assert len(paths) == 12
    assert all(find_limb(read_pixels(path)) is None for path in paths)


# Padding


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (31, 50, 3), (40, 40)])
def test_padding_makes_a_square_and_keeps_the_picture(shape):
    pixels = np.random.default_rng(2).integers(10, 200, shape).astype(np.uint8)
    square = pad(pixels)
    side = max(shape[:2])
    assert square.shape == (side, side, *shape[2:])
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    np.testing.assert_array_equal(square[top : top + shape[0], left : left + shape[1]], pixels)


def test_padding_is_of_the_background():
    pixels = noisy(limb()[0], np.uint16)
    square = pad(pixels)
    filled = square[:, 0]
    assert len(np.unique(filled)) == 1
    assert abs(int(filled[0]) // 257 - BACKGROUND) < 8


# CLAHE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_clahe_brings_out_what_is_faint(dtype, channels):
    rng = np.random.default_rng(3)
    most = np.iinfo(dtype).max
    faint = (0.45 + 0.05 * rng.random((120, 90, *channels))) * most
    evened = clahe(faint.astype(dtype))
    assert evened.dtype == dtype
    assert evened.shape == faint.shape
    assert evened.std() > 1.5 * faint.std()


def test_clahe_is_what_scikit_image_makes_of_it():
    from skimage.exposure import equalize_adapthist

    pixels = noisy(limb()[0])
    theirs = equalize_adapthist(pixels)  # 8 x 8 tiles, 0.01 and 256 bins are its own choices
    np.testing.assert_array_equal(clahe(pixels), np.rint(theirs * 255))


# Steps


@settings(max_examples=60, deadline=None)
@given(
    pixels=st.one_of(
        arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))),
        arrays(np.uint16, st.tuples(st.integers(1, 40), st.integers(1, 40))),
        arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    ),
    step=st.sampled_from(STEPS),
)
def test_each_step_takes_any_picture_and_leaves_it_as_it_was(pixels, step):
    before = pixels.copy()
    out = apply_step(step, pixels)
    np.testing.assert_array_equal(pixels, before)
    assert (out.dtype, out.ndim) == (pixels.dtype, pixels.ndim)
    np.testing.assert_array_equal(apply_step(step, pixels), out)


def test_steps_are_put_in_order_and_done_once():
    assert order_steps(["pad", "crop", "pad"]) == ("crop", "pad")
    assert order_steps([]) == ()


def test_an_unknown_step_is_refused():
    with pytest.raises(UnknownNameError, match='unknown preparation step "clahee"') as caught:
        order_steps(["clahee"])
    assert caught.value.hint == 'did you mean "clahe"?'


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_prepare_does_the_steps_before_it_resizes(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(noisy(limb()[0])).save(path)
    done = prepare(path, (64, 64), ("pad", "crop"))
    np.testing.assert_array_equal(done, resize(pad(crop(read_pixels(path))), (64, 64)))
    whole = prepare(path, None, ("pad", "crop"))
    np.testing.assert_array_equal(whole, pad(crop(read_pixels(path))))
    np.testing.assert_array_equal(prepare(path, None), read_pixels(path))


def test_large_pictures_are_made_smaller_before_clahe(tmp_path):
    path = tmp_path / "x.png"
    picture = limb()[0].resize((COLUMNS * 4, ROWS * 4))
    for dtype in (np.uint8, np.uint16):
        pixels = noisy(picture, dtype)
        Image.fromarray(pixels).save(path)
        # As much smaller as leaves both sides long enough: here a half.
        assert 2 <= min(pixels.shape) / LEAST_SIDE < 4
        rows, columns = (side // 2 * 2 for side in pixels.shape)
        halves = pixels[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
        small = np.rint(halves).astype(dtype)
        done = prepare(path, (64, 64), ("clahe",)).astype(float)
        expected = resize(clahe(small), (64, 64)).astype(float)
        assert np.abs(done - expected).mean() < 0.02 * np.iinfo(dtype).max
