"""The errors a user can act on: one line, a hint, and an exit code."""

from __future__ import annotations


class TlbenchError(Exception):
    """An error a user can act on; anything else that escapes is a bug and keeps its traceback.

    `message` is one lower-case line with the offending value in quotes, `hint` says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UnknownNameError(TlbenchError):
    """A backbone, data set, protocol, set of weights or run that nobody offers."""


class PluginError(TlbenchError):
    """A plugin that can't be imported, clashes with another or does not keep its promises."""


class WeightsError(TlbenchError):
    """Weights that can't be had, or a file that is not what it should be."""


class DataError(TlbenchError):
    """A data set that is missing, of another layout, or not fit for the protocol."""


class UnreadableImageError(DataError):
    """A file that is not a radiograph tlbench can read.

    `message` names the file, for the terminal; `reason` does not, and may stand in a record.
    """

    def __init__(
        self, message: str, hint: str | None = None, *, reason: str = "it can't be read"
    ) -> None:
        super().__init__(message, hint)
        self.reason = reason


class EngineError(TlbenchError):
    """An engine that is not installed, or can't run a backbone."""


class CacheError(TlbenchError):
    """The feature cache or the results folder can't be read or written."""


class InterruptedRunError(BaseException):
    """Ctrl-C; a `BaseException`, so that no `except Exception` on the way swallows it."""
