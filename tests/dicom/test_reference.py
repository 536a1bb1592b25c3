"""All that pydicom ships, compared with pydicom's own way from a file to grey levels."""

import warnings

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.pixels import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi_lut,
    apply_windowing,
    pixel_array,
)

from tests.dicom.files import PYDICOMS_OWN
from tlbench.dicom import read_dicom_facts
from tlbench.errors import UnreadableImageError
from tlbench.images import read_pixels

# What can't be read, and why; all others have to be.
REFUSED = {
    "frames": "2frame emri_ color3d eCT_Supplemental examples_ybr_color",
    "no radiograph": "liver rtdose rtplan rtstruct SR reportsi waveform badVR NoMeta UN_sequence "
    "empty_charset meta_missing nested_priv priv_SQ no_meta",
    "bits are not supported": "32bit",
    "truncated": "MR_truncated",
    "palette is of a kind": "ALOKA",
    "of another size": "embedded-sequence-delimiter",
}


def reason(name):
    for why, parts in REFUSED.items():
        if any(part in name for part in parts.split()):
            return why
    return None


READ = sorted(name for name in PYDICOMS_OWN if reason(name) is None)


def reference_array(ds, path):
    """What pydicom decodes; 12-bit JPEG, which it can't, is left to GDCM's own reader."""
    if ds.file_meta.get("TransferSyntaxUID") == uid.JPEGExtended12Bit:
        import gdcm

        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        content = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
        return np.frombuffer(content, np.uint16).reshape(ds.Rows, ds.Columns)
    if "TransferSyntaxUID" not in ds.file_meta:
        ds.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    return pixel_array(ds)


def reference_levels(ds, array, window):
    """Grey levels from 0 to 65535 by pydicom's functions, and by NumPy where it has no window."""
    values = apply_modality_lut(array, ds)
    if window == "lut":
        black, white = 0, 2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1
        shown = apply_voi_lut(values, ds)
    elif window == "window":
        black, white = apply_windowing(np.array([-1e12, 1e12]), ds)
        shown = apply_voi_lut(values, ds)
    elif window == "percentiles":
        black, white = np.percentile(values, (0.5, 99.5), method="inverted_cdf")
        shown = np.clip(values, black, white)
    else:
        black, white, shown = 0, 2**ds.BitsStored - 1, values
    levels = (shown - black) / (white - black) * 65535
    return 65535 - levels if ds.PhotometricInterpretation == "MONOCHROME1" else levels


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READ)
def test_pixels_are_those_of_pydicoms_pipeline(name):
    path = PYDICOMS_OWN[name]
    ours = read_pixels(path)
    ds = pydicom.dcmread(path, force=True)
    theirs = reference_array(ds, path)
    if ds.PhotometricInterpretation.startswith("MONOCHROME"):
        assert ours.dtype == np.uint16
        expected = reference_levels(ds, theirs, read_dicom_facts(path).window)
        assert np.abs(ours - expected).max() <= 0.51
    elif ds.PhotometricInterpretation == "PALETTE COLOR":
        if ds.file_meta.TransferSyntaxUID == uid.ExplicitVRBigEndian:
            little = PYDICOMS_OWN[name.replace("_expb", "")]  # pydicom forgets to swap its bytes
            np.testing.assert_array_equal(ours, read_pixels(little))
        else:
            np.testing.assert_array_equal(ours, apply_color_lut(theirs, ds) >> 8)
    else:
        np.testing.assert_array_equal(ours, theirs)


def test_all_transfer_syntaxes_that_pydicom_has_pictures_of_are_among_them():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        headers = [
            pydicom.dcmread(PYDICOMS_OWN[name], force=True, stop_before_pixels=True)
            for name in READ
        ]
    found = {ds.file_meta.get("TransferSyntaxUID") for ds in headers}
    assert found >= {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEGBaseline8Bit,
        uid.JPEGExtended12Bit,
        uid.JPEGLosslessSV1,
        uid.JPEGLSLossless,
        uid.JPEGLSNearLossless,
        uid.JPEG2000Lossless,
        uid.JPEG2000,
    }
    assert len(READ) > 80


@pytest.mark.parametrize("name", sorted(set(PYDICOMS_OWN) - set(READ)))
def test_what_is_no_single_radiograph_is_refused_by_name(name, capfd):
    with pytest.raises(UnreadableImageError) as caught:
        read_pixels(PYDICOMS_OWN[name])
    assert name in caught.value.message
    assert reason(name) in caught.value.message
    assert "\n" not in caught.value.message
    assert capfd.readouterr() == ("", "")


def test_refusals_say_what_an_object_is():
    with pytest.raises(UnreadableImageError, match="no radiograph: RT Plan Storage"):
        read_dicom_facts(PYDICOMS_OWN["rtplan.dcm"])
    with pytest.raises(UnreadableImageError, match="no radiograph: Basic Text SR Storage"):
        read_dicom_facts(PYDICOMS_OWN["reportsi.dcm"])
    with pytest.raises(UnreadableImageError, match="it holds 120 frames"):
        read_dicom_facts(PYDICOMS_OWN["color3d_jpeg_baseline.dcm"])
