"""DICOM files for tests: pydicom's own, and small ones written to order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

_FOLDERS = (
    Path(pydicom.__file__).parent / "data" / "test_files",
    Path(data_store.__file__).parent / "data",
)
PYDICOMS_OWN = {file.name: file for folder in _FOLDERS for file in sorted(folder.glob("*.dcm"))}


def write_dicom(
    path: Path,
    pixels: Any,
    *,
    bits: int | None = None,
    syntax: str = ExplicitVRLittleEndian,
    code: bytes | None = None,
    **elements: Any,
) -> Path:
    """Write a radiograph of one picture; `code` holds its pixels as `syntax` compresses them."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    ds.Modality = "DX"
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = 8 * pixels.itemsize
    ds.BitsStored = bits or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    for name, value in elements.items():
        if value is None:
            delattr(ds, name)
        else:
            setattr(ds, name, value)
    if code is None:
        ds.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    else:
        ds.PixelData = encapsulate([code])
    ds["PixelData"].VR = "OB" if code is not None or ds.BitsAllocated <= 8 else "OW"
    ds.save_as(path, enforce_file_format=True)
    return path


def look_up_table(first: int, levels: Any, bits: int, first_kind: str = "US") -> Dataset:
    """Return an item of a sequence of look-up tables."""
    item = Dataset()
    item.add_new("LUTDescriptor", first_kind, [len(levels), first, bits])
    item.add_new("LUTData", "US", [int(level) for level in levels])
    return item
