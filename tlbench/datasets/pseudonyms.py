"""Names for results that identify nobody, the same wherever a data set lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def make_salt(lines: Iterable[str]) -> bytes:
    """Return a salt made of what a whole data set says, in any order; no output may hold it.

    Nobody without the data set can then try names until one fits.
    """
    text = "\n".join(["salt", *sorted(lines)])
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()


def pseudonym(salt: bytes, name: str) -> str:
    """Return twelve hexadecimal digits that stand for a name."""
    return hashlib.sha256(salt + name.encode(errors="surrogateescape")).hexdigest()[:12]
