"""What an audit found, kept beside the signatures so that it is searched for only once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from tlbench.files import write_whole


def find_once(
    folder: Path, what: str, decides: Any, sources: Sequence[str], search: Callable[[], Any]
) -> Any:
    """Return what `search` finds, from `folder` where the same was searched before.

    The result is a JSON value. `decides`, a JSON value too, and the `sources`, modules by their
    paths from this one, are all that decides it.
    """
    code = b"".join((Path(__file__).parent / name).read_bytes() for name in sources)
    name = sha256(code + json.dumps(decides).encode()).hexdigest()[:32]
    file = folder / f"{what}-{name}.json"
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        found = search()
    text = json.dumps(found, allow_nan=False).encode()
    write_whole(file, lambda stream: stream.write(text))
    return found
