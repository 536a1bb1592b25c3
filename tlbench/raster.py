"""JPEG, PNG and TIFF files, read by Pillow as they are meant to be looked at."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The three plugins register their formats; naming them here spares Pillow importing all others.
from PIL import (
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,
    UnidentifiedImageError,
)

from tlbench.levels import stretch
from tlbench.quiet import quiet_stderr, quiet_warnings
from tlbench.refusals import RefusedError, check_size

_FORMATS = ("JPEG", "PNG", "TIFF")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*")
_GREY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "CMYK", "YCbCr", "LAB")
_LARGEST_VALUES = (255, 1023, 4095, 16383, 65535)
_ORIENTATION = 274
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_PLANAR = 258, 262, 284


def read_raster(path: Path, least_side: int | None = None) -> tuple[NDArray[Any], tuple[int, int]]:
    """Read a JPEG, PNG or TIFF file; see `tlbench.images.read_pixels` for what it returns.

    Beside the pixels, the rows and columns that the whole image has.

    A JPEG file may be decoded at a half, a quarter or an eighth of its size, as long as both
    sides have `least_side` pixels. Raises `RefusedError`, or whatever Pillow makes of damage.
    """
    with quiet_warnings:
        try:
            # By its name, Pillow would map a TIFF into memory, and then turn it wrongly (13.0).
            with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
                _check(image)
                columns, rows = image.size
                if least_side is not None:
                    image.draft(None, (least_side, least_side))  # JPEG files alone take note of it
                pixels = _decode(image, path)
                orientation = _orientation(image)
        except UnidentifiedImageError:
            raise RefusedError(_unidentified(path)) from None
        except Image.DecompressionBombError:
            raise RefusedError(f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels") from None
    if pixels.dtype == np.uint16:
        pixels = stretch(pixels, _largest_value(pixels))
    return _turn(pixels, orientation), (columns, rows) if orientation >= 5 else (rows, columns)


def _check(image: Image.Image) -> None:
    columns, rows = image.size
    sixteen = ";16" in _rawmode(image) or image.mode.startswith("I")
    check_size(rows, columns, len(image.getbands()) * (2 if sixteen else 1))


def _unidentified(path: Path) -> str:
    with path.open("rb") as file:
        known = file.read(4).startswith(_SIGNATURES)
    if known:
        return "its header is damaged or cut off"
    return "it is not a JPEG, PNG, TIFF or DICOM file"


def _decode(image: Image.Image, path: Path) -> NDArray[Any]:
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    if tags and getattr(image, "n_frames", 1) > 1:
        raise RefusedError("it holds more than one image")
    rawmode = _rawmode(image)
    _load_pixels(image)
    if ";16" in rawmode and image.mode.startswith("RGB"):
        return _decode_16_bit_colour(image, path, rawmode)
    if image.mode.startswith("I;16"):
        grey = np.array(image).astype(np.uint16, copy=False)
        # Pillow inverts 8-bit TIFFs in which 0 is white, but leaves 16-bit ones as they are.
        return _invert(grey) if tags.get(_TIFF_PHOTOMETRIC) == 0 else grey
    if tags.get(_TIFF_PLANAR) == 2 and max(tags.get(_TIFF_BITS, (8,))) > 8:
        raise RefusedError("its colour channels are stored one after the other in 16 bits")
    if image.mode in _GREY_MODES:
        return np.array(image.convert("L"))
    if image.mode in _COLOUR_MODES:
        return _decode_8_bit_colour(image)
    raise RefusedError(f'its pixel format "{image.mode}" is not supported')


def _decode_8_bit_colour(image: Image.Image) -> NDArray[np.uint8]:
    # Transparency would only make the conversion to colour ambiguous; it is dropped anyway.
    image.info.pop("transparency", None)
    colour = image if image.mode == "RGB" else image.convert("RGB")
    # Most radiographs in colour files are grey, and comparing whole bands is the fastest look.
    first = colour.getchannel(0)
    content = first.tobytes()
    if all(colour.getchannel(other).tobytes() == content for other in (1, 2)):
        return np.array(first)
    return np.array(colour)


def _decode_16_bit_colour(image: Image.Image, path: Path, rawmode: str) -> NDArray[np.uint16]:
    """Read 16-bit colour, of which Pillow keeps the high bytes, by asking it for the low ones too.

    Reading a file once in its own byte order and once in the other gives both.
    """
    kind, order = rawmode.split(";16")
    native = "L" if sys.byteorder == "little" else "B"
    other = "B" if (native if order == "N" else order) == "L" else "L"
    # Grey with transparency has four bytes a pixel: read as red, green, blue, alpha, the second
    # is the low byte of grey.
    swapped = {"RGB": f"RGB;16{other}", "RGBA": f"RGBA;16{other}", "LA": "RGBA"}.get(kind)
    if swapped is None:
        raise RefusedError(f'its pixel format "{rawmode}" is not supported')
    pixels = np.array(image)[..., :3].astype(np.uint16)
    pixels <<= 8
    with path.open("rb") as file, Image.open(file, formats=_FORMATS) as again:
        again.tile = [
            tile._replace(args=swapped if isinstance(tile.args, str) else (swapped, *tile.args[1:]))
            for tile in again.tile
            if tile.args
        ]
        _load_pixels(again)
        low = np.array(again)
    pixels |= low[..., 1:2] if kind == "LA" else low[..., :3]
    red, green, blue = np.moveaxis(pixels, -1, 0)
    grey = np.array_equal(red, green) and np.array_equal(red, blue)
    return red if grey else pixels


def _load_pixels(image: Image.Image) -> None:
    by_libtiff = any(tile.codec_name == "libtiff" for tile in getattr(image, "tile", ()))
    with quiet_stderr() if by_libtiff else nullcontext():
        image.load()


def _rawmode(image: Image.Image) -> str:
    """Return how the file stores its pixels, in Pillow's words, or "" where it doesn't say."""
    args = next((tile.args for tile in getattr(image, "tile", ())), None)
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _orientation(image: Image.Image) -> int:
    # A broken EXIF block is no reason to lose a radiograph whose pixels are whole.
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turn(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation: 5 to 8 swap rows and columns, the rest is mirroring."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _invert(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return np.uint16(_largest_value(pixels)) - pixels


def _largest_value(pixels: NDArray[np.uint16]) -> int:
    """Return the largest value of the smallest usual depth that holds all pixels."""
    brightest = int(pixels.max())
    return next(largest for largest in _LARGEST_VALUES if brightest <= largest)
