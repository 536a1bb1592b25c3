"""The radiographs of a data set that show the same picture, found once and kept in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlbench.audit.kept import find_once
from tlbench.datasets.table import Table
from tlbench.features.signatures import SignatureStore
from tlbench.progress import Progress

_SOURCES = ("alignment.py", "look_alikes.py")


@dataclass(frozen=True)
class Likeness:
    """Two images, by the SHA-256 of their bytes, that show the same picture.

    `how` is "pixels" where they are equal once decoded, else "picture"; `view` is what makes the
    second of the first, as `tlbench.augment` names it; `alike` their correlation once aligned.
    """

    first: str
    second: str
    how: str
    view: str
    alike: float


@dataclass(frozen=True)
class Group:
    """Radiographs, by their rows, that show one picture, with how that was found.

    `how` is "bytes", "pixels" or "picture", the weakest there is; `views` are those of the copies
    that are turned, mirrored or enlarged.
    """

    rows: tuple[int, ...]
    how: str
    views: tuple[str, ...]
    contradictory: bool


def find_alike(table: Table, signatures: SignatureStore, progress: Progress) -> list[Likeness]:
    """Return the pairs of different files of a data set that show the same picture.

    All must have a signature. The result is kept beside the signatures.
    """
    digests = sorted(table.files)

    def search() -> list[dict[str, Any]]:
        return [asdict(each) for each in _search(digests, signatures, progress)]

    kept = find_once(signatures.folder, "look-alikes", digests, _SOURCES, search)
    return [Likeness(**each) for each in kept]


def _search(
    digests: Sequence[str], signatures: SignatureStore, progress: Progress
) -> list[Likeness]:
    from tlbench.audit.look_alikes import Pictures, find_look_alikes

    kept = signatures.read(digests)
    pictures = Pictures(
        kept["thumbnail"],
        np.column_stack([kept["rows"], kept["columns"]]).astype(np.int64),
        [content.tobytes() for content in kept["content"]],
    )
    return [
        Likeness(
            digests[pair.first], digests[pair.second], pair.how, pair.view, round(pair.alike, 4)
        )
        for pair in find_look_alikes(pictures, progress)
    ]


def group_alike(table: Table, likenesses: Sequence[Likeness]) -> list[Group]:
    """Return the groups of radiographs that show one picture, in the order of their first rows."""
    leader = {digest: digest for digest in table.files}

    def find(digest: str) -> str:
        while leader[digest] != digest:
            digest = leader[digest]
        return digest

    for each in likenesses:
        leader[find(each.second)] = find(each.first)
    members: dict[str, list[int]] = {}
    for row, digest in enumerate(table.digests):
        members.setdefault(find(digest), []).append(row)
    links: dict[str, list[Likeness]] = {}
    for each in likenesses:
        links.setdefault(find(each.first), []).append(each)
    return [
        _group(table, rows, links.get(name, [])) for name, rows in members.items() if len(rows) > 1
    ]


def _group(table: Table, rows: Sequence[int], links: Sequence[Likeness]) -> Group:
    hows = {link.how for link in links}
    how = next((each for each in ("picture", "pixels") if each in hows), "bytes")
    views = sorted({link.view for link in links} - {"as is"})
    labels = {int(table.labels[row]) for row in rows}
    return Group(tuple(rows), how, tuple(views), len(labels) > 1)
