"""What all readers of pixels refuse, and the one line they say then."""

from __future__ import annotations

import stat
from pathlib import Path

from PIL import Image

from tlbench.errors import UnreadableImageError


class RefusedError(Exception):
    """A library might read the file, tlbench does not; the text is the reason."""


def check_file(path: Path) -> int:
    """Return the size of a file in bytes; raises `RefusedError` for what is none, or empty."""
    status = path.stat()
    # A pipe or a device could keep us waiting for ever.
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("it is not a file")
    if status.st_size == 0:
        raise RefusedError("the file is empty")
    return status.st_size


def check_size(rows: int, columns: int, bytes_per_pixel: int) -> None:
    """Raise `RefusedError` for pictures without pixels, or too large to be decoded.

    The limits are Pillow's 89 million pixels and, for colour and 16 bits, twice as many bytes:
    some four times what the largest detectors yield.
    """
    limit = Image.MAX_IMAGE_PIXELS
    if rows < 1 or columns < 1:
        raise RefusedError("it has no pixels")
    if limit is None:
        return
    if rows * columns > limit:
        raise RefusedError(f"it has more than {limit:,} pixels")
    if rows * columns * bytes_per_pixel > 2 * limit:
        raise RefusedError(f"its pixels take more than {2 * limit:,} bytes")


def refuse(path: Path, error: Exception, otherwise: str) -> UnreadableImageError:
    """Return the error that names a file and says why it can't be read, or `otherwise`.

    Of what a library or the system raised only the kind is told: its words may hold anything.
    """
    name = str(path).encode(errors="backslashreplace").decode().replace("\n", "\\n")
    reason = _explain(error) or otherwise
    return UnreadableImageError(
        f'can\'t read "{name}": {reason}',
        "run with --skip-unreadable to leave such files out",
        reason=reason,
    )


def _explain(error: Exception) -> str | None:
    if isinstance(error, RefusedError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if "truncated" in str(error).lower():
        return "it is truncated"
    return None
