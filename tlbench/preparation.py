"""Steps that change a picture before a backbone sees it: done where a user names them.

Each is a function from pixels, uint8 or uint16 of shape (rows, columns) or (rows, columns, 3), to
pixels of the same dtype and channels. None of them draws at random, and each looks at one picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.errors import TlbenchError
from tlbench.registry import unknown

if TYPE_CHECKING:
    Pixels = NDArray[np.uint8] | NDArray[np.uint16]
    Mask = NDArray[np.bool_]

STEPS = ("crop", "clahe", "pad")
"""All steps, in the order in which they are done."""

CLIP_LIMIT = 0.01
"""How steep CLAHE may make contrast, as scikit-image counts it."""
TILES = 8
"""CLAHE looks at so many tiles along each side."""

# Of the longer side of the small picture in which the limb is looked for:
_SMALL = 256
_BAND = 0.03  # so much along the edges is no limb but the cassette's frame
_MARGIN = 0.04  # so much is kept around the limb
# Of the side that a strip stands at right angles to:
_BROAD_STRIP, _NARROW_STRIP = 0.25, 0.08
_WHITE = 0.75
# What makes it unsure that the limb was found:
_COVER = (0.02, 1 / 3)  # of the picture
_UNREST = 0.7  # of what surrounds the limb, as a part of the limb's contrast


def order_steps(steps: Sequence[str]) -> tuple[str, ...]:
    """Return the named steps in the order in which they are done, each once.

    Raises `TlbenchError` for a name that none of them has.
    """
    if isinstance(steps, str):
        raise TlbenchError(f'prepare is "{steps}", not a list of steps', f'e.g. ("{steps}",)')
    for step in steps:
        if step not in STEPS:
            raise unknown("prepare", step, list(STEPS), f"steps are {', '.join(STEPS)}")
    return tuple(step for step in STEPS if step in steps)


def crop(pixels: Pixels) -> Pixels:
    """Cut the picture down to the limb and a margin; where the limb is unsure, return it whole.

    See `find_limb`.
    """
    found = find_limb(pixels)
    return pixels if found is None else cast("Pixels", np.ascontiguousarray(pixels[found]))


def pad(pixels: Pixels) -> Pixels:
    """Make the picture square, so that resizing does not stretch it.

    It stays in the middle; both sides are filled with the background: the value below which a
    tenth of the pixels along the edges lie, per channel.
    """
    rows, columns = pixels.shape[:2]
    side = max(rows, columns)
    if rows == columns:
        return pixels
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    background = np.percentile(edges, 10, axis=0, method="lower")
    square = np.empty((side, side, *pixels.shape[2:]), dtype=pixels.dtype)
    square[...] = background
    top, left = (side - rows) // 2, (side - columns) // 2
    square[top : top + rows, left : left + columns] = pixels
    return square


def clahe(pixels: Pixels) -> Pixels:
    """Even out contrast between the parts of a picture (CLAHE), over the whole range of its dtype.

    scikit-image's `equalize_adapthist` with 8 x 8 tiles, 256 bins and a clip limit of 0.01; of
    colour pictures the lightness (V of HSV). Pizer et al. 1987, doi:10.1016/S0734-189X(87)80186-X.
    """
    from skimage.exposure import equalize_adapthist

    tile = [max(1, side // TILES) for side in pixels.shape[:2]]
    evened = equalize_adapthist(pixels, kernel_size=tile, clip_limit=CLIP_LIMIT, nbins=256)
    return cast("Pixels", np.rint(evened * np.iinfo(pixels.dtype).max).astype(pixels.dtype))


def find_limb(pixels: Pixels) -> tuple[slice, slice] | None:
    """Return the rows and columns of a limb on a darker background, or None where that is unsure.

    In a copy of at most 256 pixels a side, white strips along the edges and the outermost 3 % are
    set aside; what is brighter than the triangle threshold of the rest (Zack et al. 1977,
    doi:10.1177/25.7.70454), without specks and pieces of frame, is the limb. Unsure is a limb of
    less than 2 % or more than a third of the picture, and one whose surroundings are restless:
    then more than a background lies there. A margin of 4 % is kept, and everything up to the edge
    at which a limb leaves the picture.
    """
    from scipy import ndimage
    from skimage.filters import threshold_triangle

    small = _reduce(pixels)
    if min(small.shape) < 16:
        return None
    smooth = ndimage.gaussian_filter(small, 1)
    strips = _strips(small > _WHITE, _BROAD_STRIP)
    usable = _inside(small.shape) & ~strips
    if not usable.any():
        return None
    bright = smooth > threshold_triangle(smooth[usable])
    strips |= _strips(bright, _NARROW_STRIP)
    usable &= ~strips
    limb = _without_specks(ndimage.binary_opening(bright & usable))
    if not _COVER[0] <= limb.mean() <= _COVER[1]:
        return None
    box = _box_around(limb, strips)
    outside = usable.copy()
    outside[box] = False
    if outside.any():
        low, middle, high = np.percentile(smooth[outside], (1, 50, 99))
        if high - low > _UNREST * (smooth[limb].mean() - middle):
            return None
    scale = [whole / part for whole, part in zip(pixels.shape[:2], small.shape, strict=True)]
    rows, columns = (
        slice(int(part.start * times), int(np.ceil(part.stop * times)))
        for part, times in zip(box, scale, strict=True)
    )
    return rows, columns


def _reduce(pixels: Pixels) -> NDArray[np.float32]:
    """Return a small grey copy in which 1 is white."""
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2, dtype=np.float32)
    image = Image.fromarray(grey.astype(np.float32, copy=False))
    scale = max(1.0, max(grey.shape) / _SMALL)
    rows, columns = (max(1, round(side / scale)) for side in grey.shape)
    small: NDArray[np.float32] = np.array(image.resize((columns, rows), Image.Resampling.BOX))
    small /= np.iinfo(pixels.dtype).max
    return small


def _inside(shape: tuple[int, ...]) -> Mask:
    """All but a band along the edges."""
    band = max(1, round(_BAND * max(shape)))
    inside = np.zeros(shape, dtype=bool)
    inside[band:-band, band:-band] = True
    return inside


def _strips(bright: Mask, zone: float) -> Mask:
    """Return what of `bright` runs along an edge, within `zone`, for half of its length or more."""
    return _strips_across(bright, zone) | _strips_across(bright.T, zone).T


def _strips_across(bright: Mask, zone: float) -> Mask:
    from scipy import ndimage

    rows, columns = bright.shape
    depth = max(1, round(zone * rows))
    line = (1, columns // 2)
    strips = np.zeros_like(bright)
    for part in (slice(0, depth), slice(rows - depth, rows)):
        opened = ndimage.grey_opening(bright[part].astype(np.uint8), line, mode="constant")
        strips[part] = ndimage.binary_dilation(opened, iterations=2)
    return strips


def _without_specks(bright: Mask) -> Mask:
    """Keep the largest piece, and others that are no specks and no parts of a frame.

    A piece at the edge has to be a quarter of the largest and more than a thin line, one inside a
    fiftieth.
    """
    from scipy import ndimage

    labels, number = ndimage.label(bright)
    areas = np.bincount(labels.ravel())[1:]
    kept = []
    for place, piece in enumerate(ndimage.find_objects(labels)):
        least = 1 / 50
        for side, length in zip(piece, bright.shape, strict=True):
            if side.start <= 0.05 * length or side.stop >= 0.95 * length:
                least = 1 / 4 if side.stop - side.start > 0.08 * length else 1
        if areas[place] >= least * areas.max():
            kept.append(place + 1)
    return np.asarray(np.isin(labels, kept)) if number else bright


def _box_around(limb: Mask, strips: Mask) -> tuple[slice, slice]:
    """Return the rows and columns of the limb with its margin, but none that are all strip."""
    margin = round(_MARGIN * max(limb.shape))
    sides = []
    for axis in (0, 1):
        taken = np.flatnonzero(limb.any(axis=1 - axis))
        filled = np.flatnonzero(strips.mean(axis=1 - axis) > 0.5)
        middle = limb.shape[axis] // 2
        first = max((int(line) + 1 for line in filled if line < middle), default=0)
        last = min((int(line) for line in filled if line >= middle), default=limb.shape[axis])
        start = max(first, int(taken[0]) - margin)
        sides.append(slice(start, min(last, int(taken[-1]) + 1 + margin)))
    return sides[0], sides[1]


_FUNCTIONS: dict[str, Any] = {"crop": crop, "clahe": clahe, "pad": pad}


def apply_step(step: str, pixels: Pixels) -> Pixels:
    """Apply the step of that name, one of `STEPS`."""
    return cast("Pixels", _FUNCTIONS[step](pixels))
