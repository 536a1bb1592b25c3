"""The control that sees brightness and size only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import tlbench
from tests.radiographs import make_folder
from tlbench_controls.image_statistics import BINS, describe_images


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).gamma(4, 12, (1, 70, 90)).clip(0, 255).astype(np.uint8)


def test_histogram_and_moments_are_those_of_numpy_and_scipy(image: np.ndarray) -> None:
    (found,) = describe_images(image)
    values = image.ravel() / 255
    shares = np.histogram(image, bins=BINS, range=(0, 256))[0] / image.size
    np.testing.assert_allclose(found[:BINS], shares, atol=1e-6)
    moments = [values.mean(), values.std(), np.arctan(stats.skew(values))]
    moments += [np.arctan(stats.kurtosis(values)), (image == 0).mean()]
    np.testing.assert_allclose(found[BINS : BINS + 5], moments, rtol=1e-4)
    expected = np.percentile(values, (1, 10, 50, 90, 99), method="inverted_cdf")
    np.testing.assert_allclose(found[BINS + 5 : BINS + 10], expected, atol=1e-6)


def test_size_and_shape_are_told(image: np.ndarray) -> None:
    (found,) = describe_images(image)
    expected = [np.log10(70), np.log10(90), np.log10(6300), np.log10(70 / 90), 0, 0.5]
    np.testing.assert_allclose(found[-6:], expected, rtol=1e-5)


def test_depth_and_colour_of_the_same_grey_image_change_nothing_else(image: np.ndarray) -> None:
    (eight,) = describe_images(image)
    (sixteen,) = describe_images(image.astype(np.uint16) * 257)
    (colour,) = describe_images(np.stack([image] * 3, axis=-1))
    np.testing.assert_allclose(sixteen[:-1], eight[:-1], atol=1e-5)
    np.testing.assert_allclose(colour[:-2], eight[:-2], atol=1e-5)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_an_image_of_one_brightness_has_finite_statistics(value: int) -> None:
    assert np.isfinite(describe_images(np.full((1, 4, 5), value, np.uint8))).all()


def test_it_is_run_on_whole_radiographs_and_marked_as_a_control(tmp_path: Path) -> None:
    record = tlbench.run(
        backbone="image_statistics",
        dataset="folder",
        data_root=make_folder(tmp_path / "pictures"),
        protocol="linear-probe",
    )
    assert record["control"] is True
    assert record["details"]["features"]["preprocessing"]["size"] is None
