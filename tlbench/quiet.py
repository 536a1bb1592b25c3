"""Keeps what a framework writes past Python out of the user's terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


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
