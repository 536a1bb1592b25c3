"""Keeps what frameworks and plugins write out of the user's data and terminal."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress


@contextmanager
def quiet_framework() -> Iterator[None]:
    """Keep the remarks that TensorFlow's C++ side writes to stderr from the user's terminal.

    They are written past `sys.stderr`, so the file descriptor itself is turned aside; if the
    block fails, they are shown, for then they may say why.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    keep = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(keep, aside.read())
            raise
        finally:
            os.dup2(keep, 2)
            os.close(keep)


@contextmanager
def quiet_library(logger: str) -> Iterator[None]:
    """Keep what a library prints, its bars and the lines of its `logger`, from the user's stdout.

    Both are as they were afterwards. The library has to be imported already, for it may want a
    logger of its own kind.
    """
    log = logging.getLogger(logger)
    before, log.disabled = log.disabled, True
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        log.disabled = before


@contextmanager
def stdout_aside() -> Iterator[None]:
    """Send to stderr whatever is printed, also past `sys.stdout` by C++ or another process."""
    if sys.stdout is not None:
        sys.stdout.flush()
    try:
        keep = os.dup(1)
    except OSError:  # started without any stdout
        with redirect_stdout(sys.stderr):
            yield
        return
    try:
        with redirect_stdout(sys.stderr):
            with suppress(OSError):  # started without any stderr
                os.dup2(2, 1)
            yield
    finally:
        os.dup2(keep, 1)
        os.close(keep)
