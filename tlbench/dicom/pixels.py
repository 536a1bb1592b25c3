"""From a DICOM file to pixels: decoding, and the way from stored values to grey levels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tlbench.dicom.codecs import decode
from tlbench.dicom.header import (
    GREY,
    PALETTE,
    find_window,
    has_lut,
    read_header,
    window_rule,
)
from tlbench.levels import apply_table, count_values, stretch
from tlbench.quiet import quiet_warnings
from tlbench.refusals import RefusedError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_WHITE = 65535
_PERCENTILES = (0.5, 99.5)


def read_dicom(path: Path) -> NDArray[Any]:
    """Read the radiograph in a DICOM file as a reading station would show it.

    Grey, in 16 bits: stored values go through the modality's table or rescale, then through the
    first of these that there is: the VOI look-up table; the first window (LINEAR, LINEAR_EXACT or
    SIGMOID); for at most 8 bits, which are grey levels already, the full range; else a window
    from the 0.5th to the 99.5th percentile of the picture without its padding. Black to white is
    stretched to 0 to 65535, and MONOCHROME1, in which low values are white, is inverted
    (DICOM PS3.3 C.11.1, C.11.2 and C.7.6.3.1.2). Colour becomes red, green, blue of 8 or 16 bits,
    and grey where the three are equal. Overlays and annotations are left out.

    Returns uint8 or uint16, (rows, columns) or (rows, columns, 3). Raises `RefusedError` for what
    isn't one picture of a known kind, or whatever pydicom and the decoders make of damage.
    """
    with quiet_warnings:
        read_header(path)  # what is to be refused is not read first
        content = read_header(path, pixels=True)
        stored = decode(content)
        if content.PhotometricInterpretation in GREY:
            return _grey(stored, content)
        if content.PhotometricInterpretation == PALETTE:
            return _one_if_equal(_palette(stored, content))
        largest = (1 << int(content.BitsStored)) - 1
        return _one_if_equal(stretch(np.minimum(stored, largest), largest))


def _grey(stored: NDArray[Any], header: Dataset) -> NDArray[np.uint16]:
    """Look up the grey level of each value that can be stored, then that of each pixel."""
    lowest, values = _storable(header)
    fraction = _fraction_of_white(_modality(values, header), header, stored)
    if header.PhotometricInterpretation == "MONOCHROME1":
        fraction = 1 - fraction
    return apply_table(np.rint(fraction * _WHITE).astype(np.uint16), stored, lowest)


def _storable(header: Dataset) -> tuple[int, NDArray[Any]]:
    """Return the lowest value that can be stored in a pixel, and all of them from there on."""
    bits = int(header.BitsStored)
    lowest = -(1 << (bits - 1)) if header.PixelRepresentation else 0
    return lowest, np.arange(lowest, lowest + (1 << bits))


def _modality(values: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Return what the values mean, by the modality's table or slope and intercept."""
    if has_lut(header, "ModalityLUTSequence"):
        return _look_up(values, header.ModalityLUTSequence[0], header)[0]
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    if slope is None or intercept is None:
        return values
    return values * float(slope) + float(intercept)


def _fraction_of_white(values: NDArray[Any], header: Dataset, stored: NDArray[Any]) -> NDArray[Any]:
    """Return black as 0 and white as 1 for the values that can be stored."""
    rule = window_rule(header)
    if rule == "lut":
        levels, most = _look_up(values, header.VOILUTSequence[0], header)
        return np.clip(levels / most, 0, 1)
    if rule == "window":
        return _window(values, header)
    if rule == "full range":
        low, high = float(values.min()), float(values.max())
    else:
        low, high = _percentiles(values, header, stored)
    return np.clip((values - low) / ((high - low) or 1), 0, 1)


def _window(values: NDArray[Any], header: Dataset) -> NDArray[Any]:
    found = find_window(header)
    assert found is not None
    function, centre, width = found
    if function == "SIGMOID":
        exponent = np.clip(-4 * (values - centre) / width, -700, 700)
        return np.asarray(1 / (1 + np.exp(exponent)))
    if function == "LINEAR":  # the standard's own, by half a value and by one
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return (values > centre).astype(np.float64)
    return np.clip((values - centre) / width + 0.5, 0, 1)


def _percentiles(
    values: NDArray[Any], header: Dataset, stored: NDArray[Any]
) -> tuple[float, float]:
    """Return the smallest values at or below which 0.5 % and 99.5 % of the pixels lie."""
    lowest, storable = _storable(header)
    counts = count_values(stored, lowest, len(storable))
    counts[_is_padding(storable, header)] = 0
    order = np.argsort(values, kind="stable")
    share = np.cumsum(counts[order]) / max(1, counts.sum()) * 100
    places = np.minimum(np.searchsorted(share, _PERCENTILES), len(values) - 1)
    low, high = values[order][places]
    return float(low), float(high)


def _is_padding(values: NDArray[Any], header: Dataset) -> NDArray[np.bool_]:
    """Tell which values mark where there is no picture."""
    first = header.get("PixelPaddingValue")
    if not isinstance(first, int):
        return np.zeros(len(values), dtype=bool)
    last = header.get("PixelPaddingRangeLimit")
    ends = sorted((first, last if isinstance(last, int) else first))
    return (values >= ends[0]) & (values <= ends[1])


def _look_up(
    values: NDArray[Any], table: Dataset, header: Dataset, keyword: str = "LUT"
) -> tuple[NDArray[Any], int]:
    """Apply a look-up table (PS3.3 C.11.1.1.1): its levels, and the largest there can be."""
    entries, first, bits = (int(n) for n in table[f"{keyword}Descriptor"].value)
    if not 8 <= bits <= 16:
        raise RefusedError(f"its look-up table has {bits} bits")
    if first > 32767 and header.PixelRepresentation:  # written as if it had no sign
        first -= 65536
    levels = _numbers(table[f"{keyword}Data"].value, entries or 65536, header)
    places = np.clip(np.rint(values).astype(np.int64) - first, 0, len(levels) - 1)
    return levels[places], (1 << bits) - 1


def _numbers(data: Any, entries: int, header: Dataset) -> NDArray[Any]:
    """Return the entries of a look-up table, which may be bytes or numbers."""
    if isinstance(data, bytes):
        order = "<" if header.original_encoding[1] else ">"
        kind = "u1" if len(data) < 2 * entries else f"{order}u2"
        data = np.frombuffer(data, kind)
    table = np.atleast_1d(np.asarray(data, dtype=np.int64))[:entries]
    if not len(table):
        raise RefusedError("its look-up table is empty")
    return table


def _palette(stored: NDArray[Any], header: Dataset) -> NDArray[np.uint8]:
    """Look up red, green and blue (PS3.3 C.7.6.3.1.5): their upper 8 bits, which screens show."""
    if header.get("RedPaletteColorLookupTableData") is None:
        raise RefusedError("its palette is of a kind that is not supported")
    lowest, values = _storable(header)
    channels = []
    for colour in ("Red", "Green", "Blue"):
        levels, most = _look_up(values, header, header, f"{colour}PaletteColorLookupTable")
        shown = np.clip(levels, 0, most) >> (8 if most > 255 else 0)
        channels.append(apply_table(shown.astype(np.uint8), stored, lowest))
    return np.stack(channels, axis=-1)


def _one_if_equal(colour: NDArray[Any]) -> NDArray[Any]:
    red, green, blue = np.moveaxis(colour, -1, 0)
    equal = np.array_equal(red, green) and np.array_equal(red, blue)
    return red if equal else colour
