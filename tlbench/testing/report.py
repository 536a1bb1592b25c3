"""What a check found: its result, what was seen, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

Result = Literal["pass", "fail", "warn", "skipped"]


@dataclass(frozen=True)
class Check:
    """One row of a report; `todo` is empty where there is nothing to do."""

    name: str
    result: Result
    seen: str
    todo: str = ""


@dataclass(frozen=True)
class Report:
    """All checks of one backbone with one set of weights."""

    backbone: str
    weights: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed; warnings and skipped checks don't count."""
        return not self.failures

    @property
    def failures(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.result == "fail"]

    def __getitem__(self, name: str) -> Check:
        """Return the check called `name`."""
        return {check.name: check for check in self.checks}[name]

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __str__(self) -> str:
        lines = [f"{self.backbone}, weights {self.weights}"]
        for check in self.checks:
            lines.append(f"{check.result:8}{check.name}: {check.seen}")
            if check.todo:
                lines.append(f"{'':8}to do: {check.todo}")
        return "\n".join(lines)

    def describe(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self) | {"passed": self.passed}


def passed(name: str, seen: str) -> Check:
    """Return a check that passed."""
    return Check(name, "pass", seen)


def failed(name: str, seen: str, todo: str) -> Check:
    """Return a check that failed."""
    return Check(name, "fail", seen, todo)


def warned(name: str, seen: str, todo: str) -> Check:
    """Return a check whose finding may be all right."""
    return Check(name, "warn", seen, todo)


def skipped(name: str, reason: str) -> Check:
    """Return a check that could not be made, and why."""
    return Check(name, "skipped", reason)
