"""Files written to order, compared with what the standard says in so many words (PS3.3 C.11)."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.sequence import Sequence

from tests.dicom.files import look_up_table, write_dicom
from tlbench.dicom import read_dicom_facts
from tlbench.errors import UnreadableImageError
from tlbench.images import prepare, read_pixels, resize

RNG = np.random.default_rng(11)


def values_of(bits, signed=False, shape=(24, 31)):
    low = -(1 << (bits - 1)) if signed else 0
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    pixels = RNG.integers(low, low + (1 << bits), shape).astype(kind)
    pixels.flat[:2] = low, low + (1 << bits) - 1
    return pixels


def linear(x, centre, width):
    """PS3.3 C.11.2.1.2.1, word by word."""
    if x <= centre - 0.5 - (width - 1) / 2:
        return 0.0
    if x > centre - 0.5 + (width - 1) / 2:
        return 1.0
    return (x - (centre - 0.5)) / (width - 1) + 0.5


def linear_exact(x, centre, width):
    """PS3.3 C.11.2.1.3.2."""
    if x <= centre - width / 2:
        return 0.0
    if x > centre + width / 2:
        return 1.0
    return (x - centre) / width + 0.5


def sigmoid(x, centre, width):
    """PS3.3 C.11.2.1.3.1."""
    exponent = -4 * (x - centre) / width
    return 1 / (1 + np.exp(exponent)) if exponent < 700 else 0.0


FUNCTIONS = {None: linear, "LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


def expect(pixels, fraction):
    return np.rint(np.vectorize(fraction)(pixels.astype(float)) * 65535)


@pytest.mark.parametrize("interpretation", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("bits", "signed"), [(8, False), (10, False), (12, True), (16, False)])
def test_windows(tmp_path, interpretation, function, bits, signed):
    pixels = values_of(bits, signed)
    centre, width = float(np.median(pixels)) + 3.5, float(1 << (bits - 1)) + 1
    path = write_dicom(
        tmp_path / "x.dcm",
        pixels,
        bits=bits,
        PhotometricInterpretation=interpretation,
        WindowCenter=[centre, 1],
        WindowWidth=[width, 2],
        **({"VOILUTFunction": function} if function else {}),
    )
    white = expect(pixels, lambda x: FUNCTIONS[function](x, centre, width))
    expected = white if interpretation == "MONOCHROME2" else 65535 - white
    ours = read_pixels(path)
    assert ours.dtype == np.uint16
    np.testing.assert_allclose(ours, expected, atol=1)
    assert read_dicom_facts(path).window == "window"


@settings(max_examples=40)
@given(
    centre=st.floats(-3000, 3000).map(lambda x: round(x, 2)),
    width=st.floats(1, 5000).map(lambda x: round(x, 2)),
    slope=st.sampled_from([0.5, 1.0, 2.0, -1.0]),
    intercept=st.sampled_from([-1024.0, 0.0, 37.5]),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_any_window_after_any_rescale(tmp_path_factory, centre, width, slope, intercept, function):
    pixels = values_of(12, signed=True)
    path = write_dicom(
        tmp_path_factory.mktemp("window") / "x.dcm",
        pixels,
        bits=12,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        WindowCenter=centre,
        WindowWidth=width,
        VOILUTFunction=function,
    )
    if function == "LINEAR" and width == 1:
        return  # a threshold: told apart by rounding alone
    expected = expect(pixels, lambda x: FUNCTIONS[function](x * slope + intercept, centre, width))
    np.testing.assert_allclose(read_pixels(path), expected, atol=1)


@pytest.mark.filterwarnings("ignore")
def test_numbers_without_end_are_refused_or_count_as_none(tmp_path):
    pixels = values_of(12)
    path = write_dicom(tmp_path / "x.dcm", pixels, bits=12, WindowCenter=5, WindowWidth="inf")
    assert read_dicom_facts(path).window == "percentiles"
    path = write_dicom(tmp_path / "y.dcm", pixels, bits=12, RescaleSlope="nan", RescaleIntercept=0)
    with pytest.raises(UnreadableImageError, match="no finite numbers"):
        read_pixels(path)


@pytest.mark.parametrize("width", ["0", "", "-4"])
def test_a_window_without_a_width_counts_as_none(tmp_path, width):
    pixels = values_of(12)
    path = write_dicom(tmp_path / "x.dcm", pixels, bits=12, WindowCenter="2048", WindowWidth=width)
    assert read_dicom_facts(path).window == "percentiles"
    without = write_dicom(tmp_path / "y.dcm", pixels, bits=12)
    np.testing.assert_array_equal(read_pixels(path), read_pixels(without))


def test_a_window_of_one_value_is_a_threshold(tmp_path):
    pixels = np.arange(6, dtype=np.uint16).reshape(2, 3)
    path = write_dicom(tmp_path / "x.dcm", pixels, bits=12, WindowCenter=3, WindowWidth=1)
    np.testing.assert_array_equal(read_pixels(path), [[0, 0, 0], [65535, 65535, 65535]])


@pytest.mark.parametrize("bits", [8, 10, 16])
@pytest.mark.parametrize("first", [0, 100])
def test_a_voi_table_comes_before_a_window(tmp_path, bits, first):
    levels = RNG.integers(0, 1 << bits, 300)
    pixels = values_of(12)
    path = write_dicom(
        tmp_path / "x.dcm",
        pixels,
        bits=12,
        WindowCenter=5,
        WindowWidth=7,
        VOILUTSequence=Sequence([look_up_table(first, levels, bits)]),
    )
    expected = levels[np.clip(pixels.astype(int) - first, 0, 299)] / ((1 << bits) - 1) * 65535
    np.testing.assert_allclose(read_pixels(path), expected, atol=1)
    assert read_dicom_facts(path).window == "lut"


@pytest.mark.parametrize("kind", ["SS", "US"])
def test_a_table_may_begin_below_zero(tmp_path, kind):
    """Some write the first value as if it had no sign."""
    levels = np.arange(201)
    first = -100 if kind == "SS" else 65436
    pixels = np.array([[-200, -100], [0, 2000]], dtype=np.int16)
    path = write_dicom(
        tmp_path / "x.dcm",
        pixels,
        bits=12,
        VOILUTSequence=Sequence([look_up_table(first, levels, 8, kind)]),
    )
    np.testing.assert_allclose(
        read_pixels(path), np.array([[0, 0], [100, 200]]) / 255 * 65535, atol=1
    )


def test_a_modality_table_comes_before_the_window(tmp_path):
    levels = RNG.integers(0, 4096, 256)
    pixels = values_of(8)
    path = write_dicom(
        tmp_path / "x.dcm",
        pixels,
        ModalityLUTSequence=Sequence([look_up_table(0, levels, 12)]),
        WindowCenter=2048,
        WindowWidth=1000,
    )
    expected = expect(levels[pixels], lambda x: linear(x, 2048, 1000))
    np.testing.assert_allclose(read_pixels(path), expected, atol=1)


@pytest.mark.parametrize(("bits", "signed"), [(10, False), (12, True), (16, False)])
def test_without_any_window_percentiles_are_black_and_white(tmp_path, bits, signed):
    pixels = np.sort(RNG.normal(0, (1 << bits) / 12, 10_000)).clip(
        -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    )
    pixels = (pixels + (0 if signed else 1 << (bits - 1))).astype("i2" if signed else "u2")
    path = write_dicom(tmp_path / "x.dcm", pixels.reshape(100, 100), bits=bits)
    ours = read_pixels(path).ravel()
    assert read_dicom_facts(path).window == "percentiles"
    assert ours[49] == 0  # the 50th of 10,000, with all below
    assert ours[9949] == 65535
    low, high = float(pixels[49]), float(pixels[9949])
    np.testing.assert_allclose(ours, np.clip((pixels - low) / (high - low), 0, 1) * 65535, atol=1)


def test_padding_does_not_count_among_the_percentiles(tmp_path):
    picture = RNG.integers(1000, 3000, (40, 40)).astype(np.uint16)
    padded = np.full((80, 80), 4000, np.uint16)
    padded[20:60, 20:60] = picture
    alone = read_pixels(write_dicom(tmp_path / "alone.dcm", picture, bits=12))
    path = write_dicom(
        tmp_path / "x.dcm", padded, bits=12, PixelPaddingValue=4000, PixelPaddingRangeLimit=3990
    )
    np.testing.assert_array_equal(read_pixels(path)[20:60, 20:60], alone)


def test_eight_bits_without_a_window_are_grey_levels_already(tmp_path):
    pixels = values_of(8)
    path = write_dicom(tmp_path / "x.dcm", pixels)
    np.testing.assert_array_equal(read_pixels(path), pixels.astype(np.uint16) * 257)
    assert read_dicom_facts(path).window == "full range"


@pytest.mark.parametrize("interpretation", ["MONOCHROME1", "MONOCHROME2"])
def test_a_picture_of_one_value_can_be_read(tmp_path, interpretation):
    path = write_dicom(
        tmp_path / "x.dcm",
        np.full((5, 6), 700, np.uint16),
        bits=12,
        PhotometricInterpretation=interpretation,
    )
    assert len(np.unique(read_pixels(path))) == 1


@pytest.mark.parametrize("signed", [False, True])
def test_bits_beyond_those_stored_mean_nothing(tmp_path, signed):
    """Old files keep overlays there."""
    pixels = values_of(12, signed)
    window = {"WindowCenter": 0, "WindowWidth": 4096}
    plain = write_dicom(tmp_path / "plain.dcm", pixels, bits=12, **window)
    noise = (RNG.integers(0, 16, pixels.shape) << 12).astype(np.uint16)
    marked = ((pixels.view(np.uint16) & 0x0FFF) | noise).view(pixels.dtype)
    path = write_dicom(tmp_path / "x.dcm", marked, bits=12, **window)
    np.testing.assert_array_equal(read_pixels(path), read_pixels(plain))


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (12, np.uint16), (16, np.uint16)])
def test_colour_is_stretched_to_its_dtype(tmp_path, bits, dtype):
    pixels = values_of(bits, shape=(10, 12, 3))
    ours = read_pixels(write_dicom(tmp_path / "x.dcm", pixels, bits=bits))
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, pixels / ((1 << bits) - 1) * np.iinfo(dtype).max, atol=0.51)


def test_colour_of_three_equal_channels_is_grey(tmp_path):
    grey = values_of(8)
    pixels = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_pixels(write_dicom(tmp_path / "x.dcm", pixels)), grey)


@pytest.mark.parametrize(
    "syntax",
    [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K, uid.JPEGLossless, uid.JPEGLSLossless],
    ids=lambda syntax: syntax.name,
)
def test_compressed_without_loss_is_as_it_was(tmp_path, syntax):
    """HTJ2K is coded by another library (OpenJPH) than decodes it, JPEG by a rare predictor."""
    pixels = values_of(12, shape=(70, 90))
    if syntax in uid.JPEG2000TransferSyntaxes:
        code = imagecodecs.htj2k_encode(pixels)
    elif syntax == uid.JPEGLossless:
        code = imagecodecs.jpeg_encode(pixels, lossless=True, predictor=6, bitspersample=12)
    else:
        code = imagecodecs.jpegls_encode(pixels)
    packed = write_dicom(tmp_path / "x.dcm", pixels, bits=12, syntax=syntax, code=bytes(code))
    plain = write_dicom(tmp_path / "y.dcm", pixels, bits=12)
    np.testing.assert_array_equal(read_pixels(packed), read_pixels(plain))


def test_files_without_the_signature_are_known_by_their_names(tmp_path):
    pixels = values_of(12)
    path = write_dicom(tmp_path / "x.dcm", pixels, bits=12)
    whole = path.read_bytes()
    meta = 144 + int.from_bytes(whole[140:144], "little")
    bare = tmp_path / "bare.IMA"
    bare.write_bytes(whole[meta:])
    np.testing.assert_array_equal(read_pixels(bare), read_pixels(path))
    bare.rename(tmp_path / "bare")
    with pytest.raises(UnreadableImageError, match="not a JPEG, PNG, TIFF or DICOM file"):
        read_pixels(tmp_path / "bare")
    path.rename(tmp_path / "nameless")  # the signature is enough
    assert read_pixels(tmp_path / "nameless").shape == pixels.shape


def test_dicom_is_prepared_as_other_files_are(tmp_path):
    path = write_dicom(tmp_path / "x.dcm", values_of(12, shape=(64, 80)), bits=12)
    np.testing.assert_array_equal(prepare(path, (9, 8)), resize(read_pixels(path), (9, 8)))
