"""Whole processes, one at a time: how long each took, its memory, and what it printed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTENDERS = Path(__file__).parent / "contenders"
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


class NotMeasuredError(Exception):
    """A process failed; the text is its last word."""


@dataclass(frozen=True)
class Finished:
    """A process that has ended well: `wall` in seconds, `memory` the largest resident in MB."""

    wall: float
    memory: float
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def run_process(what: str, command: Sequence[str | Path], env: Mapping[str, str]) -> Finished:
    """Run a command to its end; raises `NotMeasuredError` where it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        words = [str(word) for word in command]
        process = subprocess.Popen(words, stdout=out, stderr=err, env=env)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        done = Finished(
            wall,
            _memory(usage),
            out.read().decode(errors="replace"),
            err.read().decode(errors="replace"),
        )
    if process.returncode:
        reason = _last_word(done.err) or f"ended with {process.returncode}"
        say(f"  {what}: {reason}")
        raise NotMeasuredError(reason)
    say(f"  {what}: {wall:.1f} s, {done.memory:.0f} MB")
    return done


def run_contender(
    what: str, script: str, *words: object, env: Mapping[str, str], python: Path | None = None
) -> Finished:
    """Run one of the scripts beside this module, which prints JSON."""
    program = python or Path(sys.executable)
    if not program.exists():
        raise NotMeasuredError(f'"{program.parent.parent.name}" is missing: see `make bench`')
    return run_process(what, [program, CONTENDERS / script, *map(str, words)], env)


def _memory(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss * _MEMORY_UNIT / 1e6


def _last_word(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return (errors or lines or [""])[-1].removeprefix("error: ")
