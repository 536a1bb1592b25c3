"""Weights that Keras releases itself, downloaded by Keras into Keras's own folder.

A copy the user already has is used; importing this module imports neither Keras nor a framework.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

from tlbench.errors import WeightsError
from tlbench.specs import WeightsRequest
from tlbench_keras.releases import Release
from tlbench_keras.weights_files import looks_like_hdf5


def find(release: Release, request: WeightsRequest) -> Path | None:
    """Return the file if it is in Keras's folder and looks right; its checksum is not computed."""
    file = _models_folder() / release.name
    return file if _looks_right(file, release) else None


def obtain(release: Release, request: WeightsRequest, *, patience: float = 3.0) -> Path:
    """Return the verified file, downloading it with Keras's own function if need be.

    `patience` is how long, in seconds, a first answer may take; a download that has begun may be
    silent for three times as long. Raises `WeightsError` within seconds if the server can't be
    reached, and if the file is not the published one; neither leaves a file behind.
    """
    file = _models_folder() / release.name
    if _is_published(file, release):
        return file
    if request.offline:
        raise _missing_offline(file)
    _probe(release.url, patience)
    size = f" ({release.size / 1e6:.0f} MB)" if release.size else ""
    request.say(f'downloading "{release.name}"{size} to "{file.parent}"')
    return _download(release, file, patience * 3)


def _models_folder() -> Path:
    """Return the folder in which Keras keeps released weights."""
    home = os.environ.get("KERAS_HOME") or str(Path("~") / ".keras")
    return Path(home).expanduser() / "models"


def _looks_right(file: Path, release: Release) -> bool:
    """Tell by a glance: the size where it is known, else the beginning of an HDF5 file."""
    if release.size is None:
        return looks_like_hdf5(file)
    try:
        return file.stat().st_size == release.size
    except OSError:
        return False


def _is_published(file: Path, release: Release) -> bool:
    """Tell by the checksum; where none is published, loading has to show what the file holds."""
    try:
        return _looks_right(file, release) and _fault(file, release) is None
    except OSError:
        return False


def _fault(file: Path, release: Release) -> str | None:
    """Return how the file differs from the published one, None where it does not."""
    if release.checksum is None:
        return None if looks_like_hdf5(file) else "it is no HDF5 file"
    algorithm, _, expected = release.checksum.partition(":")
    found = _digest(file, algorithm)
    return None if found == expected else f'expected {algorithm} "{expected}", found "{found}"'


def _missing_offline(file: Path) -> WeightsError:
    if file.is_file():
        return WeightsError(
            f'"{file}" is incomplete or not the published file, and the run is offline',
            "run once with a network, or copy the file there from another machine",
        )
    return WeightsError(
        f'weights "imagenet" are not on this machine: "{file.name}" is missing '
        f'from "{file.parent}"',
        "run once with a network, copy the file there, or set KERAS_HOME to where Keras keeps it",
    )


def _probe(url: str, patience: float) -> None:
    """Raise `WeightsError` unless the server answers for `url` within `patience` seconds.

    Without this, a machine without network would first wait for TensorFlow to be imported. The
    question is asked in a thread of its own, since looking up a name obeys no time limit.
    """
    answer: list[str | None] = []
    thread = threading.Thread(target=lambda: answer.append(_ask(url, patience)), daemon=True)
    thread.start()
    thread.join(patience)
    problem = answer[0] if answer else f"no answer within {patience:g} s"
    if problem is not None:
        raise _unreachable(url, problem)


def _ask(url: str, patience: float) -> str | None:
    """Ask for the file's header, through the proxies the environment names; return what fails."""
    import http.client
    import urllib.error
    import urllib.request

    question = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(question, timeout=patience):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return str(error)
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def _download(release: Release, file: Path, silence: float) -> Path:
    """Have Keras download the file under a passing name; only a verified file gets its own."""
    part = file.with_name(f".part-{os.getpid()}-{os.urandom(4).hex()}-{release.name}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _call_get_file(release, part, silence)
        fault = _fault(part, release)
        if fault:
            raise WeightsError(
                f'"{release.name}" from "{release.url}" is not the published file: {fault}',
                "it was removed; a proxy may have changed it or the transfer broke off: try again",
            )
        part.replace(file)
    except OSError as error:
        raise WeightsError(
            f'"{file.parent}" can\'t be written: {error.strerror or error}',
            "free some space, or set KERAS_HOME to a folder that can be written",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return file


def _call_get_file(release: Release, part: Path, silence: float) -> None:
    from tlbench_keras.networks import import_keras

    keras = import_keras()
    with _quiet_stdout(), _socket_timeout(silence):
        try:
            keras.utils.get_file(part.name, origin=release.url, cache_subdir=str(part.parent))
        except Exception as error:  # `get_file` itself raises bare `Exception`
            raise _unreachable(release.url, str(error) or type(error).__name__) from error


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Give new sockets a time limit: `get_file` has none, and a stalled transfer would hang."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _quiet_stdout() -> Iterator[None]:
    """Keep Keras's progress bar off stdout, and off a log file, where each step is a line."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(sys.stderr if sys.stderr.isatty() else nowhere),
    ):
        yield


def _digest(file: Path, algorithm: str) -> str:
    # Some of the published checksums are MD5s; they guard against damage and are no signatures.
    with file.open("rb") as stream:
        new = functools.partial(hashlib.new, algorithm, usedforsecurity=False)
        return hashlib.file_digest(stream, new).hexdigest()


def _unreachable(url: str, reason: str) -> WeightsError:
    _, _, host, *_, name = url.split("/")
    # The system's number of an error says nothing to the person who reads the message.
    words = re.sub(r"^\[Errno -?\d+\] ", "", " ".join(reason.split())).lower()
    return WeightsError(
        f'"{name}" can\'t be downloaded from {host} ({words})',
        "check the network and the proxy, or choose other weights with --weights",
    )
