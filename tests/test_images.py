import io
import os
import struct
import sys
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.imported import find_imported
from tlbench.errors import UnreadableImageError
from tlbench.images import pixel_sources, pixels_version, prepare, read_pixels, resize

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (30, 40), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (30, 40), dtype=np.uint16)
COLOUR16 = RNG.integers(0, 65536, (30, 40, 3), dtype=np.uint16)
GREY16[0, 0] = COLOUR16[0, 0] = 65535  # all sixteen bits are in use


def save(image, path, **options):
    image.save(path, **options)
    return path


def write_png16(path, pixels):
    """Write a 16-bit PNG by hand, with a filter, since Pillow writes grey ones only."""
    rows, columns = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    data = pixels.astype(">u2").reshape(rows, -1).view(np.uint8)
    before = np.vstack([np.zeros_like(data[:1]), data[:-1]])
    lines = b"".join(b"\2" + line.tobytes() for line in data - before)  # filter 2, "up"

    def chunk(name, content):
        crc = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", columns, rows, 16, kind, 0, 0, 0)
    chunks = [
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(lines)),
        chunk(b"IEND", b""),
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def write_tiff16(path, pixels, photometric, planar=1):
    """Write an uncompressed little-endian 16-bit TIFF by hand."""
    rows, columns = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    stored = np.moveaxis(pixels, -1, 0) if planar == 2 else pixels
    data = stored.astype("<u2").tobytes()
    strips = channels if planar == 2 else 1
    offsets = [200 + 64 + len(data) // strips * i for i in range(strips)]
    extra = struct.pack("<3H", *[16] * 3) + struct.pack(f"<{strips}I", *offsets)
    extra += struct.pack(f"<{strips}I", *[len(data) // strips] * strips)

    def entry(tag, kind, count, value):
        return struct.pack("<HHI", tag, kind, count) + struct.pack("<I", value)

    many = strips > 1
    entries = [
        entry(256, 4, 1, columns),
        entry(257, 4, 1, rows),
        entry(258, 3, channels, 200 if channels == 3 else 16),
        entry(259, 3, 1, 1),
        entry(262, 3, 1, photometric),
        entry(273, 4, strips, 206 if many else offsets[0]),
        entry(277, 3, 1, channels),
        entry(278, 4, 1, rows),
        entry(279, 4, strips, 206 + 4 * strips if many else len(data)),
        entry(284, 3, 1, planar),
    ]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4)
    path.write_bytes(head.ljust(200, b"\0") + extra.ljust(64, b"\0") + data)
    return path


# What is read


def test_eight_bit_grey_and_colour_come_back_as_they_are(tmp_path):
    for pixels in (GREY, COLOUR):
        read = read_pixels(save(Image.fromarray(pixels), tmp_path / "x.png"))
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, pixels)
        assert read.flags.writeable
        assert read.flags.c_contiguous


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_colour_image_with_equal_channels_is_grey(tmp_path, suffix):
    flat = np.full((16, 16), 80, np.uint8)
    path = save(Image.fromarray(np.dstack([flat] * 3)), tmp_path / f"x.{suffix}")
    np.testing.assert_array_equal(read_pixels(path), flat)


def test_one_differing_pixel_makes_a_colour_image(tmp_path):
    pixels = np.dstack([GREY] * 3)
    pixels[17, 23, 2] ^= 1
    read = read_pixels(save(Image.fromarray(pixels), tmp_path / "x.png"))
    np.testing.assert_array_equal(read, pixels)


def test_sixteen_bit_grey_is_read_whole(tmp_path):
    read = read_pixels(save(Image.fromarray(GREY16), tmp_path / "x.png"))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, GREY16)
    np.testing.assert_array_equal(read_pixels(write_png16(tmp_path / "y.png", GREY16)), GREY16)


@pytest.mark.parametrize(
    ("brightest", "depth"),
    [(1, 8), (255, 8), (256, 10), (1023, 10), (4095, 12), (4096, 14), (16383, 14), (16384, 16)],
)
def test_sixteen_bit_files_are_stretched_from_the_smallest_depth_that_holds_them(
    tmp_path, brightest, depth
):
    stored = np.linspace(0, brightest, 60).reshape(6, 10).astype(np.uint16)
    read = read_pixels(save(Image.fromarray(stored), tmp_path / "x.png"))
    expected = np.floor(stored.astype(float) * 65535 / (2**depth - 1) + 0.5)
    np.testing.assert_array_equal(read, expected)


def test_a_black_sixteen_bit_image_stays_black(tmp_path):
    read = read_pixels(save(Image.fromarray(np.zeros((4, 5), np.uint16)), tmp_path / "x.png"))
    assert read.shape == (4, 5)
    assert not read.any()


def test_sixteen_bit_colour_keeps_its_low_bytes(tmp_path):
    read = read_pixels(write_png16(tmp_path / "x.png", COLOUR16))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, COLOUR16)


def test_sixteen_bit_colour_with_equal_channels_is_grey(tmp_path):
    read = read_pixels(write_png16(tmp_path / "x.png", np.dstack([GREY16] * 3)))
    np.testing.assert_array_equal(read, GREY16)


def test_sixteen_bit_transparency_is_dropped(tmp_path):
    alpha = np.full_like(GREY16, 1000)
    read = read_pixels(write_png16(tmp_path / "x.png", np.dstack([COLOUR16, alpha])))
    np.testing.assert_array_equal(read, COLOUR16)
    read = read_pixels(write_png16(tmp_path / "y.png", np.dstack([GREY16, alpha])))
    np.testing.assert_array_equal(read, GREY16)


def test_sixteen_bit_tiff_grey_colour_and_inverted(tmp_path):
    np.testing.assert_array_equal(read_pixels(write_tiff16(tmp_path / "g.tif", GREY16, 1)), GREY16)
    read = read_pixels(write_tiff16(tmp_path / "c.tif", COLOUR16, 2))
    np.testing.assert_array_equal(read, COLOUR16)
    read = read_pixels(write_tiff16(tmp_path / "i.tif", GREY16, 0))
    np.testing.assert_array_equal(read, 65535 - GREY16)


def test_sixteen_bit_tiff_with_separate_channels_is_refused(tmp_path):
    path = write_tiff16(tmp_path / "x.tif", COLOUR16, 2, planar=2)
    with pytest.raises(UnreadableImageError, match="one after the other"):
        read_pixels(path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_is_read_in_its_usual_compressions(tmp_path, compression):
    for number, pixels in enumerate((GREY, COLOUR, GREY16)):
        path = tmp_path / f"{number}.tif"
        save(Image.fromarray(pixels), path, compression=compression)
        np.testing.assert_array_equal(read_pixels(path), pixels)


def test_palette_one_bit_and_transparency_are_converted(tmp_path):
    palette = Image.fromarray(COLOUR).quantize(16)
    read = read_pixels(save(palette, tmp_path / "p.png", transparency=bytes(range(16))))
    np.testing.assert_array_equal(read, np.asarray(palette.convert("RGB")))

    bits = Image.fromarray(GREY > 128)
    read = read_pixels(save(bits, tmp_path / "b.png"))
    np.testing.assert_array_equal(read, (GREY > 128) * 255)

    clear = np.dstack([COLOUR, np.zeros_like(GREY)])
    read = read_pixels(save(Image.fromarray(clear), tmp_path / "a.png"))
    np.testing.assert_array_equal(read, COLOUR)

    grey_clear = Image.fromarray(np.dstack([GREY, np.zeros_like(GREY)]), mode=None)
    np.testing.assert_array_equal(read_pixels(save(grey_clear, tmp_path / "la.png")), GREY)


def test_grey_palette_is_grey(tmp_path):
    palette = Image.fromarray(GREY).convert("P")
    np.testing.assert_array_equal(read_pixels(save(palette, tmp_path / "x.png")), GREY)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_colour(tmp_path, suffix):
    inks = np.full((16, 16, 4), (255, 0, 0, 0), np.uint8)  # all cyan
    read = read_pixels(save(Image.fromarray(inks, mode="CMYK"), tmp_path / f"x.{suffix}"))
    np.testing.assert_allclose(read[8, 8], (0, 255, 255), atol=3)


def orient(pixels, orientation):
    """Return what a camera would have stored for `pixels` to be shown upright."""
    rot = np.rot90
    return {
        1: lambda p: p,
        2: np.fliplr,
        3: lambda p: rot(p, 2),
        4: np.flipud,
        5: lambda p: np.swapaxes(p, 0, 1),
        6: lambda p: rot(p, 1),
        7: lambda p: np.swapaxes(rot(p, 2), 0, 1),
        8: lambda p: rot(p, -1),
    }[orientation](pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR, GREY16], ids=["grey", "colour", "grey16"])
def test_exif_orientation_is_applied(tmp_path, orientation, suffix, pixels):
    exif = Image.Exif()
    exif[274] = orientation
    stored = np.ascontiguousarray(orient(pixels, orientation))
    path = save(Image.fromarray(stored), tmp_path / f"x.{suffix}", exif=exif)
    np.testing.assert_array_equal(read_pixels(path), pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_a_jpeg_is_applied(tmp_path, orientation):
    ramp = (np.add.outer(np.arange(32) * 5, np.arange(48) * 2)).astype(np.uint8)
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(orient(ramp, orientation)))
    read = read_pixels(save(stored, tmp_path / "x.jpg", exif=exif, quality=95))
    np.testing.assert_allclose(read.astype(int), ramp, atol=4)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_means_nothing_is_ignored(tmp_path, value):
    exif = Image.Exif()
    exif[274] = value
    path = save(Image.fromarray(GREY), tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(read_pixels(path), GREY)


def test_a_broken_exif_block_loses_no_radiograph(tmp_path):
    path = save(Image.fromarray(GREY), tmp_path / "x.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(read_pixels(path), GREY)


def test_the_content_counts_not_the_extension(tmp_path):
    path = save(Image.fromarray(GREY), tmp_path / "x.jpg", format="PNG")
    np.testing.assert_array_equal(read_pixels(path), GREY)


# What is refused


def refusal(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnreadableImageError) as caught:
            read_pixels(path)
    message = caught.value.message
    assert message.startswith(f'can\'t read "{path}": ')
    assert "\n" not in message
    assert caught.value.hint
    return message.split('": ', 1)[1]


def test_missing_empty_and_foreign_files_are_refused_by_name(tmp_path):
    assert refusal(tmp_path / "none.jpg") == "there is no such file"
    (tmp_path / "empty.jpg").touch()
    assert refusal(tmp_path / "empty.jpg") == "the file is empty"
    (tmp_path / "text.jpg").write_text("not a radiograph")
    assert refusal(tmp_path / "text.jpg") == "it is not a JPEG, PNG, TIFF or DICOM file"
    assert refusal(tmp_path) == "it is not a file"
    other = save(Image.fromarray(GREY), tmp_path / "x.bmp")
    assert refusal(other) == "it is not a JPEG, PNG, TIFF or DICOM file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_keep_us_waiting(tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    assert refusal(tmp_path / "x.jpg") == "it is not a file"


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("share", [0.0005, 0.001, 0.01, 0.1, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    noise = RNG.integers(0, 256, (100, 120), dtype=np.uint8)
    whole = save(Image.fromarray(noise), tmp_path / f"whole.{suffix}").read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole[: max(4, int(len(whole) * share))])
    assert refusal(cut)


def test_a_file_cut_in_its_pixels_is_called_truncated(tmp_path):
    noise = RNG.integers(0, 256, (100, 120), dtype=np.uint8)
    whole = save(Image.fromarray(noise), tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path / "cut.jpg") == "it is truncated"
    (tmp_path / "head.jpg").write_bytes(whole[:20])
    assert refusal(tmp_path / "head.jpg") == "its header is damaged or cut off"


def test_a_decompression_bomb_is_refused(tmp_path):
    for columns in (9000, 18000):  # Pillow warns of the first and refuses the second
        zeros = zlib.compress(bytes(1000), 9)
        header = struct.pack(">IIBBBBB", columns, 10000, 8, 0, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zeros), (b"IEND", b""))
        packed = b"".join(
            struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c))
            for n, c in chunks
        )
        path = tmp_path / f"{columns}.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + packed)
        assert refusal(path) == "it has more than 89,478,485 pixels"


def test_unusual_pixel_formats_are_refused(tmp_path):
    floats = save(Image.fromarray(np.ones((4, 5), np.float32)), tmp_path / "f.tif")
    assert refusal(floats) == 'its pixel format "F" is not supported'
    integers = save(Image.fromarray(np.ones((4, 5), np.int32)), tmp_path / "i.tif")
    assert refusal(integers) == 'its pixel format "I" is not supported'


def test_a_tiff_with_several_images_is_refused(tmp_path):
    images = [Image.fromarray(GREY)] * 2
    path = save(images[0], tmp_path / "x.tif", save_all=True, append_images=images[1:])
    assert refusal(path) == "it holds more than one image"


def test_a_file_that_may_not_be_opened_is_refused(tmp_path, monkeypatch):
    path = save(Image.fromarray(GREY), tmp_path / "x.png")

    def forbid(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", forbid)
    assert refusal(path) == "permission denied"


def test_reading_leaves_the_settings_of_the_process_alone(tmp_path):
    path = save(Image.fromarray(GREY), tmp_path / "x.png")
    before = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    threads = [threading.Thread(target=read_pixels, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS) == before


def mutate(content, rng):
    """Return a damaged copy: bytes changed, a piece cut out, or a piece repeated."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(0, len(data)))
        kind = rng.integers(0, 3)
        if kind == 0:
            data[at] = int(rng.integers(0, 256))
        elif kind == 1:
            del data[at : at + int(rng.integers(1, 40))]
        else:
            data[at:at] = data[at // 2 : at // 2 + int(rng.integers(1, 40))]
        data = data or bytearray(1)
    return bytes(data)


def test_damaged_files_are_read_or_refused_by_name(tmp_path, capfd):
    rng = np.random.default_rng(20180501)
    smooth = Image.fromarray(COLOUR).resize((60, 80), Image.Resampling.BICUBIC)
    originals = []
    for suffix, image, options in (
        ("jpg", smooth, {}),
        ("jpg", smooth.convert("L"), {}),
        ("png", smooth, {}),
        ("png", Image.fromarray(GREY16), {}),
        ("tif", smooth, {}),
        ("tif", smooth, {"compression": "tiff_adobe_deflate"}),  # libtiff would talk to stderr
    ):
        path = save(image, tmp_path / f"original.{suffix}", **options)
        originals.append((suffix, path.read_bytes()))
    outcomes = {"read": 0, "refused": 0, "nameless": 0}
    for number in range(300):
        suffix, content = originals[number % len(originals)]
        path = tmp_path / f"{number}.{suffix}"
        path.write_bytes(mutate(content, rng))
        try:
            pixels = read_pixels(path)
        except UnreadableImageError as error:
            named = str(path) in error.message
            outcomes["refused" if named else "nameless"] += 1
        else:
            assert pixels.dtype in (np.uint8, np.uint16)
            assert pixels.ndim == 2 or pixels.shape[2] == 3
            outcomes["read"] += 1
    assert outcomes["nameless"] == 0
    assert min(outcomes["read"], outcomes["refused"]) > 20
    assert capfd.readouterr() == ("", "")


# Resizing


@pytest.mark.parametrize("pixels", [GREY, COLOUR, GREY16, COLOUR16], ids=lambda p: str(p.shape))
def test_resize_keeps_dtype_and_channels(pixels):
    small = resize(pixels, (11, 17))
    assert small.dtype == pixels.dtype
    assert small.shape == (11, 17, *pixels.shape[2:])
    np.testing.assert_array_equal(resize(pixels, pixels.shape[:2]), pixels)


@pytest.mark.parametrize("scale", [1, 257])
def test_a_fine_checkerboard_becomes_mid_grey(scale):
    dtype = np.uint8 if scale == 1 else np.uint16
    board = (np.indices((900, 900)).sum(axis=0) % 2 * 255 * scale).astype(dtype)
    small = resize(board, (299, 299)).astype(float) / scale
    np.testing.assert_allclose(small[1:-1, 1:-1], 127.5, atol=12)
    assert small[5:-5, 5:-5].std() < 6  # every third pixel taken as it is would give 127


def test_sixteen_bits_resize_like_eight():
    eight = resize(GREY, (13, 21)).astype(float)
    sixteen = resize(GREY.astype(np.uint16) * 257, (13, 21)) / 257
    np.testing.assert_allclose(sixteen, eight, atol=1.01)


def test_extremes_survive_resizing():
    white = np.full((50, 60), 65535, np.uint16)
    assert (resize(white, (7, 9)) == 65535).all()
    assert (resize(white, (70, 90)) == 65535).all()


@pytest.mark.parametrize("size", [(0, 10), (10, -1)])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match="positive"):
        resize(GREY, size)


def test_prepare_reads_and_resizes(tmp_path):
    path = save(Image.fromarray(COLOUR), tmp_path / "x.png")
    np.testing.assert_array_equal(prepare(path, (9, 8)), resize(read_pixels(path), (9, 8)))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("grey", [True, False])
def test_large_jpegs_are_decoded_at_a_smaller_scale(tmp_path, orientation, grey):
    pixels = resize(GREY if grey else COLOUR, (1300, 1900))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(Image.fromarray(pixels), tmp_path / "x.jpg", quality=95, exif=exif)
    whole, reduced = resize(read_pixels(path), (60, 50)), prepare(path, (60, 50))
    assert reduced.shape == whole.shape
    difference = np.abs(whole.astype(float) - reduced)
    assert difference.mean() < 1
    assert difference.any()  # it was decoded another way


def test_the_version_names_the_decoders_and_the_sources():
    version = pixels_version()
    assert f"pillow {Image.__version__}" in version
    assert "jpeg" in version
    assert len(version.rsplit(" ", 1)[1]) == 16


def test_the_version_covers_all_that_images_import():
    decide_nothing = [f"tlbench.{name}" for name in ("errors", "quiet", "refusals", "registry")]
    files, packages = find_imported(["tlbench.images", "tlbench.augment"], decide_nothing)
    assert {"images.py", "levels.py", "window.py"} <= {file.name for file in files}
    assert files <= set(pixel_sources())
    named = {"PIL": "pillow", "skimage": "scikit-image"}
    outside = {named.get(name, name) for name in packages - sys.stdlib_module_names}
    assert {"numpy", "scipy", "pydicom"} <= outside
    assert all(f"{name} " in pixels_version() for name in outside)


def test_pixels_do_not_depend_on_where_the_bytes_came_from(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG")
    for name in ("a.png", "ünïcode ß.PNG"):
        (tmp_path / name).write_bytes(buffer.getvalue())
        np.testing.assert_array_equal(read_pixels(tmp_path / name), GREY)
