"""DICOM files for tests: real ones, with the tags that hospitals put into theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian


def write_dicom(path: Path, pixels: NDArray[Any] | None = None, **tags: Any) -> Path:
    """Write a digital radiograph, 12 of 16 bits; `tags` go before what it has of its own.

    A tag that is None is left out; without `pixels` it has 6 x 8 of them.
    """
    pixels = np.arange(48, dtype=np.uint16).reshape(6, 8) if pixels is None else pixels
    rows, columns = pixels.shape[-2:]
    values: dict[str, Any] = {
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "SOPInstanceUID": "1.2.3.1",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.0",
        "PatientName": "Roe^Jane",
        "PatientID": "MRN1",
        "AccessionNumber": "ACC1",
        "Modality": "DX",
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": pixels.astype("<u2").tobytes(),
    } | tags
    dataset = Dataset()
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = values["SOPClassUID"]
    dataset.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"] or "1.2"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path
