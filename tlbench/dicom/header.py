"""The headers of DICOM files: read without the pixels, and nothing in them taken on trust.

Of all elements only those named here are read: a patient's name never enters the program.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from tlbench.dicom.window import GREY, WindowRule, first_value, window_rule
from tlbench.quiet import quiet_warnings
from tlbench.refusals import RefusedError, check_file, check_size, refuse

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PALETTE = "PALETTE COLOR"
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_OTHER_COLOUR = ("HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB")

_SUFFIXES = (".dcm", ".dicom", ".ima")
_OTHER_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*")
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_NO_RADIOGRAPHS = ("RT ", "Segmentation", "Parametric Map", "Presentation State")

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
    "AccessionNumber",
    "Modality",
    "ImageLaterality",
    "Laterality",
    "ViewPosition",
    "ViewCodeSequence",
    "Manufacturer",
)
_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}


@dataclass(frozen=True)
class DicomFacts:
    """What a DICOM file says of a radiograph; None where it says nothing.

    `patient`, `study`, `instance` and `accession` identify a person: they serve to group
    radiographs, stand in no output, and are left out where this is printed. `age` is in years,
    `sex` "M", "F" or "O", `laterality` "L", "R" or "B"; `view` is the view position ("PA", "LL"),
    else the meaning of the view code ("lateral"). Anybody may type anything into a header: of
    view and modality only what the standard or the trade has a word for counts. `rows` and
    `columns` are in pixels. `window` names the rule by which values become grey levels.
    """

    patient: str | None = field(repr=False)
    study: str | None = field(repr=False)
    instance: str | None = field(repr=False)
    modality: str | None
    laterality: str | None
    view: str | None
    age: float | None
    sex: str | None
    rows: int
    columns: int
    window: WindowRule
    manufacturer: str | None
    accession: str | None = field(repr=False, default=None)


def is_dicom(path: Path) -> bool:
    """Tell whether a file has the signature of DICOM, or none at all and its name ends in .dcm.

    The endings .dicom and .ima count as well. Raises OSError.
    """
    with path.open("rb") as file:
        start = file.read(132)
    if start[128:] == b"DICM":
        return True
    return path.suffix.lower() in _SUFFIXES and not start.startswith(_OTHER_SIGNATURES)


def read_dicom_facts(path: Path) -> DicomFacts:
    """Read what a DICOM file says of its radiograph, without its pixels.

    Raises `UnreadableImageError`, which names the file and nothing from inside it, where
    `tlbench.images.read_pixels` would refuse the file for what its header says.
    """
    try:
        check_file(path)
        with quiet_warnings:
            header = read_header(path, _FACTS)
            return _facts_of(header)
    # pydicom reads elements when they are asked for, so damage may show anywhere.
    except Exception as error:
        raise refuse(path, error, "its header is damaged") from None


def read_header(path: Path, more: Sequence[str] = (), *, pixels: bool = False) -> Dataset:
    """Read the elements that pictures need and those named in `more`, and check them.

    The pixels stay as the file has them, if they are wanted at all. Raises `RefusedError` for
    what isn't one picture of a known kind, or whatever pydicom makes of damage.
    """
    from pydicom import dcmread

    wanted = [*_PICTURE, *more, *(["PixelData"] if pixels else [])]
    with _open(path) as stream:
        header = dcmread(stream, stop_before_pixels=not pixels, force=True, specific_tags=wanted)
    if "TransferSyntaxUID" not in header.file_meta:
        header.file_meta.TransferSyntaxUID = _guessed_syntax(header)
    _check(header)
    return header


class _Bounded(io.BufferedReader):
    """A file of which no more than it holds is asked: a damaged length would reserve memory."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._length = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        rest = max(0, self._length - self.tell())
        return super().read(rest if size is None or size < 0 else min(size, rest))


def _open(path: Path) -> io.BufferedIOBase:
    """Open a file for pydicom; what is deflated as a whole is inflated, within bounds."""
    stream = _Bounded(path)
    start = stream.peek(1024)[:1024]
    if _DEFLATED not in start:
        stream.seek(0)
        return stream
    with stream:
        content = stream.read()
    if content[132:140] != b"\2\0\0\0UL\4\0":
        raise RefusedError("its header is damaged")
    data = 144 + int.from_bytes(content[140:144], "little")
    most = 4 * (Image.MAX_IMAGE_PIXELS or 1 << 28)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(content[data:], most)
    if inflater.unconsumed_tail:
        raise RefusedError(f"it is larger than {most:,} bytes when inflated")
    plain = _DEFLATED[:-3].ljust(len(_DEFLATED), b"\0")
    return io.BytesIO(content[:data].replace(_DEFLATED, plain) + inflated)


def _guessed_syntax(header: Any) -> Any:
    from pydicom import uid

    implicit, little = header.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def _check(header: Dataset) -> None:
    kind = _kind(header)
    pictureless = "Rows" not in header or "Columns" not in header
    if pictureless and "Image Storage" in kind:
        raise RefusedError("its header is damaged or cut off")
    if pictureless or any(words in kind for words in _NO_RADIOGRAPHS):
        raise RefusedError(f"it holds no radiograph: {kind}")
    frames = int(header.get("NumberOfFrames") or 1)
    if frames != 1:
        raise RefusedError(f"it holds {frames:,} frames")
    interpretation = str(header.get("PhotometricInterpretation", ""))
    if interpretation not in (*GREY, PALETTE, *COLOUR):
        named = f' "{interpretation}"' if interpretation in _OTHER_COLOUR else ""
        raise RefusedError(f"its photometric interpretation{named} is not supported")
    allocated = int(header.BitsAllocated)
    if allocated not in (1, 8, 16) or not 1 <= int(header.BitsStored) <= allocated:
        raise RefusedError(f"its pixels of {allocated} bits are not supported")
    channels = 3 if interpretation in COLOUR else 1
    if header.SamplesPerPixel != channels or header.PixelRepresentation not in (0, 1):
        raise RefusedError("its header contradicts itself")
    check_size(int(header.Rows), int(header.Columns), channels * (2 if allocated == 16 else 1))


def _kind(header: Dataset) -> str:
    """The name of the object's class, where the standard has one."""
    from pydicom.uid import UID

    uid = str(header.get("SOPClassUID") or "")
    name = UID(uid).name
    return "an object of an unknown class" if name == uid else name


_VIEW_POSITIONS = {
    *("AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAO", "RAO", "LPO", "RPO"),
    *("LAT", "OBL", "LATERAL", "OBLIQUE", "AXIAL", "FRONTAL", "TANGENTIAL", "SCAPHOID"),
}
"""DICOM PS3.3, C.8.1.1 and C.8.7.1, and what radiographers write instead."""

_MODALITIES = {"DX", "CR", "RG", "RF", "XA", "DR", "PX", "IO", "MG", "SC", "OT", "XC", "CT", "MR"}
"""Those of DICOM PS3.3, C.7.3.1.1.1, that a picture of one frame may have."""

_VIEW_WORDS = {
    *("ap", "pa", "antero", "anterior", "posterior", "postero", "lateral", "medial", "oblique"),
    *("axial", "frontal", "left", "right", "superior", "inferior", "cranial", "caudal", "dorsal"),
    *("palmar", "volar", "plantar", "tangential", "scaphoid", "view", "projection"),
    *("internal", "external", "rotation"),
}


def _view_words(text: str | None) -> str | None:
    """A view in words, where every word is one that views are made of: anybody may write here."""
    words = re.findall(r"[a-z]+", (text or "").lower())
    return text if words and set(words) <= _VIEW_WORDS else None


def _facts_of(header: Dataset) -> DicomFacts:
    sides = {"L", "R", "B"}
    codes = header.get("ViewCodeSequence")
    meaning = _view_words(_text(codes[0], "CodeMeaning")) if codes else None
    return DicomFacts(
        patient=_text(header, "PatientID"),
        study=_text(header, "StudyInstanceUID"),
        instance=_text(header, "SOPInstanceUID"),
        modality=_term(header, "Modality", _MODALITIES),
        laterality=_term(header, "ImageLaterality", sides) or _term(header, "Laterality", sides),
        view=_term(header, "ViewPosition", _VIEW_POSITIONS) or meaning,
        age=_years(_text(header, "PatientAge")),
        sex=_term(header, "PatientSex", {"M", "F", "O"}),
        rows=int(header.Rows),
        columns=int(header.Columns),
        window=window_rule(header),
        manufacturer=_text(header, "Manufacturer"),
        accession=_text(header, "AccessionNumber"),
    )


def _text(header: Dataset, keyword: str) -> str | None:
    value = first_value(header, keyword)
    return str(value).strip() or None if value is not None else None


def _term(header: Dataset, keyword: str, terms: Collection[str]) -> str | None:
    """Return one of the terms that may stand there; anything else counts as none."""
    value = (_text(header, keyword) or "").upper()
    return value if value in terms else None


def _years(age: str | None) -> float | None:
    """Return years from an age such as "034Y" or "018M"."""
    match = re.fullmatch(r"(\d{1,3})([DWMY])", age or "")
    return round(int(match[1]) / _A_YEAR[match[2]], 2) if match else None
