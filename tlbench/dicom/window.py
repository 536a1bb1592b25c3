"""Which values of a DICOM picture are black and white: what its header says of windows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from tlbench.refusals import RefusedError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

WindowRule = Literal["lut", "window", "full range", "percentiles"]
"""What turns values into grey levels; see `tlbench.dicom.pixels.read_dicom`."""

GREY = ("MONOCHROME1", "MONOCHROME2")


def window_rule(header: Dataset) -> WindowRule:
    """Return which rule turns the values of a picture into grey levels.

    A window that no function can apply (without a width, say) counts as none.
    """
    if header.PhotometricInterpretation not in GREY:
        return "full range"
    if has_lut(header, "VOILUTSequence"):
        return "lut"
    if find_window(header) is not None:
        return "window"
    return "full range" if header.BitsStored <= 8 else "percentiles"


def has_lut(header: Dataset, keyword: str) -> bool:
    """Tell whether a sequence of look-up tables holds one."""
    items = header.get(keyword)
    return bool(items) and all(
        items[0].get(key) is not None for key in ("LUTDescriptor", "LUTData")
    )


def find_window(header: Dataset) -> tuple[str, float, float] | None:
    """Return the function, centre and width of the first window, or None where there is none.

    Raises `RefusedError` for a function that DICOM doesn't know.
    """
    centre, width = first_value(header, "WindowCenter"), first_value(header, "WindowWidth")
    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None:
        return None
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise RefusedError("the function of its window is unknown")
    centre, width = float(centre), float(width)
    fits = math.isfinite(centre + width) and (width >= 1 if function == "LINEAR" else width > 0)
    return (function, centre, width) if fits else None


def first_value(header: Dataset, keyword: str) -> Any:
    """Return the first value of an element, or None where there is none."""
    value = header.get(keyword)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__"):
        return None if value in (None, "") else value
    return value[0] if len(value) else None
