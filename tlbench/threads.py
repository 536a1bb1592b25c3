"""Several pieces of work side by side, each with its arithmetic on one thread."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

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


_AHEAD = 32
"""So many results for each core may wait to be taken: enough to work on while they are written,
and memory does not grow with the number of items."""


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result]:
    """Yield the result of `work` for each item, in order, made on all cores a little ahead.

    Closed early, as an interruption does, it drops what has not been begun.
    """
    cores = os.cpu_count() or 1
    pool = ThreadPoolExecutor(cores)
    under_way: deque[Future[Result]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) > _AHEAD * cores:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
