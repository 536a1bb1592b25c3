"""Where the command `tlbench` begins: before anything is imported that takes time."""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly even while its modules are being imported."""
    signal.signal(signal.SIGINT, _leave)
    from tlbench.cli.main import main as run

    run()


def _leave(_number: int, _frame: FrameType | None) -> None:
    # Nothing has begun, so nothing is lost; an exception would show the import it broke off.
    os._exit(130)
