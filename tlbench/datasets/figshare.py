"""What figshare says of the files it publishes: their names, sizes, checksums and addresses.

It is asked when something is fetched, so that no address and no checksum has to be known before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tlbench import __version__
from tlbench.errors import DataError

API = "TLBENCH_FIGSHARE"
"""The environment variable that names another server with figshare's API, such as a mirror."""
TIMEOUT = (5.0, 30.0)
"""Seconds: to connect, and of silence between two pieces of an answer."""
AGENT = {"User-Agent": f"tlbench/{__version__}"}
_FIGSHARE = "https://api.figshare.com/v2"


@dataclass(frozen=True)
class PublishedFile:
    """A file of an article; `md5` is None where figshare states none."""

    name: str
    url: str
    bytes: int
    md5: str | None


@dataclass(frozen=True)
class Article:
    """One version of an article and its files, by name."""

    number: int
    version: int
    doi: str
    licence: str
    files: Mapping[str, PublishedFile]

    @property
    def page(self) -> str:
        """Where a person can download the files."""
        return f"https://doi.org/{self.doi}"


def read_article(number: int, version: int | None, missing: str) -> Article:
    """Ask figshare for an article, its newest version where `version` is None.

    `missing` names what can't be fetched where figshare does not answer. Raises `DataError` then,
    within seconds, and where it answers something else.
    """
    import requests

    base = os.environ.get(API, _FIGSHARE).rstrip("/")
    url = f"{base}/articles/{number}" + (f"/versions/{version}" if version else "")
    try:
        answer = requests.get(url, timeout=TIMEOUT, headers=AGENT)
    except requests.RequestException as error:
        raise unreachable(url, missing, error) from error
    if answer.status_code != 200:
        raise DataError(
            f'can\'t fetch {missing}: "{url}" answers {answer.status_code}', "try again later"
        )
    try:
        return _parse(answer.json())
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f'can\'t fetch {missing}: "{url}" answers something else than a list of files',
            f"is {API} right?" if API in os.environ else "try again later",
        ) from None


def unreachable(url: str, missing: str, error: Exception) -> DataError:
    """Return the error for a server that does not answer; `missing` names what it was asked for."""
    import requests

    host = urlsplit(url).netloc
    what = "can't be reached"
    if isinstance(error, requests.Timeout):
        what = "does not answer"
    elif isinstance(error, requests.exceptions.ChunkedEncodingError):
        what = "breaks off"
    return DataError(
        f'can\'t fetch {missing}: "{host}" {what}',
        "connect to the network and give the same command again; what is fetched is kept",
    )


def _parse(answer: Mapping[str, Any]) -> Article:
    files = [
        PublishedFile(
            name=str(entry["name"]),
            url=_address(entry["download_url"]),
            bytes=int(entry["size"]),
            md5=entry.get("computed_md5") or entry.get("supplied_md5") or None,
        )
        for entry in answer["files"]
        if not entry.get("is_link_only")
    ]
    return Article(
        number=int(answer["id"]),
        version=int(answer["version"]),
        doi=str(answer["doi"]),
        licence=str((answer.get("license") or {}).get("name", "")),
        files={file.name: file for file in files},
    )


def _address(url: Any) -> str:
    if urlsplit(str(url)).scheme not in ("https", "http"):
        raise ValueError(url)
    return str(url)
