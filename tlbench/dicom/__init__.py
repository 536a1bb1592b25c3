"""DICOM files: what their headers say, and what their pixels look like."""

from tlbench.dicom.header import DicomFacts, is_dicom, read_dicom_facts

__all__ = ["DicomFacts", "is_dicom", "read_dicom_facts"]
