"""How a long piece of work speaks to whoever started it; silent unless someone listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Progress:
    """Takes remarks, warnings and steps done; this one keeps silent, the command line's talks."""

    def say(self, line: str) -> None:
        """Pass on a remark."""

    def warn(self, line: str) -> None:
        """Pass on a warning."""

    @contextmanager
    def task(self, what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        """Open a task of `total` units; the function it yields counts units done."""
        yield lambda done: None

    def track(self, items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
        """Yield `items`, counting each as done when the next is asked for."""
        with self.task(what, total, "radiographs") as advance:
            for item in items:
                yield item
                advance(1)
