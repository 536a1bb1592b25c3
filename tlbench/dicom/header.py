"""The headers of DICOM files: read without the pixels, and nothing of them taken on trust.

Only the elements named here are read; the patient's name, for one, never enters the program.
"""

from __future__ import annotations

import io
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tlbench.errors import UnreadableImageError
from tlbench.quiet import quiet_warnings

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

WindowRule = Literal["lut", "window", "full range", "percentiles"]
"""What turns values into grey levels; see `tlbench.dicom.pixels`."""

SUFFIXES = (".dcm", ".dicom", ".ima")
"""Files without the signature are taken for DICOM if their names end so."""

# What the grey levels of a picture depend on.
_PICTURE = (
    "SOPClassUID",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
)
_FACTS = (
    "PatientID",
    "PatientAge",
    "PatientSex",
    "StudyInstanceUID",
    "SOPInstanceUID",
    "Modality",
    "BodyPartExamined",
    "ImageLaterality",
    "Laterality",
    "ViewPosition",
    "ViewCodeSequence",
    "Manufacturer",
)
_DAYS = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}


class RefusedError(Exception):
    """pydicom might read the file, tlbench does not; the text is the reason."""


@dataclass(frozen=True)
class DicomFacts:
    """What a DICOM file says of a radiograph; None where it says nothing.

    `patient`, `study` and `instance` identify a person: they serve to group radiographs, stand in
    no output, and are left out where the value is printed. `age` is in years, `sex` "M", "F" or
    "O", `laterality` "L", "R" or "B"; `view` is the view position ("PA", "LL"), else the meaning
    of the view code ("lateral"). `rows` and `columns` are in pixels. `window` names the rule by
    which values become grey levels.
    """

    patient: str | None = field(repr=False)
    study: str | None = field(repr=False)
    instance: str | None = field(repr=False)
    modality: str | None
    body_part: str | None
    laterality: str | None
    view: str | None
    age: float | None
    sex: str | None
    rows: int
    columns: int
    window: WindowRule
    manufacturer: str | None


def read_dicom_facts(path: Path) -> DicomFacts:
    """Read what a DICOM file says of its radiograph, without its pixels.

    Raises `UnreadableImageError`, which names the file and nothing from inside it, where
    `tlbench.images.read_pixels` would refuse the file for what its header says.
    """
    raise NotImplementedError
