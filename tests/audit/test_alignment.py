"""Maps between pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.audit.planted import draw
from tlbench.audit.alignment import (
    TURNS,
    Level,
    find_frames,
    flatten,
    follow,
    halve,
    refine,
    sample,
    shift_maps,
    turn_map,
)
from tlbench.augment import VIEWS, make_view

SIDE = 128


def square(picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.array(image, dtype=np.float32)[None]


@pytest.mark.parametrize("view", VIEWS)
def test_a_turn_is_what_augmentation_does(view: str) -> None:
    """A view made of the whole picture, which is not square, and one made of its thumbnail."""
    picture = draw(1, 240, 150)
    seen, x, y = sample(square(picture), turn_map(TURNS[view], picture.shape)[None])
    inside = (np.abs(x) < 0.48) & (np.abs(y) < 0.48)
    made = square(make_view(picture, view))
    assert np.corrcoef(seen[inside], made[inside])[0, 1] > 0.995


def test_all_views_have_a_turn() -> None:
    assert tuple(TURNS) == VIEWS
    assert len({(t.mirrored, t.degrees, t.zoom) for t in TURNS.values()}) == len(VIEWS)


def test_a_picture_that_was_moved_and_stretched_is_brought_into_line() -> None:
    rng = np.random.default_rng(0)
    pictures = np.concatenate([square(draw(seed)) for seed in range(6)])
    maps = np.tile(np.eye(2, 3, dtype=np.float32), (6, 1, 1))
    maps[:, :, :2] += rng.uniform(-0.04, 0.04, (6, 2, 2))
    maps[:, :, 2] = rng.uniform(-0.08, 0.08, (6, 2))
    moved, _, _ = sample(pictures, maps)
    frames = np.tile(np.array([-0.5, -0.5, 0.5, 0.5], dtype=np.float32), (6, 1))
    found = np.tile(np.eye(2, 3, dtype=np.float32), (6, 1, 1))
    sources, targets = pictures, moved
    for halvings, sigma in ((2, 3.0), (1, 4.0), (0, 4.0)):
        a, b = sources, targets
        for _ in range(halvings):
            a, b = halve(a), halve(b)
        a, b = flatten(a, sigma), flatten(b, sigma)
        if halvings == 2:
            found = follow(found, shift_maps(a, b))
        found, reached = refine(Level(a, frames, sigma), Level(b, frames, sigma), found, 4)
    assert reached.min() > 0.95
    assert np.abs(found - maps).max() < 0.02


def test_brightness_and_contrast_leave_little_trace() -> None:
    picture = square(draw(3))
    changed = flatten(0.8 * picture + 20, 4.0)
    assert np.corrcoef(changed.ravel(), flatten(picture, 4.0).ravel())[0, 1] > 0.99


def test_blank_strips_are_no_part_of_a_picture() -> None:
    picture = square(draw(4))
    picture[:, :16], picture[:, :, 96:] = 0, 0
    (frame,) = find_frames(picture)
    assert frame == pytest.approx([-0.5, 16 / SIDE - 0.5, 96 / SIDE - 0.5, 0.5])
    (whole,) = find_frames(np.zeros((1, SIDE, SIDE), dtype=np.float32))
    assert whole.tolist() == [-0.5, -0.5, 0.5, 0.5]
