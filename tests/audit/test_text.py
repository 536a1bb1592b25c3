"""Letters burnt into pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.audit.planted import draw
from tlbench.audit.text import find_text


def write(text: str, place: str, seed: int, light: int = 255, size: int = 18) -> np.ndarray:
    image = Image.fromarray(draw(seed, 560, 460))
    font = ImageFont.load_default(size=size)
    width = int(ImageDraw.Draw(image).textlength(text, font))
    x = 8 if "left" in place else image.width - width - 8
    y = 8 if "upper" in place else image.height - size - 12
    if light < 128:
        ImageDraw.Draw(image).rectangle((x - 4, y - 4, x + width + 4, y + size + 8), fill=200)
    ImageDraw.Draw(image).text((x, y), text, fill=light, font=font)
    return np.asarray(image)


@pytest.mark.parametrize("place", ["upper left", "upper right", "lower left", "lower right"])
@pytest.mark.parametrize("text", ["PORTABLE", "12.03.2017 14:05", "WRIST LAT"])
def test_lines_of_letters_are_found(text: str, place: str) -> None:
    picture = write(text, place, seed=1)
    rows, columns = picture.shape
    found = find_text(picture)
    assert found
    for region in found:
        assert ("left" in place) == (region.left * columns < 40)
        assert ("upper" in place) == (region.bottom * rows < 40)
        assert 0 <= region.left < region.right <= 1
        assert 0 <= region.top < region.bottom <= 1


def test_dark_letters_on_a_bright_label_are_found() -> None:
    assert find_text(write("PORTABLE", "upper left", seed=2, light=0))


def test_pictures_without_letters_have_none() -> None:
    assert not [seed for seed in range(40) if find_text(draw(seed, 560, 460))]


def test_a_side_marker_alone_is_not_text() -> None:
    assert not find_text(write("L", "upper left", seed=3))
