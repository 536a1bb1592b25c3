"""What was fetched: a file beside the data that says from where, and what each file was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlbench import __version__
from tlbench.datasets.archives import Content
from tlbench.datasets.figshare import Article, PublishedFile
from tlbench.errors import DataError
from tlbench.files import file_sha256, write_whole
from tlbench.progress import Progress

RECEIPT = "receipt.json"


@dataclass(frozen=True)
class Changes:
    """How a folder differs from its receipt: files by name, and how many files it lists."""

    listed: int
    missing: Sequence[str]
    changed: Sequence[str]


def write_receipt(
    folder: Path,
    dataset: str,
    article: Article,
    files: Sequence[PublishedFile],
    contents: Sequence[Content],
) -> None:
    """Write down what was fetched into `folder`: it is whole if this file is there."""
    receipt = {
        "dataset": dataset,
        "tlbench": __version__,
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "figshare": article.number,
        "version": article.version,
        "doi": article.doi,
        "licence": article.licence,
        "files": [asdict(file) for file in files],
        "contents": [asdict(content) for content in contents],
    }
    text = json.dumps(receipt, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / RECEIPT, lambda stream: stream.write(text.encode()))


def read_receipt(folder: Path) -> Mapping[str, Any] | None:
    """Return the receipt in `folder`, or None; raises `DataError` where it is damaged."""
    file = folder / RECEIPT
    if not file.is_file():
        return None
    try:
        receipt = json.loads(file.read_text(encoding="utf-8"))
        [receipt[name] for name in ("dataset", "figshare", "version")]
        [Content(**content) for content in receipt["contents"]]
    except (ValueError, TypeError, KeyError):
        raise DataError(f'"{file}" is no receipt of tlbench', "move it elsewhere") from None
    found: Mapping[str, Any] = receipt
    return found


def find_changes(folder: Path, receipt: Mapping[str, Any], progress: Progress) -> Changes:
    """Read every file that the receipt lists and compare it with what was fetched."""
    contents = [Content(**content) for content in receipt["contents"]]
    missing, changed = [], []
    with progress.task("comparing with the receipt", len(contents), "files") as advance:
        for content in contents:
            file = folder / content.path
            if not file.is_file():
                missing.append(content.path)
            elif not _is_as_fetched(file, content):
                changed.append(content.path)
            advance(1)
    return Changes(len(contents), missing, changed)


def _is_as_fetched(file: Path, content: Content) -> bool:
    try:
        return file.stat().st_size == content.bytes and file_sha256(file) == content.sha256
    except OSError:
        return False
