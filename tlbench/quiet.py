"""Keeps what frameworks and plugins write out of the user's data and terminal."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from types import TracebackType


class _QuietWarnings:
    """Keeps Python's warnings silent while at least one thread is inside.

    Their filters belong to the process: the first thread in sets them, the last one out restores
    them, and all may work in between.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(
        self, *_failure: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


quiet_warnings = _QuietWarnings()
"""The one context of its kind: `with quiet_warnings: ...`, in as many threads as there are."""


class _Stderr:
    """Where file descriptor 2 leads: to whatever was put in its place last and still holds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._original = -1
        self._instead: list[int] = []

    @contextmanager
    def leads_to(self, descriptor: int) -> Iterator[None]:
        """Lead what is written to stderr to another open file, in all threads."""
        with self._lock:
            if not self._instead:
                try:
                    self._original = os.dup(2)
                except OSError:  # there is no stderr
                    self._original = -1
            self._instead.append(descriptor)
            self._lead()
        try:
            yield
        finally:
            with self._lock:
                self._instead.remove(descriptor)
                self._lead()
                if not self._instead and self._original >= 0:
                    os.close(self._original)

    def _lead(self) -> None:
        if self._original >= 0:
            os.dup2(self._instead[-1] if self._instead else self._original, 2)


_stderr = _Stderr()


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Silence what native libraries write to stderr, past Python, in any number of threads."""
    with Path(os.devnull).open("wb") as nowhere, _stderr.leads_to(nowhere.fileno()):
        yield


@contextmanager
def quiet_framework() -> Iterator[None]:
    """Keep the remarks that TensorFlow's C++ side writes to stderr from the user's terminal.

    They are written past `sys.stderr`, so the file descriptor itself is turned aside; if the
    block fails, they are shown, for then they may say why.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as aside:
        try:
            with _stderr.leads_to(aside.fileno()):
                yield
        except BaseException:
            aside.seek(0)
            with suppress(OSError):  # started without any stderr
                os.write(2, aside.read())
            raise


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
