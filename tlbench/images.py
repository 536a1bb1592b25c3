"""From a file to pixels: what tlbench takes for the content of a radiograph.

No colour management and no gamma: the numbers in the file are the numbers a backbone gets,
apart from the rules for 16-bit images and DICOM files that `read_pixels` states.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from tlbench.dicom.header import is_dicom
from tlbench.preparation import apply_step, order_steps
from tlbench.raster import read_raster
from tlbench.refusals import check_file, refuse

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_SOURCES = (
    "images.py",
    "raster.py",
    "levels.py",
    "blocks.py",
    "dicom/*.py",
    "preparation.py",
    "augment.py",
)
_PACKAGES = ("numpy", "scipy", "scikit-image", "pydicom", "imagecodecs")


LEAST_SIDE = 600
"""No JPEG file is decoded at a part of its size that leaves a side with fewer pixels."""


def read_pixels(path: Path) -> Pixels:
    """Read a JPEG, PNG, TIFF or DICOM file as it is meant to be looked at.

    Returns uint8 or uint16, (rows, columns) for grey and (rows, columns, 3) for red, green, blue.
    The EXIF orientation is applied and transparency dropped; palettes, CMYK and 1-bit images
    are converted; a colour image whose three channels are equal is returned as grey.

    A 16-bit file says little about how many bits its scanner used. The smallest of 8, 10, 12, 14
    and 16 bits that holds the image's brightest pixel is taken as its depth, and 0 to the largest
    value of that depth is stretched linearly to 0 to 65535, so that a 12-bit image does not come
    out nearly black. DICOM files do say it: see `tlbench.dicom.pixels.read_dicom`.

    Raises `UnreadableImageError`, which names the file, if it is missing, empty, truncated,
    damaged, not an image, larger than Pillow's limit, or of a pixel format not named here.
    """
    return read_reduced(path)[0]


def read_reduced(path: Path, least_side: int | None = None) -> tuple[Pixels, tuple[int, int]]:
    """Read a file like `read_pixels`, a large JPEG file at a part of its size where that will do.

    It is decoded at a half, a quarter or an eighth, as long as both sides have `least_side`
    pixels. Returns pixels, and the rows and columns that the whole image has.
    """
    path = Path(path)
    try:
        check_file(path)
        if is_dicom(path):
            pixels = _read_dicom(path)
            shape = pixels.shape[0], pixels.shape[1]
        else:
            pixels, shape = read_raster(path, least_side)
    # Damaged files make libraries raise nearly anything, from `OSError` to `AttributeError`; what
    # they say of a DICOM file may hold anything of it, so nothing of that is passed on.
    except Exception as error:
        raise refuse(path, error, "its content is damaged") from None
    return cast(Pixels, np.ascontiguousarray(pixels)), shape


def _read_dicom(path: Path) -> NDArray[Any]:
    from tlbench.dicom.pixels import read_dicom

    return read_dicom(path)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize to `size`, (rows, columns) in pixels, with a triangle filter.

    The filter widens with the reduction, so that fine structure is averaged instead of turning
    into moiré. Takes and returns uint8 or uint16, (rows, columns) or (rows, columns, 3); the
    proportions are those of `size`. Raises ValueError if `size` is not positive.
    """
    rows, columns = size
    if rows < 1 or columns < 1:
        raise ValueError(f"the size must be positive, not {size}")

    def scale(plane: NDArray[Any]) -> NDArray[Any]:
        image = Image.fromarray(plane)
        return np.array(image.resize((columns, rows), Image.Resampling.BILINEAR))

    return apply_to_planes(scale, pixels)


def prepare(path: Path, size: tuple[int, int] | None, steps: Sequence[str] = ()) -> Pixels:
    """Read a file, do the named steps and resize to `size`, (rows, columns) in pixels.

    The steps (see `tlbench.preparation`) are done in the order crop, clahe, pad, whatever the
    order of their names; with `size` None the picture keeps the size they leave it in.

    A large JPEG file is decoded at a half, a quarter or an eighth of its own size, as long as
    both sides stay at least twice the longer side of `size`, and `LEAST_SIDE`: the decoder
    averages over whole pixels, then the triangle filter does the rest. It takes three quarters of
    the time. With steps the same is done to what they work on, once it is cropped.
    """
    least_side = _least_side(size) if size and "crop" not in steps else None
    return prepare_decoded(read_reduced(path, least_side)[0], size, steps)


def prepare_decoded(
    pixels: Pixels, size: tuple[int, int] | None, steps: Sequence[str] = ()
) -> Pixels:
    """Do the named steps and resize: what `prepare` does once the file is decoded."""
    for step in order_steps(steps):
        if step != "crop" and size:
            pixels = _reduce(pixels, _least_side(size))
        pixels = apply_step(step, pixels)
    return resize(pixels, size) if size else pixels


def _least_side(size: tuple[int, int]) -> int:
    return max(LEAST_SIDE, 2 * max(size))


def _reduce(pixels: Pixels, least_side: int) -> Pixels:
    """Average over squares of 2, 4 or 8 pixels a side, as long as both sides stay long enough."""
    fits = min(pixels.shape[:2]) // least_side
    factor = next((n for n in (8, 4, 2) if n <= fits), 1)
    if factor == 1:
        return pixels
    band = 64 * factor  # some rows at a time: 16 bits become floats on the way
    bands = [
        apply_to_planes(lambda plane: np.array(Image.fromarray(plane).reduce(factor)), rows)
        for rows in (pixels[start : start + band] for start in range(0, len(pixels), band))
    ]
    return cast(Pixels, np.concatenate(bands))


def apply_to_planes(change: Callable[[NDArray[Any]], NDArray[Any]], pixels: Pixels) -> Pixels:
    """Apply `change`, a function from array to array that uses Pillow, to uint8 or uint16 pixels.

    Pillow filters 8-bit grey and colour as they are, but 16-bit values only as single planes
    of floats: those are rounded back to uint16. Same dtype and channels as `pixels`.
    """
    if pixels.dtype == np.uint8:
        changed = change(pixels)
    elif pixels.ndim == 3:
        changed = np.stack([apply_to_planes(change, pixels[..., c]) for c in range(3)], axis=-1)
    else:
        floats = change(pixels.astype(np.float32))
        changed = np.rint(floats).clip(0, 65535).astype(np.uint16)
    return cast(Pixels, changed)


def pixel_sources() -> list[Path]:
    """Return the files of tlbench that decide pixel values, in order."""
    return sorted(path for name in _SOURCES for path in Path(__file__).parent.glob(name))


@cache
def pixels_version() -> str:
    """Name what decides the pixel values, for cache keys: decoders and the sources used here."""
    sources = b"\0".join(source.read_bytes() for source in pixel_sources())
    digest = hashlib.sha256(sources).hexdigest()
    jpeg = features.version_feature("libjpeg_turbo") or features.version_codec("jpg")
    others = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    return f"pillow {features.version('pil')}, jpeg {jpeg}, {others}, tlbench {digest[:16]}"
