"""Thumbnails show what was prepared, hold pixels and nothing else, and are small."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.shared_data import find_shared
from tlbench.errors import UnreadableImageError
from tlbench.report.page.overlays import draw_overlay, find_scale, legend_colours
from tlbench.report.page.pictures import LONGEST, make_picture


def opened(uri: str) -> Image.Image:
    kind, _, content = uri.partition(",")
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def limb(rows: int, columns: int) -> np.ndarray:
    """A bright bar on black, with one brighter spot at 0.5 of the width and 0.4 of the height."""
    pixels = np.full((rows, columns), 20, dtype=np.uint8)
    pixels[rows // 6 : 5 * rows // 6, 2 * columns // 5 : 3 * columns // 5] = 120
    pixels[int(rows * 0.38) : int(rows * 0.42), int(columns * 0.48) : int(columns * 0.52)] = 255
    return pixels


@pytest.mark.parametrize("preparation", [(), ("pad",), ("crop",), ("crop", "pad"), ("clahe",)])
@pytest.mark.parametrize("shape", [(600, 400), (400, 600)])
def test_a_place_is_found_again_on_what_was_cropped_and_padded(
    tmp_path: Path, preparation: tuple[str, ...], shape: tuple[int, int]
) -> None:
    file = tmp_path / "limb.png"
    Image.fromarray(limb(*shape)).save(file)
    picture = make_picture(file, preparation)
    shown = opened(picture.uri)
    assert shown.size == (picture.width, picture.height)
    assert max(shown.size) == LONGEST
    pixels = np.asarray(shown.convert("L"), dtype=float)
    spots = np.argwhere(pixels > 0.9 * pixels.max())
    row, column = (spots.min(axis=0) + spots.max(axis=0) + 1) / 2
    x, y = picture.frame.locate(0.5, 0.4)
    assert x * picture.width == pytest.approx(column, abs=2)
    assert y * picture.height == pytest.approx(row, abs=2)
    if "crop" in preparation:
        assert max(picture.frame.rows, picture.frame.columns) < 0.8 * max(shape)
    if "pad" in preparation:
        assert picture.width == picture.height


def test_nothing_of_the_file_but_pixels_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "Jane_Doe.jpg"
    exif = Image.Exif()
    exif[270] = "Jane Doe, 1970-01-01"
    Image.fromarray(limb(300, 200)).save(file, exif=exif, comment=b"Jane Doe")
    assert b"Jane" in file.read_bytes()
    uri = make_picture(file).uri
    content = base64.b64decode(uri.partition(",")[2])
    assert b"Jane" not in content
    assert not opened(uri).getexif()


@pytest.mark.parametrize("preparation", [(), ("pad",)])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_text_burnt_into_a_picture_is_blackened(
    tmp_path: Path, preparation: tuple[str, ...], depth: type
) -> None:
    plain, written = tmp_path / "plain.png", tmp_path / "written.png"
    pixels = limb(600, 500)
    image = Image.fromarray(pixels).copy()
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    pen.text((12, 10), "DOE JANE J", fill=255, font=font)
    pen.text((300, 560), "12.03.1970", fill=255, font=font)
    for file, content in ((plain, pixels), (written, np.asarray(image))):
        Image.fromarray(content.astype(depth) * (257 if depth is np.uint16 else 1)).save(file)
    before, after = (
        np.asarray(opened(make_picture(file, preparation).uri).convert("L"), dtype=int)
        for file in (plain, written)
    )
    corners = np.zeros(after.shape, dtype=bool)
    corners[:20], corners[-20:] = True, True
    assert after[corners].max() < 40
    assert before.max() > 200
    assert (after < before - 8)[:20].any()
    assert (after < before - 8)[-20:].any()
    assert np.abs(after - before)[~corners].mean() < 3


def test_text_beside_what_is_cropped_does_no_harm(tmp_path: Path) -> None:
    image = Image.fromarray(limb(600, 400))
    font = ImageFont.load_default(size=22)
    ImageDraw.Draw(image).text((5, 5), "DOE JANE", fill=255, font=font)
    image.save(tmp_path / "written.png")
    pixels = np.asarray(opened(make_picture(tmp_path / "written.png", ("crop",)).uri))
    assert pixels.max() > 200


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    file = tmp_path / "deep.png"
    Image.fromarray(limb(300, 200).astype(np.uint16) * 257).save(file)
    pixels = np.asarray(opened(make_picture(file).uri).convert("L"))
    assert pixels.min() < 30
    assert pixels.max() > 220


def test_a_file_that_cant_be_read_raises(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UnreadableImageError):
        make_picture(tmp_path / "broken.png")


def test_thumbnails_of_real_radiographs_are_small() -> None:
    files = sorted((find_shared("fracatlas") / "images" / "Fractured").glob("*.jpg"))[::25]
    sizes = [len(make_picture(file).uri) for file in files]
    # A hundred of them, and ten backbones' overlays, have to stay well under 5 MB.
    assert np.mean(sizes) < 10_000


def test_an_overlay_is_the_stronger_the_more_opaque_and_bright() -> None:
    values = np.full((8, 8), -2.0, dtype=np.float32)
    values[2, 5], values[6, 1] = 3.0, 1.0
    scale = find_scale([values], 0.0)
    assert 1.0 < scale <= 3.0
    uri = draw_overlay(values, 0.0, scale)
    assert uri is not None
    assert len(uri) < 6000
    pixels = np.asarray(opened(uri).convert("RGBA"), dtype=float)
    strong, weak, none = pixels[20, 44], pixels[52, 12], pixels[4, 4]
    assert strong[3] > weak[3] + 30 > none[3] + 60
    assert none[3] == 0
    assert strong[1] > weak[1] + 30  # from violet to yellow


def test_where_nothing_speaks_for_a_fracture_nothing_is_drawn() -> None:
    values = np.full((8, 8), -0.5, dtype=np.float32)
    assert find_scale([values], 0.0) == 0.0
    assert find_scale([], 0.0) == 0.0
    assert draw_overlay(values, 0.0, 0.0) is None
    assert draw_overlay(values, 0.0, 2.0) is None
    assert draw_overlay(values, -0.6, 0.1) is not None


def test_the_legend_goes_from_the_first_to_the_last_colour() -> None:
    colours = legend_colours(5)
    assert len(set(colours)) == 5
    assert all(len(colour) == 7 and colour[0] == "#" for colour in colours)
