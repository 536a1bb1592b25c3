"""Downloads by pooch that go on where they were cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlbench.datasets.figshare import AGENT, TIMEOUT, PublishedFile, unreachable
from tlbench.errors import DataError
from tlbench.files import unwritable
from tlbench.progress import Progress

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16
_RETRIES = 3
_MEGABYTE = 1_000_000


def download(file: PublishedFile, folder: Path, page: str, progress: Progress) -> Path:
    """Return the file in `folder`, downloaded unless it is there with the right checksum.

    What has arrived stays in `folder` when the download is cut, and the next call asks for the
    rest. pooch verifies the checksum of the whole file and tries again after a failure. `page` is
    where a person finds the file. Raises `DataError` where the server does not answer, or does
    not send this file, and `CacheError` where it can't be written.
    """
    import pooch

    pooch.get_logger().setLevel("ERROR")
    kennel = pooch.create(
        path=folder,
        base_url="",
        registry={file.name: f"md5:{file.md5}" if file.md5 else None},
        urls={file.name: file.url},
        retry_if_failed=_RETRIES,
    )
    with _errors_in_words(file, folder):
        resuming = _ResumingDownloader(file, folder, page, progress)
        return Path(kennel.fetch(file.name, downloader=resuming))


def already_here(file: PublishedFile, folder: Path) -> int:
    """Return how many bytes of a file earlier downloads have left in `folder`."""
    for name in (file.name, _part(file)):
        if (folder / name).is_file():
            return min((folder / name).stat().st_size, file.bytes)
    return 0


@contextmanager
def _errors_in_words(file: PublishedFile, folder: Path) -> Iterator[None]:
    import requests

    try:
        yield
    except requests.HTTPError as error:
        raise DataError(
            f'can\'t fetch "{file.name}": the server answers {error}',
            "try again later; what is fetched is kept",
        ) from error
    except requests.RequestException as error:  # an OSError too, so it comes first
        raise unreachable(file.url, f'"{file.name}"', error) from error
    except OSError as error:
        raise unwritable(folder, error) from error
    except ValueError as error:
        raise _wrong(file) from error


class _ResumingDownloader:
    """What pooch calls to get a file: it keeps a part, and asks for no byte of it again."""

    def __init__(self, file: PublishedFile, folder: Path, page: str, progress: Progress) -> None:
        self._file = file
        self._page = page
        self._progress = progress
        self._part = folder / _part(file)
        self._tag = folder / f"{_part(file)}.tag"
        self._began_anew = self._done = False

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:
        if self._done and self._began_anew:
            raise _wrong(self._file)  # it came whole, and a second time it would be the same
        self._done = False
        if self._have() != self._file.bytes or not self._part.is_file():
            self._get(url)
        self._part.replace(output_file)
        self._tag.unlink(missing_ok=True)
        self._done = True

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _drop(self) -> None:
        self._part.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)

    def _get(self, url: str) -> None:
        import requests

        if self._have() > self._file.bytes:
            self._drop()
        have = self._have()
        # Compressed on the way, a file would have another length and no ranges.
        headers = AGENT | {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self._tag.is_file():  # a file that has changed comes whole
                headers["If-Range"] = self._tag.read_text(encoding="latin-1")
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            self._check_answer(answer, have)
            if answer.status_code != 206:
                have, self._began_anew = 0, True
                self._drop()
                self._keep_tag(answer)
            self._append(answer, have)

    def _check_answer(self, answer: requests.Response, have: int) -> None:
        """Raise ValueError for what may do better from the start, `DataError` for the hopeless."""
        import requests

        size = self._file.bytes
        if answer.status_code == 206:
            if answer.headers.get("Content-Range", "") == f"bytes {have}-{size - 1}/{size}":
                return
            self._drop()
            raise ValueError("the server sends another range than it was asked for")
        if answer.status_code == 416:
            self._drop()
            raise ValueError("the server has no such range")
        if answer.status_code == 429 or answer.status_code >= 500:
            raise requests.HTTPError(str(answer.status_code))
        length = int(answer.headers.get("Content-Length", size))
        if answer.status_code != 200 or length != size:
            other = f" with {length:,} bytes instead of {size:,}"
            raise DataError(
                f'can\'t fetch "{self._file.name}": the server answers {answer.status_code}'
                f"{other if answer.status_code == 200 else ''}",
                f'download it from {self._page} into "{self._part.parent}" by a browser and give '
                "the same command again",
            )

    def _keep_tag(self, answer: requests.Response) -> None:
        """Keep by what the server can tell whether the file is still the same."""
        tag = answer.headers.get("ETag", "")
        if not tag or tag.startswith("W/"):  # a weak one says nothing about bytes
            tag = answer.headers.get("Last-Modified", "")
        if tag:
            self._tag.write_text(tag, encoding="latin-1")

    def _append(self, answer: requests.Response, have: int) -> None:
        import requests

        name, size = self._file.name, self._file.bytes
        if have:
            self._progress.say(f"{name}: going on after {have / size:.0%}")
        with (
            self._progress.task(name, _megabytes(size) - _megabytes(have), "MB") as advance,
            self._part.open("ab", buffering=0) as stream,
        ):
            for chunk in answer.iter_content(_CHUNK):
                stream.write(chunk)
                if step := _megabytes(have + len(chunk)) - _megabytes(have):
                    advance(step)
                have += len(chunk)
                if have > size:
                    break  # nobody knows how much more would come
        if have > size:
            self._drop()
            raise _wrong(self._file)
        if have < size:
            raise requests.exceptions.ChunkedEncodingError("closed early")


def _part(file: PublishedFile) -> str:
    return f"{file.name}.part"


def _megabytes(size: int) -> int:
    return -(-size // _MEGABYTE)


def _wrong(file: PublishedFile) -> DataError:
    return DataError(
        f'"{file.name}" arrived whole, but is not the published file: its checksum or size is '
        "another",
        "give the same command again; if that ends the same way, the file was changed or replaced",
    )
