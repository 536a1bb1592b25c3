"""What a run ran on: versions and machine, and the folder where things are cached."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_PACKAGES = (
    "tlbench",
    "tensorflow",
    "keras",
    "openvino",
    "onnxruntime",
    "numpy",
    "scipy",
    "scikit-learn",
    "pillow",
)
_WHERE = {"--data-root": "DIR", "--manifest": "FILE"}
"""What stands in a record instead of where a user's radiographs lie."""


def cache_folder() -> Path:
    """Return the cache: `TLBENCH_CACHE`, or tlbench's folder among the user's caches."""
    chosen = os.environ.get("TLBENCH_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("tlbench"))


def describe_environment() -> dict[str, Any]:
    """Return `versions`, `machine`, `git_commit` and `command`; no host or user name among them."""
    return {
        "versions": {"python": platform.python_version()} | _versions(),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        "git_commit": _git_commit(),
        "command": _command(),
    }


def peak_memory_mb() -> float | None:
    """Return the largest resident set of this process so far in MB, None where nobody counts it."""
    try:
        import resource
    except ImportError:  # on Windows
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, others kibibytes.
    return round(largest * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _git_commit() -> str | None:
    """The commit of a source checkout that tlbench runs from, or None for an installed one."""
    root = Path(__file__).resolve().parents[1]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    out = subprocess.run(
        [git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return out.stdout.strip() or None


def _command() -> list[str] | None:
    """The command line; None when called from Python.

    Of paths only the last part is kept, and of where radiographs lie nothing: they may hold a
    user's name, or a patient's.
    """
    program = Path(sys.argv[0])
    name = "tlbench" if program.name == "__main__.py" else program.name
    if not name.startswith("tlbench"):
        return None
    words, before = [name], ""
    for word in sys.argv[1:]:
        option, equals, _ = word.partition("=")
        if equals and option in _WHERE:
            words.append(f"{option}={_WHERE[option]}")
        else:
            words.append(_WHERE.get(before) or _last_part(word))
        before = word
    return words


def _last_part(word: str) -> str:
    option, equals, value = word.partition("=")
    if equals and option.startswith("--"):
        return f"{option}={_last_part(value)}"
    family, colon, file = word.partition(":")
    # What stands behind a family of backbones may be a file, as in onnx:FILE.
    if colon and family.isidentifier() and _is_file(file):
        return f"{family}:{Path(file).name}"
    return Path(word).name if _is_path(word) else word


def _is_path(word: str) -> bool:
    path = Path(word).expanduser()
    try:
        return path.is_absolute() or (len(path.parts) > 1 and path.exists())
    except OSError:  # a word that no file could have for a name
        return False


def _is_file(word: str) -> bool:
    path = Path(word).expanduser()
    return path.is_absolute() or path.is_file()
