"""Arithmetic on one thread of BLAS, so that it is quick and the same whatever the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

_lock = Lock()
_limits: list[Any] = []
_users = 0


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep the libraries of linear algebra that are loaded now to one thread each.

    Top layers multiply many small arrays. Threads that wait for one another cost more there than
    they give, many times more where the cores are busy, and the sums they split differ in the
    last bits from those of a machine with more cores. May be nested, and used by several threads
    at once: the limits are lifted when the last one leaves.
    """
    from threadpoolctl import threadpool_limits

    global _users  # noqa: PLW0603  (how many threads libraries have is global itself)
    with _lock:
        _users += 1
        _limits.append(threadpool_limits(1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            while _limits and not _users:
                # In reverse: the first remembers how many threads there were.
                _limits.pop().restore_original_limits()
