"""The decoders of compressed DICOM pixels, and how pydicom calls them.

Pillow decodes JPEG of 8 bits; all else is decoded by imagecodecs (libjpeg-turbo, CharLS, OpenJPEG
and its own run lengths), whatever other decoders are installed. None of them is handed a picture
of another size than the DICOM header says, and so none reserves more memory than that takes.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from PIL import Image

from tlbench.refusals import RefusedError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.pixels.decoders.base import Decoder, DecodeRunner

DECODER_DEPENDENCIES: dict[str, tuple[str, ...]] = {}
"""Asked for by pydicom; what is needed is always there."""

_CORRECTIONS: dict[str, Any] = {
    "correct_unused_bits": True,
    "apply_jls_sign_correction": True,
    "apply_j2k_sign_correction": True,
}
_DAMAGED = "its compressed pixels are damaged"
_START_OF_J2K = b"\xff\x4f\xff\x51"


def decode(content: Dataset) -> NDArray[Any]:
    """Return the values that a DICOM file stores, without the bits that mean nothing.

    Returns uint8, int8, uint16 or int16, (rows, columns), or red, green, blue in (rows, columns,
    3). Raises `RefusedError` for a transfer syntax there is no decoder for, or whatever a decoder
    makes of damage.
    """
    decoder = _decoder_for(str(content.file_meta.TransferSyntaxUID))
    pixels = content.get("PixelData") or b""
    if not pixels or (decoder.is_native and len(pixels) < _stored_size(content)):
        raise RefusedError("it is truncated")
    array, found = decoder.as_array(content, index=0, **_CORRECTIONS)
    if array.ndim == 3 and found["photometric_interpretation"] != "RGB":
        raise RefusedError("its colours are of a kind that is not supported")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _stored_size(header: Dataset) -> int:
    """Return how many bytes pixels take that are not compressed."""
    bits = int(header.Rows) * int(header.Columns) * header.SamplesPerPixel * header.BitsAllocated
    halved = header.PhotometricInterpretation == "YBR_FULL_422"  # two pixels share their colour
    return int(-(-bits * (2 if halved else 3) // 24))


@cache
def _decoder_for(syntax: str) -> Decoder:
    """Return a decoder of our own: pydicom's are shared by all who use it in this process."""
    from pydicom import uid
    from pydicom.pixels.decoders.base import Decoder

    native = (
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
    )
    compressed = (
        uid.RLELossless,
        *uid.JPEGTransferSyntaxes,
        *uid.JPEGLSTransferSyntaxes,
        *uid.JPEG2000TransferSyntaxes,
    )
    if syntax not in (*native, *compressed):
        raise RefusedError("its transfer syntax is not supported")
    decoder = Decoder(uid.UID(syntax))
    if syntax in compressed:
        decoder.add_plugin("tlbench", (__name__, "decode_frame"))
    return decoder


def is_available(_syntax: str) -> bool:
    """Tell pydicom that this module can decode what it is added to."""
    return True


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes | bytearray:
    """Decode one picture for pydicom; raises `RefusedError` or the errors of decoders."""
    import imagecodecs
    from pydicom import uid

    syntax = runner.transfer_syntax
    if syntax == uid.RLELossless:
        runner.set_option("planar_configuration", 1)
        out = bytearray(int(runner.frame_length(unit="bytes")))
        imagecodecs.dicomrle_decode(source, f"<u{runner.bits_allocated // 8}", out=out)
        return out
    rows, columns, channels, bits = _size_of(source)
    if (rows, columns, channels) != (runner.rows, runner.columns, runner.samples_per_pixel):
        raise RefusedError("its compressed pixels are of another size than its header says")
    runner.set_option("planar_configuration", 0)
    if syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit) and bits == 8:
        return _decode_jpeg(source)
    if syntax in uid.JPEGTransferSyntaxes:
        pixels = imagecodecs.jpeg_decode(source)
    elif syntax in uid.JPEGLSTransferSyntaxes:
        pixels = imagecodecs.jpegls_decode(source)
    else:
        pixels = imagecodecs.jpeg2k_decode(source)
        if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
            runner.set_option("photometric_interpretation", "RGB")
    runner.set_option("bits_allocated", 8 * pixels.itemsize)
    return pixels.tobytes()


def _decode_jpeg(source: bytes) -> bytes:
    with Image.open(BytesIO(source), formats=("JPEG",)) as image:
        # Colours stay as they are: pydicom converts them by what the header says.
        if image.mode == "RGB" and "adobe_transform" not in image.info:
            image.draft("YCbCr", image.size)
        return image.tobytes()


def _size_of(source: bytes) -> tuple[int, int, int, int]:
    """Return rows, columns, channels and bits that JPEG, JPEG-LS or JPEG 2000 code starts with."""
    if not source.startswith(b"\xff\xd8"):
        start = source.find(_START_OF_J2K)
        return _size_of_j2k(source[start + 4 : start + 45] if start >= 0 else b"")
    place = 2
    while place + 10 <= len(source) and source[place] == 0xFF:
        marker = source[place + 1]
        # All frames start alike, of JPEG and JPEG-LS; C4, C8 and CC are something else.
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            rows = int.from_bytes(source[place + 5 : place + 7])
            columns = int.from_bytes(source[place + 7 : place + 9])
            return rows, columns, source[place + 9], source[place + 4]
        filling = marker == 0xFF
        place += 1 if filling else 2 + int.from_bytes(source[place + 2 : place + 4])
    raise RefusedError(_DAMAGED)


def _size_of_j2k(header: bytes) -> tuple[int, int, int, int]:
    if len(header) < 39:
        raise RefusedError(_DAMAGED)
    right, bottom, left, top = (int.from_bytes(header[i : i + 4]) for i in (4, 8, 12, 16))
    return bottom - top, right - left, int.from_bytes(header[36:38]), (header[38] & 0x7F) + 1
