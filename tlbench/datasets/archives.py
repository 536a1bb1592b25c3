"""Archives from elsewhere, unpacked without trusting them.

An archive is looked through before anything of it is written. One that would write outside its
folder, that holds links or devices, or that unpacks to far more than it is, is refused whole.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import IO

from tlbench.datasets.requests import is_hidden
from tlbench.errors import DataError
from tlbench.files import size_in_words
from tlbench.progress import Progress

MOST_FILES = 200_000
LARGEST_RATIO = 20
"""Radiographs are compressed already; text shrinks to a tenth. More than this is a bomb."""
_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_CHUNK = 1 << 20
# Drives and streams of Windows, and what no file of a data set is called.
_ODD = re.compile(r'[\x00-\x1f:*?"<>|]')


class DamagedArchiveError(DataError):
    """An archive that is truncated, or whose content is not what its own checksums say."""


@dataclass(frozen=True)
class Content:
    """A file that was unpacked: its path in the target folder, with `/`, its size and SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class _Member:
    """A file in an archive: the parts of its path, its size, and how its bytes are read."""

    parts: tuple[str, ...]
    size: int
    open: Callable[[], IO[bytes]]


def is_archive(name: str) -> bool:
    """Return whether a file of this name is unpacked; any other is taken as it is."""
    return name.lower().endswith(_SUFFIXES)


def unpack(archive: Path, target: Path, progress: Progress) -> list[Content]:
    """Unpack a zip or tar file into the folder `target` and return what is there then.

    Folders that hold the whole archive are left out, and so are hidden files. Raises
    `DamagedArchiveError` for what can't be read, `DataError` for what is refused or does not fit
    on the disk, and OSError where a file can't be written.
    """
    with ExitStack() as stack:
        try:
            members = _open(archive, stack)
        except DataError:
            raise
        # Damaged archives make the standard library raise nearly anything.
        except Exception as error:
            raise _damaged(archive) from error
        members = [m for m in members if not any(is_hidden(part) for part in m.parts)]
        _check_paths(archive, members)
        target.mkdir(parents=True, exist_ok=True)
        check_space(target, sum(member.size for member in members), f'unpacking "{archive.name}"')
        shared = _shared(members)
        contents = []
        with progress.task(f"unpacking {archive.name}", len(members), "files") as advance:
            for member in members:
                contents.append(_write(archive, member, target, member.parts[shared:]))
                advance(1)
    return contents


def check_space(folder: Path, needed: int, what: str) -> None:
    """Raise `DataError` where the disk of `folder` has less than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f'the disk is full: {what} needs {size_in_words(needed)}, "{folder}" has '
            f"{size_in_words(free)} left",
            "free some space and give the same command again; what is finished is kept",
        )


def _open(archive: Path, stack: ExitStack) -> list[_Member]:
    if archive.name.lower().endswith(".zip"):
        return _zip_members(archive, stack.enter_context(zipfile.ZipFile(archive)))
    return _tar_members(archive, stack.enter_context(tarfile.open(archive)))


def _zip_members(archive: Path, opened: zipfile.ZipFile) -> list[_Member]:
    members: list[_Member] = []
    size = 0
    for info in opened.infolist():
        # `orig_filename` is what the archive says, before Python cuts or translates it.
        parts = _parts(archive, info.orig_filename)
        if info.flag_bits & 1:
            raise _refused(archive, "it is encrypted")
        if info.is_dir():
            continue
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _refused(archive, f"{info.orig_filename!a} is a link or a device")
        size += info.file_size
        _refuse_bomb(archive, size, len(members))
        members.append(_Member(parts, info.file_size, partial(opened.open, info)))
    return members


def _tar_members(archive: Path, opened: tarfile.TarFile) -> list[_Member]:
    members: list[_Member] = []
    size = 0
    for info in opened:
        parts = _parts(archive, info.name)
        if info.isdir():
            continue
        if not info.isreg():
            raise _refused(archive, f"{info.name!a} is a link or a device")
        size += info.size
        _refuse_bomb(archive, size, len(members))
        members.append(_Member(parts, info.size, partial(_of_tar, opened, info)))
    return members


def _of_tar(opened: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = opened.extractfile(info)
    if stream is None:
        raise tarfile.ReadError(info.name)
    return stream


def _parts(archive: Path, name: str) -> tuple[str, ...]:
    """The parts of a path that stays where it is unpacked, or `DataError`."""
    path = name.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if path.startswith("/") or ".." in parts or _ODD.search(path):
        raise _refused(archive, f"the path {name!a} could lead out of its folder")
    return parts


def _refuse_bomb(archive: Path, size: int, files: int) -> None:
    """Called for each file, since a packed tar has to be unpacked to find the next one."""
    if files >= MOST_FILES:
        raise _refused(archive, f"it holds more than {MOST_FILES:,} files")
    if size > LARGEST_RATIO * archive.stat().st_size:
        raise _refused(archive, f"it would unpack to more than {LARGEST_RATIO} times its own size")


def _check_paths(archive: Path, members: Sequence[_Member]) -> None:
    if not members:
        raise _refused(archive, "it holds no files")
    # Some disks take "a" and "A" for one file.
    names = [tuple(part.casefold() for part in member.parts) for member in members]
    folders = {name[:depth] for name in names for depth in range(len(name))}
    if len(set(names)) < len(names) or folders & set(names) or () in names:
        raise _refused(archive, "two of its files have one path")


def _shared(members: Sequence[_Member]) -> int:
    """How many folders on top hold all members."""
    folders = [member.parts[:-1] for member in members]
    both = zip(min(folders), max(folders), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))


def _write(archive: Path, member: _Member, target: Path, parts: Sequence[str]) -> Content:
    file = target.joinpath(*parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with file.open("wb") as stream:
        for chunk in _chunks(archive, member):
            size += len(chunk)
            if size > member.size:
                raise _damaged(archive)  # larger than it claims: where that ends, nobody knows
            digest.update(chunk)
            stream.write(chunk)
    if size != member.size:
        raise _damaged(archive)
    return Content("/".join(parts), size, digest.hexdigest())


def _chunks(archive: Path, member: _Member) -> Iterator[bytes]:
    """The bytes of a member; what goes wrong in reading them is the archive's fault."""
    try:
        with member.open() as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except Exception as error:
        raise _damaged(archive) from error


def _damaged(archive: Path) -> DamagedArchiveError:
    return DamagedArchiveError(
        f'"{archive.name}" is damaged or truncated, and was removed',
        "give the same command again to fetch it anew",
    )


def _refused(archive: Path, reason: str) -> DataError:
    return DataError(
        f'"{archive.name}" is not unpacked: {reason}', f'it was left as it is in "{archive.parent}"'
    )
