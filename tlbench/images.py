"""From a file to pixels: what tlbench takes for the content of a radiograph.

No colour management and no gamma: the numbers in the file are the numbers a backbone gets,
apart from the rule for 16-bit images that `read_pixels` states.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

# The three plugins register their formats; naming them here spares Pillow importing all others.
from PIL import (
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,
    UnidentifiedImageError,
    features,
)

from tlbench.errors import UnreadableImageError

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_FORMATS = ("JPEG", "PNG", "TIFF")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*")
_GREY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "CMYK", "YCbCr", "LAB")
_LARGEST_VALUES = (255, 1023, 4095, 16383, 65535)
_ORIENTATION = 274
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_PLANAR = 258, 262, 284

# Python's warning filters belong to the process, so two threads must not exchange them at once.
_filters_lock = threading.Lock()


class _RefusedError(Exception):
    """Pillow would read the file, tlbench does not; the text is the reason."""


def read_pixels(path: Path) -> Pixels:
    """Read a JPEG, PNG or TIFF file as it is meant to be looked at.

    Returns uint8 or uint16, (rows, columns) for grey and (rows, columns, 3) for red, green, blue.
    The EXIF orientation is applied and transparency dropped; palettes, CMYK and 1-bit images
    are converted; a colour image whose three channels are equal is returned as grey.

    A 16-bit file says little about how many bits its scanner used. The smallest of 8, 10, 12, 14
    and 16 bits that holds the image's brightest pixel is taken as its depth, and 0 to the largest
    value of that depth is stretched linearly to 0 to 65535, so that a 12-bit image does not come
    out nearly black.

    Raises `UnreadableImageError`, which names the file, if it is missing, empty, truncated,
    damaged, not an image, larger than Pillow's limit, or of a pixel format not named here.
    """
    return _read(Path(path))


def _read(path: Path, least_side: int | None = None) -> Pixels:
    try:
        pixels, orientation = _load_quietly(path, least_side)
    except _RefusedError as error:
        raise _unreadable(path, str(error)) from None
    # Damaged files make Pillow raise nearly anything, from `OSError` to `AttributeError`.
    except Exception as error:
        raise _unreadable(path, _explain(error, path)) from error
    if pixels.dtype == np.uint16:
        pixels = _stretch(pixels)
    return np.ascontiguousarray(_turn(pixels, orientation))


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


def prepare(path: Path, size: tuple[int, int]) -> Pixels:
    """Read a file and resize it to `size`, (rows, columns); see `read_pixels` and `resize`.

    A large JPEG file is decoded at a half, a quarter or an eighth of its own size, as long as
    both sides stay at least twice the longer side of `size`: the decoder averages over whole
    pixels, then the triangle filter does the rest. It takes three quarters of the time.
    """
    return resize(_read(Path(path), least_side=2 * max(size)), size)


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


@cache
def pixels_version() -> str:
    """Name what decides the pixel values, for cache keys: decoders and the sources used here."""
    sources = [Path(__file__), Path(__file__).with_name("augment.py")]
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    jpeg = features.version_feature("libjpeg_turbo") or features.version_codec("jpg")
    return f"pillow {features.version('pil')}, jpeg {jpeg}, tlbench {digest[:16]}"


def _load_quietly(path: Path, least_side: int | None) -> tuple[NDArray[Any], int]:
    """Return pixels as they lie in the file, and their EXIF orientation; no word on stderr."""
    status = path.stat()
    # A pipe or a device could keep us waiting for ever.
    if not stat.S_ISREG(status.st_mode):
        raise _RefusedError("it is not a file")
    if status.st_size == 0:
        raise _RefusedError("the file is empty")
    with _filters_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        # By its name, Pillow would map a TIFF into memory, and then turn it wrongly (13.0).
        with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
            if least_side is not None:
                image.draft(None, (least_side, least_side))  # JPEG files alone take note of it
            pixels = _decode(image, path)
            return pixels, _orientation(image)


def _decode(image: Image.Image, path: Path) -> NDArray[Any]:
    if 0 in image.size:
        raise _RefusedError("it has no pixels")
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    if tags and getattr(image, "n_frames", 1) > 1:
        raise _RefusedError("it holds more than one image")
    rawmode = _rawmode(image)
    _load_pixels(image)
    if ";16" in rawmode and image.mode.startswith("RGB"):
        return _decode_16_bit_colour(image, path, rawmode)
    if image.mode.startswith("I;16"):
        grey = np.array(image).astype(np.uint16)
        # Pillow inverts 8-bit TIFFs in which 0 is white, but leaves 16-bit ones as they are.
        return _invert(grey) if tags.get(_TIFF_PHOTOMETRIC) == 0 else grey
    if tags.get(_TIFF_PLANAR) == 2 and max(tags.get(_TIFF_BITS, (8,))) > 8:
        raise _RefusedError("its colour channels are stored one after the other in 16 bits")
    if image.mode in _GREY_MODES:
        return np.array(image.convert("L"))
    if image.mode in _COLOUR_MODES:
        return _decode_8_bit_colour(image)
    raise _RefusedError(f'its pixel format "{image.mode}" is not supported')


def _decode_8_bit_colour(image: Image.Image) -> NDArray[np.uint8]:
    # Transparency would only make the conversion to colour ambiguous; it is dropped anyway.
    image.info.pop("transparency", None)
    colour = image if image.mode == "RGB" else image.convert("RGB")
    # Most radiographs in colour files are grey, and comparing whole bands is the fastest look.
    red, green, blue = colour.split()
    if (content := red.tobytes()) == green.tobytes() and content == blue.tobytes():
        return np.array(red)
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
        raise _RefusedError(f'its pixel format "{rawmode}" is not supported')
    high = np.array(image)[..., :3]
    with path.open("rb") as file, Image.open(file, formats=_FORMATS) as again:
        again.tile = [
            tile._replace(args=swapped if isinstance(tile.args, str) else (swapped, *tile.args[1:]))
            for tile in again.tile
            if tile.args
        ]
        _load_pixels(again)
        low = np.array(again)
    low = low[..., 1:2] if kind == "LA" else low[..., :3]
    pixels: NDArray[np.uint16] = high.astype(np.uint16) * np.uint16(256) + low
    red, green, blue = np.moveaxis(pixels, -1, 0)
    grey = np.array_equal(red, green) and np.array_equal(red, blue)
    return red if grey else pixels


def _load_pixels(image: Image.Image) -> None:
    by_libtiff = any(tile.codec_name == "libtiff" for tile in getattr(image, "tile", ()))
    with _without_stderr() if by_libtiff else nullcontext():
        image.load()


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Silence libtiff, which writes what it thinks of damaged files past Python to stderr."""
    try:
        saved = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


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


def _largest_value(pixels: NDArray[np.uint16]) -> int:
    brightest = int(pixels.max())
    return next(largest for largest in _LARGEST_VALUES if brightest <= largest)


def _invert(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return np.uint16(_largest_value(pixels)) - pixels


def _stretch(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    largest = _largest_value(pixels)
    if largest == 65535:
        return pixels
    values = np.arange(largest + 1, dtype=np.uint32)
    table = ((values * 65535 + largest // 2) // largest).astype(np.uint16)
    return table[pixels]


def _explain(error: Exception, path: Path) -> str:
    """Put what Pillow or the system raised into a few words of our own."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, UnidentifiedImageError):
        with path.open("rb") as file:
            known = file.read(4).startswith(_SIGNATURES)
        return "its header is damaged or cut off" if known else "it is not a JPEG, PNG or TIFF file"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it is truncated" if "truncated" in str(error).lower() else "its content is damaged"


def _unreadable(path: Path, reason: str) -> UnreadableImageError:
    name = str(path).encode(errors="backslashreplace").decode().replace("\n", "\\n")
    return UnreadableImageError(
        f'can\'t read "{name}": {reason}', "run with --skip-unreadable to leave such files out"
    )
