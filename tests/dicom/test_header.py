import logging
import struct

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    SegmentationStorage,
)

from tests.dicom.files import write_dicom
from tlbench.dicom import read_dicom_facts
from tlbench.errors import UnreadableImageError
from tlbench.images import read_pixels

PIXELS = np.arange(600, dtype=np.uint16).reshape(20, 30)
SECRETS = {
    "PatientName": "Zyxwvut^Quentin",
    "PatientID": "PID-778899",
    "PatientBirthDate": "19370917",
    "AccessionNumber": "ACC-5544",
    "StudyInstanceUID": "1.2.826.0.1.999.11",
    "InstitutionName": "Sankt Nirgendwo",
    "ReferringPhysicianName": "Rumpel^Stilz",
}


def refusal(path):
    """The reason for which a file is refused, by its pixels and by its facts."""
    with pytest.raises(UnreadableImageError) as caught:
        read_pixels(path)
    return caught.value.message.split('": ', 1)[1]


def test_facts(tmp_path):
    path = write_dicom(
        tmp_path / "x.dcm",
        PIXELS,
        bits=12,
        **SECRETS,
        PatientAge="018M",
        PatientSex="F",
        ImageLaterality="L",
        Laterality="R",
        ViewPosition="LL",
        Manufacturer="Acme X-Ray",
    )
    facts = read_dicom_facts(path)
    assert (facts.patient, facts.study) == ("PID-778899", "1.2.826.0.1.999.11")
    assert facts.instance
    assert facts.modality == "DX"
    assert (facts.laterality, facts.view) == ("L", "LL")
    assert (facts.age, facts.sex) == (1.5, "F")
    assert (facts.rows, facts.columns) == (20, 30)
    assert (facts.window, facts.manufacturer) == ("percentiles", "Acme X-Ray")
    assert not any(secret in repr(facts) for secret in SECRETS.values())


def test_what_a_header_does_not_say_is_none(tmp_path):
    facts = read_dicom_facts(write_dicom(tmp_path / "x.dcm", PIXELS, bits=12, Modality=""))
    said = (facts.patient, facts.study, facts.modality, facts.laterality, facts.view, facts.age)
    assert said == (None,) * 6
    assert (facts.sex, facts.manufacturer) == (None, None)


def test_a_view_may_be_a_code(tmp_path):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "R-10236", "SRT", "lateral"
    path = write_dicom(tmp_path / "x.dcm", PIXELS, bits=12, ViewCodeSequence=Sequence([code]))
    assert read_dicom_facts(path).view == "lateral"


@pytest.mark.parametrize("said", ["MRN12345", "DOE JANE", "Doe^Jane"])
@pytest.mark.filterwarnings("ignore")
def test_what_is_typed_in_the_place_of_a_term_is_neither_known_nor_quoted(tmp_path, said):
    places = ("ViewPosition", "Modality", "ImageLaterality", "Laterality", "PatientSex")
    path = write_dicom(tmp_path / "x.dcm", PIXELS, bits=12, **dict.fromkeys(places, said))
    assert said.upper() not in repr(read_dicom_facts(path)).upper()
    path = write_dicom(tmp_path / "y.dcm", PIXELS, bits=12, PhotometricInterpretation=said)
    assert refusal(path) == "its photometric interpretation is not supported"


@pytest.mark.parametrize(
    ("age", "years"), [("034Y", 34), ("6M", 0.5), ("52W", 1.0), ("", None), ("old", None)]
)
@pytest.mark.filterwarnings("ignore")
def test_ages_are_in_years(tmp_path, age, years):
    path = write_dicom(tmp_path / "x.dcm", PIXELS, bits=12, PatientAge=age)
    assert read_dicom_facts(path).age == (None if years is None else pytest.approx(years, 0.01))


def test_facts_do_not_need_the_pixels(tmp_path):
    path = write_dicom(tmp_path / "x.dcm", PIXELS, bits=12)
    path.write_bytes(path.read_bytes()[: -PIXELS.nbytes + 10])
    assert read_dicom_facts(path).rows == 20
    assert refusal(path) == "it is truncated"


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"NumberOfFrames": 3}, "it holds 3 frames"),
        ({"SOPClassUID": SegmentationStorage}, "it holds no radiograph: Segmentation Storage"),
        (
            {"PhotometricInterpretation": "HSV"},
            'its photometric interpretation "HSV" is not supported',
        ),
        ({"PhotometricInterpretation": "RGB"}, "its header contradicts itself"),
        ({"BitsAllocated": 32}, "its pixels of 32 bits are not supported"),
        ({"BitsStored": 17}, "its pixels of 16 bits are not supported"),
        ({"Rows": 0}, "it has no pixels"),
        ({"Rows": None}, "its header is damaged or cut off"),
        ({"Rows": 60000, "Columns": 60000}, "it has more than 89,478,485 pixels"),
        ({"Rows": 21}, "it is truncated"),
        (
            {"WindowCenter": 5, "WindowWidth": 5, "VOILUTFunction": "CUBIC"},
            "the function of its window is unknown",
        ),
    ],
)
def test_what_a_header_gives_reason_to_refuse(tmp_path, elements, reason):
    path = write_dicom(tmp_path / "x.dcm", PIXELS, bits=12, **elements)
    assert refusal(path) == reason
    if reason != "it is truncated":  # that is not in the header
        with pytest.raises(UnreadableImageError, match=r"x\.dcm"):
            read_dicom_facts(path)


def test_colour_of_16_bits_is_refused_where_it_would_take_too_much(tmp_path):
    pixels = np.zeros((2, 2, 3), np.uint16)
    path = write_dicom(tmp_path / "x.dcm", pixels, Rows=6000, Columns=6000)
    assert refusal(path) == "its pixels take more than 178,956,970 bytes"


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless])
def test_compressed_pixels_of_another_size_are_refused_undecoded(tmp_path, syntax):
    start = b"\xff\xd8\xff\xc0" if syntax == JPEGBaseline8Bit else b"\xff\x4f\xff\x51"
    if syntax == JPEGBaseline8Bit:
        code = start + struct.pack(">HBHHB", 11, 8, 65000, 65000, 1) + bytes(50) + b"\xff\xd9"
    else:
        siz = struct.pack(">HHIIIIIIIIHB", 41, 0, 65000, 65000, 0, 0, 65000, 65000, 0, 0, 1, 7)
        code = start + siz + bytes(50) + b"\xff\xd9"
    eight = PIXELS.astype(np.uint8)
    path = write_dicom(tmp_path / "x.dcm", eight, syntax=syntax, code=code)
    assert refusal(path) == "its compressed pixels are of another size than its header says"


def test_boxes_without_a_length_are_no_trap(tmp_path):
    """pydicom would look through them for ever."""
    boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(8) + b"\0\0\0\x08jp2c\xff\x4f\xff\x51"
    eight = PIXELS.astype(np.uint8)
    path = write_dicom(tmp_path / "x.dcm", eight, syntax=JPEG2000Lossless, code=boxes)
    assert refusal(path) == "its compressed pixels are damaged"


def test_jpeg_2000_may_lie_in_the_boxes_of_a_file(tmp_path):
    import imagecodecs

    eight = PIXELS.astype(np.uint8)
    codes = [
        imagecodecs.jpeg2k_encode(eight, level=0, reversible=True, codecformat=kind)
        for kind in ("j2k", "jp2")
    ]
    assert codes[1].startswith(b"\0\0\0\x0cjP")
    for number, code in enumerate(codes):
        name = tmp_path / f"{number}.dcm"
        path = write_dicom(name, eight, syntax=JPEG2000Lossless, code=bytes(code))
        np.testing.assert_array_equal(read_pixels(path), eight.astype(np.uint16) * 257)


def test_a_transfer_syntax_without_decoder_is_refused(tmp_path):
    path = write_dicom(
        tmp_path / "x.dcm", PIXELS, bits=12, syntax="1.2.840.10008.1.2.4.102", code=b"12"
    )
    assert refusal(path) == "its transfer syntax is not supported"


def test_a_deflated_bomb_is_refused(tmp_path, monkeypatch):
    """With a limit of our own, for a bomb of 358 million bytes is no good thing to write."""
    path = write_dicom(
        tmp_path / "x.dcm",
        np.zeros((500, 500), np.uint16),
        bits=12,
        syntax=DeflatedExplicitVRLittleEndian,
    )
    assert read_pixels(path).shape == (500, 500)
    assert path.stat().st_size < 4000
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    assert refusal(path) == "it is larger than 4,000 bytes when inflated"


@pytest.mark.filterwarnings("ignore")
def test_nothing_that_identifies_a_patient_gets_out(tmp_path, capfd, caplog):
    """Whatever is cut off or damaged: messages, warnings and logs tell nothing of it."""
    path = write_dicom(
        tmp_path / "x.dcm",
        PIXELS,
        bits=12,
        **SECRETS,
        PatientAge="Zyxwvut",
    )
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    capfd.readouterr()
    whole, rng = path.read_bytes(), np.random.default_rng(3)
    said = []
    for i in range(300):
        damaged = bytearray(whole[: len(whole) if i % 2 else rng.integers(132, len(whole))])
        for place in rng.integers(128, len(damaged), 12):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        for read in (read_pixels, read_dicom_facts):
            try:
                said.append(repr(read(path)) if read is read_dicom_facts else "")
            except UnreadableImageError as error:
                said.append(f"{error} {error.hint} {error.__cause__}")
    out = "".join(said) + "".join(capfd.readouterr()) + caplog.text
    pieces = [piece for secret in SECRETS.values() for piece in secret.split("^")]
    assert not [piece for piece in pieces if piece in out]
