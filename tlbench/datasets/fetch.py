"""Public data sets, from their publisher to a folder: downloaded, checked, unpacked, put in place.

Everything happens in a hidden folder within the data root. What is finished there is kept, so that
the same command goes on wherever it was cut; its parts are renamed into place when all are whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from tlbench.datasets.archives import (
    Content,
    DamagedArchiveError,
    check_space,
    is_archive,
    unpack,
)
from tlbench.datasets.cards import Card
from tlbench.datasets.downloads import already_here, download
from tlbench.datasets.figshare import Article, PublishedFile, read_article
from tlbench.datasets.receipts import read_receipt, write_receipt
from tlbench.errors import DataError, TlbenchError
from tlbench.files import file_sha256, size_in_words, unwritable, write_whole
from tlbench.progress import Progress

STAGING = ".fetching"


@dataclass(frozen=True)
class Source:
    """Where a card says a data set is published, and into which folder each file is unpacked."""

    figshare: int
    version: int | None
    files: Mapping[str, str]

    @property
    def missing(self) -> str:
        """Its files in words, for errors."""
        names = ", ".join(f'"{name}"' for name in self.files)
        version = f" version {self.version}" if self.version else ""
        return f"{names} of figshare {self.figshare}{version}"


def read_source(dataset: str, card: Card | None) -> Source:
    """Return where a data set can be fetched; `DataError` says what to do where it can't."""
    entry = card.content.get("fetch") if card else None
    if card and entry and "by_hand" in entry:
        raise DataError(str(entry["by_hand"]), str(entry["hint"]))
    if card and entry:
        try:
            return Source(entry["figshare"], entry.get("version"), dict(entry["files"]))
        except KeyError as error:
            raise DataError(f'[fetch] in the card of "{dataset}" lacks {error}') from None
    if card and card.content.get("synthetic"):
        raise DataError(
            f'data set "{dataset}" is drawn by tlbench: there is nothing to fetch',
            f"tlbench run --backbone NAME --dataset {dataset}",
        )
    raise DataError(
        f'data set "{dataset}" is made of your own files: there is nothing to fetch',
        "say where they are: --data-root DIR",
    )


def fetch(dataset: str, source: Source, root: Path, progress: Progress) -> bool:
    """Fetch a data set into the folder `root`; returns False if it is there already.

    Raises `DataError` or `CacheError` for what a user can mend, such as a folder into which another
    data set was fetched; what is finished by then is kept.
    """
    receipt = read_receipt(root)
    if receipt is not None:
        _check_receipt(receipt, dataset, source, root)
        shutil.rmtree(root / STAGING, ignore_errors=True)
        return False
    _check_root(root)
    staging = root / STAGING
    article = read_article(source.figshare, source.version, source.missing)
    files = _wanted(source, article)
    with _alone(root, staging):
        _check_room(staging, files, dataset)
        contents = [
            replace(
                content, path=(PurePosixPath(source.files[file.name]) / content.path).as_posix()
            )
            for file in files
            for content in _obtain(file, staging, article.page, progress)
        ]
        _put_in_place(root, staging, source.files)
        write_receipt(root, dataset, article, files, contents)
    shutil.rmtree(staging, ignore_errors=True)
    return True


def _check_receipt(receipt: Mapping[str, Any], dataset: str, source: Source, root: Path) -> None:
    """Refuse a folder into which another data set was fetched, or another version of this one."""
    fetched = receipt["dataset"], receipt["figshare"], receipt["version"]
    # A card that names no version takes any.
    wanted = dataset, source.figshare, source.version or receipt["version"]
    if fetched != wanted:
        form = '"{}", figshare {} version {}'
        raise DataError(
            f'"{root}" holds {form.format(*fetched)}, not {form.format(*wanted)}',
            "choose another --data-root; nothing was changed",
        )


def _check_root(root: Path) -> None:
    """Refuse a folder with anything of the user's in it."""
    try:
        found = [entry.name for entry in root.iterdir()] if root.exists() else []
    except OSError as error:
        raise unwritable(root, error) from error
    if found and STAGING not in found:
        raise DataError(
            f'"{root}" is not empty, and was not fetched by tlbench',
            "choose another --data-root; `tlbench data check` says what is there",
        )


@contextmanager
def _alone(root: Path, staging: Path) -> Iterator[None]:
    """Keep others from fetching into the same folder, and say what can't be written."""
    from filelock import FileLock, Timeout

    try:
        staging.mkdir(parents=True, exist_ok=True)
        lock = FileLock(staging / "lock", timeout=0)
        with lock:
            yield
    except Timeout:
        raise DataError(f'another tlbench is fetching into "{root}"', "wait for it") from None
    except OSError as error:
        raise unwritable(root, error) from error


def _wanted(source: Source, article: Article) -> list[PublishedFile]:
    for name in source.files:
        if name not in article.files:
            raise DataError(
                f'figshare {article.number} version {article.version} has no "{name}"; it has '
                + ", ".join(f'"{other}"' for other in article.files),
                f"download by a browser: {article.page}",
            )
    return [article.files[name] for name in source.files]


def _check_room(staging: Path, files: Sequence[PublishedFile], dataset: str) -> None:
    """See to it that all fits: what is to come, and what the largest archive unpacks to.

    Radiographs hardly shrink in an archive, and each archive is removed once it is unpacked.
    """
    due = [file for file in files if not _contents(staging, file).is_file()]
    to_come = sum(file.bytes - already_here(file, staging) for file in due)
    check_space(
        staging,
        to_come + max((file.bytes for file in due), default=0),
        f'fetching "{dataset}"',
    )


def _obtain(file: PublishedFile, staging: Path, page: str, progress: Progress) -> list[Content]:
    """Download and unpack one file, unless that is done, and return what it holds."""
    done = _contents(staging, file)
    if done.is_file():
        return [Content(**content) for content in json.loads(done.read_text(encoding="utf-8"))]
    progress.say(f"fetching {file.name}, {size_in_words(file.bytes)}")
    archive = download(file, staging, page, progress)
    folder = _unpacked(staging, file.name)
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier command was cut in
    if is_archive(file.name):
        try:
            contents = unpack(archive, folder, progress)
        except DamagedArchiveError:
            archive.unlink()
            raise
    else:
        folder.mkdir(parents=True)
        contents = [_take(archive, folder / file.name)]
    text = json.dumps([asdict(content) for content in contents])
    write_whole(done, lambda stream: stream.write(text.encode()))
    archive.unlink()
    return contents


def _contents(staging: Path, file: PublishedFile) -> Path:
    """The list of what a file holds: it is there once the file is unpacked."""
    return staging / f"{file.name}.contents.json"


def _unpacked(staging: Path, name: str) -> Path:
    return staging / "unpacked" / name


def _take(file: Path, target: Path) -> Content:
    shutil.copyfile(file, target)
    return Content(target.name, target.stat().st_size, file_sha256(target))


def _put_in_place(root: Path, staging: Path, folders: Mapping[str, str]) -> None:
    """Join what the files hold into one tree, then rename each of its parts into the data root."""
    tree = staging / "tree"
    for name, folder in folders.items():
        _move(_unpacked(staging, name), tree / folder)
    for entry in sorted(tree.iterdir()):
        entry.rename(root / entry.name)


def _move(source: Path, target: Path) -> None:
    """Move a folder's content into another; done again, it moves what is left."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()) if source.is_dir() else ():
        other = target / entry.name
        if entry.is_dir() and other.is_dir():
            _move(entry, other)
        elif other.exists():
            raise TlbenchError(
                f'two of the fetched files hold "{entry.name}"', "their publisher is at fault"
            )
        else:
            entry.rename(other)
