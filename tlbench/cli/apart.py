"""A function called in a process of its own: whatever becomes of that, this one goes on."""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tlbench import errors
from tlbench.cli.output import mend_terminal, print_traceback, wants_tracebacks
from tlbench.containment import TRACEBACK, reason_of
from tlbench.errors import InterruptedRunError, TlbenchError

_START = """
import pickle, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
with open(sys.argv[1] + "/task", "rb") as stream:
    sys.path[:], sys.argv = pickle.load(stream)
    from tlbench.cli.apart import work
    work(stream)
"""
_INTERRUPTED = (130, -signal.SIGINT)
_PATIENCE = 10
_FAULT = f"its plugin, or what runs it, is at fault; {TRACEBACK}=1 shows where"


@dataclass(frozen=True)
class Ended:
    """What a process answered until its end, and the error that ended it early, if one did."""

    answers: list[Any]
    error: TlbenchError | None


def call_apart(function: Callable[..., Iterable[Any]], *arguments: Any) -> Ended:
    """Call `function`, which yields what JSON can hold, in a process of its own, and wait for it.

    It talks on this process's stderr. Ctrl-C stops it the way it stops a single run; it stops the
    same way if this process is gone. Raises `InterruptedRunError` then, and no other error.
    """
    with tempfile.TemporaryDirectory(prefix="tlbench-") as name:
        folder = Path(name)
        with (folder / "task").open("wb") as stream:
            pickle.dump((sys.path, sys.argv), stream)
            pickle.dump((folder, function, arguments), stream)
        # What reads this pipe reads its end as soon as nobody holds the other side.
        process = subprocess.Popen(
            [sys.executable, "-c", _START, name], stdin=subprocess.PIPE, stdout=2
        )
        try:
            process.wait()
        except BaseException:
            _stop(process)
            raise
        finally:
            if process.stdin:
                process.stdin.close()
        if process.returncode in _INTERRUPTED:
            raise InterruptedRunError
        answers = [json.loads(line) for line in _lines(folder / "answers")]
        return Ended(answers, _error_of(folder / "error", process.returncode))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Let the process keep what it has finished; who is interrupted again waits no longer."""
    try:
        if process.stdin:
            process.stdin.close()
        process.wait(_PATIENCE)
    except BaseException:
        process.kill()
        process.wait()
        mend_terminal()


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _error_of(file: Path, code: int) -> TlbenchError | None:
    if file.is_file():
        kind, message, hint = json.loads(file.read_text(encoding="utf-8"))
        return getattr(errors, kind, TlbenchError)(message, hint)
    if code == 0:
        return None
    mend_terminal()
    if code == -9:  # SIGKILL, a name that Windows lacks
        return TlbenchError(
            "killed (SIGKILL): probably out of memory",
            "close other programs, or run it on a machine with more memory",
        )
    if code < 0:
        return TlbenchError(f"crashed ({signal.Signals(-code).name})", _FAULT)
    return TlbenchError(f"ended without a word (exit code {code})", _FAULT)


def work(stream: Any) -> None:
    """Be that process: call the function in the opened task, write its answers, and end."""
    if wants_tracebacks():
        faulthandler.enable()  # a crash says where in Python it was
    signal.signal(signal.SIGINT, _interrupt)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder, function, arguments = pickle.load(stream)
    try:
        with (folder / "answers").open("w", encoding="utf-8") as answers:
            for answer in function(*arguments):
                answers.write(json.dumps(answer) + "\n")
                answers.flush()
    except InterruptedRunError:
        sys.exit(130)
    except TlbenchError as error:
        print_traceback(error)
        _leave(folder, [type(error).__name__, error.message, error.hint])
    except Exception as error:
        _leave(folder, ["TlbenchError", reason_of(error), "a bug: its traceback stands above"])
        raise


def _leave(folder: Path, error: list[str | None]) -> None:
    (folder / "error").write_text(json.dumps(error), encoding="utf-8")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A terminal sends Ctrl-C to both processes, and then the parent closes its pipe: once is
    # enough, and a second time must not disturb the saving of what is finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise InterruptedRunError


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)
