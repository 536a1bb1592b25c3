"""What a run says on its way, to be looked at afterwards."""

from __future__ import annotations

from tlbench.progress import Progress


class Listener(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)
