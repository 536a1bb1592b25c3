"""Peaks and marks are compared on the picture as it is, not as the network squeezes it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tlbench.report.page.peaks import (
    NEAR,
    Marked,
    describe_peaks,
    find_peak,
    measure_peaks,
    read_centres,
)


def peaked(row: int, column: int, shape: tuple[int, int] = (8, 8)) -> np.ndarray:
    values = np.full(shape, -1.0, dtype=np.float32)
    values[row, column] = 0.5
    return values


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("0.55,0.39", ((0.55, 0.39),)),
        ("0.1, 0.2; 0.3 0.4", ((0.1, 0.2), (0.3, 0.4))),
        ("", ()),
        ("0.1,0.2,0.3", ()),
        ("left,right", ()),
        ("120,300", ()),
        ("nan,0.5", ()),
    ],
)
def test_places_are_read_or_passed_over(text: str, places: tuple[tuple[float, float], ...]) -> None:
    assert read_centres({"fracture_centres_xy": text}) == places


def test_no_places_without_the_column() -> None:
    assert read_centres({"view": "lateral"}) == ()


def test_the_peak_is_the_middle_of_the_strongest_place() -> None:
    assert find_peak(peaked(0, 7)) == (7.5 / 8, 0.5 / 8)
    assert find_peak(peaked(2, 0, (4, 5))) == (0.1, 0.625)


def test_near_is_measured_in_pixels_of_the_longer_side() -> None:
    # 0.14 of the width is near in a tall picture's width, and too far along its height.
    place = (4.5 / 8, 4.5 / 8)
    beside = Marked(peaked(4, 4), 100, 400, ((place[0] + 0.3, place[1]),))
    below = Marked(peaked(4, 4), 100, 400, ((place[0], place[1] + 0.16),))
    two = Marked(peaked(4, 4), 100, 400, ((0.0, 0.0), place))
    found = measure_peaks([beside, below, two])
    assert (found.near.k, found.near.n) == (2, 3)
    assert found.near.low is not None
    assert found.near.low < 2 / 3 < found.near.high


def test_chance_is_the_area_of_discs_within_the_picture() -> None:
    middle = measure_peaks([Marked(peaked(0, 0), 300, 300, ((0.5, 0.5),))])
    assert middle.chance == pytest.approx(math.pi * NEAR**2, abs=2e-3)
    assert middle.middle == 1
    corner = measure_peaks([Marked(peaked(0, 0), 300, 300, ((0.0, 0.0),))])
    assert corner.chance == pytest.approx(math.pi * NEAR**2 / 4, abs=2e-3)
    assert (corner.near.k, corner.middle) == (1, 0)
    doubled = measure_peaks([Marked(peaked(0, 0), 300, 300, ((0.5, 0.5), (0.5, 0.5)))])
    assert doubled.chance == middle.chance


def test_it_is_put_into_words() -> None:
    found = measure_peaks([Marked(peaked(0, 0), 300, 300, ((0.5, 0.5),))] * 4)
    text = describe_peaks(found)
    assert text.startswith("In 0 of 4 true positives with a marked fracture (0 %; 95 % interval")
    assert "within 15 %" in text
    assert "7 % would" in text
    assert text.endswith("in 4 of 4.")
