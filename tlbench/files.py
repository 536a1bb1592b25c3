"""Files written whole or not at all, what to say where they can't be, and their digests."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tlbench.errors import CacheError, DataError


def write_whole(file: Path, write: Callable[[Any], None]) -> None:
    """Write `file` whole or not at all; raise `CacheError` where it can't be written.

    A link is followed. A pipe or a device is written to, as it can't be replaced.
    """
    temporary, folder = "", file.parent
    try:
        with suppress(FileNotFoundError):
            file.stat()  # of links that lead round in a circle not every Python's resolve says so
        if file.exists() and not (file.is_file() or file.is_dir()):
            with file.open("wb") as stream:
                write(stream)
            return
        file = file.resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".writing-")
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        # Temporary files are private; what becomes of them is as readable as any new file.
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(file)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def spare_inputs(
    outputs: Iterable[Path | None], inputs: Iterable[Path | None], folder: Path | None = None
) -> None:
    """Raise `DataError` where an output would replace an input, or any file in `folder`."""
    there = [file for file in outputs if file is not None and file.is_file()]
    read = {file.resolve() for file in inputs if file is not None} if there else set()
    for output in there:
        inside = folder is not None and output.resolve().is_relative_to(folder.resolve())
        if inside or output.resolve() in read:
            raise DataError(
                f'"{output}" is part of the data: it is not replaced', "name another file"
            )


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hexadecimal digits; OSError if it can't be read."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    """The permissions that this process takes from new files; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def unwritable(folder: Path, error: OSError) -> CacheError:
    """Return the error for a folder that can't be written, with what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CacheError(
            f'the disk is full: can\'t write to "{folder}"',
            "free some space and give the same command again; what is finished is kept",
        )
    reason = (error.strerror or str(error)).lower()
    return CacheError(
        f'can\'t write to "{folder}": {reason}',
        "choose another folder, or mend its permissions",
    )


def size_in_words(size: float) -> str:
    """Return a number of bytes as people write it."""
    units = ["TB", "GB", "MB", "kB"]
    unit = "bytes"
    while size >= 1000 and units:
        size, unit = size / 1000, units.pop()
    return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
