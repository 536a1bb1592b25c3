"""Pictures that show the same."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.audit.planted import ALIKE_IN_FRACATLAS, CHANGES, draw, measure, plant
from tests.shared_data import find_shared
from tlbench.audit.look_alikes import Pictures, find_look_alikes
from tlbench.augment import VIEWS
from tlbench.features.signatures import LAYOUT, make_signature

OTHERS = 12


def look_through(pictures: list[np.ndarray]) -> list[tuple[int, int, str, str]]:
    signed = [make_signature(picture, picture.shape).view(LAYOUT)[0] for picture in pictures]
    found = find_look_alikes(
        Pictures(
            np.stack([each["thumbnail"] for each in signed]),
            np.array([picture.shape for picture in pictures]),
            [each["content"].tobytes() for each in signed],
        )
    )
    return [(pair.first, pair.second, pair.how, pair.view) for pair in found]


@pytest.fixture(scope="module")
def others() -> list[np.ndarray]:
    return [draw(seed, 240, 150 if seed % 2 else 240) for seed in range(OTHERS)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(others: list[np.ndarray], change: str) -> None:
    copy = np.array(Image.open(io.BytesIO(plant(others[3], change))))
    found = look_through([*others, copy])
    assert [sorted(pair[:2]) for pair in found] == [[3, OTHERS]]
    assert found[0][2] == "picture"


@pytest.mark.parametrize("name", VIEWS[1:])
def test_the_view_leads_from_the_first_to_the_second(others: list[np.ndarray], name: str) -> None:
    copy = np.array(Image.open(io.BytesIO(plant(others[4], name))))
    ((first, _, _, view),) = look_through([*others, copy])
    opposite = {"rotated +10": "rotated -10", "rotated -10": "rotated +10"}
    assert view == (name if first == 4 else opposite.get(name, name))


def test_equal_pixels_are_found_whatever_the_picture_shows(others: list[np.ndarray]) -> None:
    blank = np.zeros((50, 60), dtype=np.uint8)
    found = look_through([blank, others[0], blank.copy(), others[1], others[0].copy()])
    assert found == [(0, 2, "pixels", "as is"), (1, 4, "pixels", "as is")]


def test_blank_pictures_of_other_sizes_are_not_alike(others: list[np.ndarray]) -> None:
    blanks = [np.full((50 + i, 60), 10 * i, dtype=np.uint8) for i in range(4)]
    assert look_through([*blanks, *others]) == []


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pictures_are_no_problem(count: int) -> None:
    pictures = [draw(seed) for seed in range(count)]
    if count:
        assert look_through(pictures) == []


def test_a_pair_alone_is_found() -> None:
    picture = draw(0)
    copy = np.array(Image.open(io.BytesIO(plant(picture, "cropped by 3 % at two edges"))))
    assert [pair[:2] for pair in look_through([picture, copy])] in ([(0, 1)], [(1, 0)])


@pytest.mark.slow
def test_planted_copies_are_found_among_real_radiographs(tmp_path: Path) -> None:
    """The figures that datasets/README.md gives, on fewer copies."""
    measured = measure(find_shared("fracatlas"), tmp_path, per_change=12, cache=tmp_path / "cache")
    assert sum(measured.planted.values()) == 12 * len(CHANGES)
    assert measured.found == measured.planted
    assert len(measured.wrong) <= 0.01 * measured.radiographs
    assert measured.known >= len(ALIKE_IN_FRACATLAS) - 2
