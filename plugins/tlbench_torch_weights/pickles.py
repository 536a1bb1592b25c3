"""Pickles, looked at and never executed.

Unpickling runs a program that the file brings along, and may call any function of Python. Here
`pickletools.genops` takes the program apart, and a small machine follows the few steps that build
plain data. A call that the file asks for is noted down, not made.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from tlbench.errors import WeightsError

_HINT = "it may do anything when unpickled, so tlbench does not; use a checkpoint of plain tensors"
_MARK = object()


class Global(NamedTuple):
    """The name of something in a module; the module is not imported."""

    module: str
    name: str


@dataclass(frozen=True, eq=False)
class Persistent:
    """What the file says of an object that it keeps elsewhere."""

    identity: Any


@dataclass(frozen=True, eq=False)
class Call:
    """A call that the file asks for; `items` are those it then puts into the result."""

    function: Global
    arguments: tuple[Any, ...]
    items: dict[str, Any] = field(default_factory=dict)


def read_pickle(stream: IO[bytes], allowed: frozenset[Global] = frozenset()) -> Any:
    """Return what the pickle at the stream's position describes, and leave the stream behind it.

    That is numbers, words, tuples, lists and dictionaries, and with `allowed` names the notes
    `Global`, `Call` and `Persistent`. Attributes set on a result are left out. Raises
    `WeightsError` at any other name, any other step, and where the pickle is not well formed.
    """
    machine = _Machine(allowed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of escapes that mean nothing
            for opcode, argument, _ in pickletools.genops(stream):
                machine.step(opcode.name, argument)
        (value,) = machine.stack
    except (ValueError, IndexError, KeyError, TypeError, DeprecationWarning) as error:
        reason = " ".join(str(error).split())[:100]
        raise WeightsError(
            f"the checkpoint holds a damaged pickle ({reason})", "fetch the file again"
        ) from None
    return value


class _Machine:
    """A stack, a memo, and the steps that are followed; all others are refused."""

    def __init__(self, allowed: frozenset[Global]) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.allowed = allowed

    def step(self, name: str, argument: Any) -> None:
        """Follow one step of the pickle."""
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _STEPS:
            _STEPS[name](self, argument)
        elif name not in ("PROTO", "STOP"):
            raise WeightsError(f'the checkpoint asks for the pickle step "{name}"', _HINT)

    def mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def make_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def make_tuple1(self, _: Any) -> None:
        self.stack.append((self.stack.pop(),))

    def make_tuple2(self, _: Any) -> None:
        last = self.stack.pop()
        self.stack.append((self.stack.pop(), last))

    def append_all(self, _: Any) -> None:
        items = self._since_mark()
        if not isinstance(self.stack[-1], list):
            raise ValueError("items are appended to something else than a list")
        self.stack[-1].extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def set_all(self, _: Any) -> None:
        self._set(self._since_mark())

    def find_global(self, argument: str) -> None:
        found = Global(*argument.split(" ", 1))
        if found not in self.allowed:
            raise WeightsError(
                f'the checkpoint asks for "{found.module}.{found.name}"'[:200], _HINT
            )
        self.stack.append(found)

    def find_persistent(self, _: Any) -> None:
        self.stack.append(Persistent(self.stack.pop()))

    def call(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise ValueError("something else than a function is called")
        self.stack.append(Call(function, arguments))

    def set_attributes(self, _: Any) -> None:
        # PyTorch notes versions of modules in this way; no tensor depends on them.
        self.stack.pop()
        if not isinstance(self.stack[-1], Call):
            raise ValueError("attributes are set on plain data")

    def _since_mark(self) -> list[Any]:
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise ValueError("a mark is missing")
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def _set(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        items = target.items if isinstance(target, Call) else target
        if not isinstance(items, dict):
            raise ValueError("items are set on something else than a dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str):
                raise ValueError("a key of a dictionary is not a word")
            if key in items:
                raise ValueError("a key of a dictionary comes twice")
            items[key] = value


_VALUES = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"})
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "TUPLE": _Machine.make_tuple,
    "TUPLE1": _Machine.make_tuple1,
    "TUPLE2": _Machine.make_tuple2,
    "APPENDS": _Machine.append_all,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_all,
    "GLOBAL": _Machine.find_global,
    "BINPERSID": _Machine.find_persistent,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.set_attributes,
}
