"""Conditions on metadata: a small language of names, values and comparisons.

`hand == 1 and frontal == 1`, `10 <= age < 16`, `not cast`, `view in ("lateral", "oblique")`.

- A name stands for a column of the metadata, or for the case. In the name of a column write `_` for
  each character that is neither letter nor digit, and before a digit or a word such as `class`.
- Two values are compared as numbers where both look like numbers, quoted or not, and as texts where
  neither does. A number and a text differ, and neither is the greater.
- An empty cell is a missing value: every comparison with it is false, `!=` and `not in` too.
- A name alone is true where its value is neither empty nor 0, no or false.
- `not` makes false true: `not age >= 16` holds where the age is not known, `age < 16` does not.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from tlbench.errors import DataError
from tlbench.registry import unknown
from tlbench.specs import Radiograph

Values = Mapping[str, str]
_Test = Callable[[Values], bool]
_Operand = Callable[[Values], str]

CASE = "case"
_LONGEST = 1000
_DEEPEST = 20
_EXAMPLE = 'write it like: age >= 16 and view == "lateral"'
# Not all that Python calls a number: no nan, no infinity, no exponent that takes a universe.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
# What a comparison asks of the order of two values: -1, 0 or 1, None where they have none.
_MEANINGS: Mapping[type[ast.cmpop], Callable[[int | None], bool]] = {
    ast.Eq: lambda order: order == 0,
    ast.NotEq: lambda order: order != 0,
    ast.Lt: lambda order: order == -1,
    ast.LtE: lambda order: order in (-1, 0),
    ast.Gt: lambda order: order == 1,
    ast.GtE: lambda order: order in (0, 1),
}


@dataclass(frozen=True)
class Condition:
    """A condition as it was written, the names it uses, and the test that it is."""

    text: str
    names: frozenset[str]
    _test: _Test

    @property
    def quoted(self) -> str:
        """The condition in quotes, on one line, as messages show it."""
        return f'"{_shorten(self.text)}"'

    def holds(self, values: Values) -> bool:
        """Return whether it is met by `values`, by name; a name without a value is missing."""
        return self._test(values)

    def check_names(self, known: Iterable[str]) -> None:
        """Raise `UnknownNameError` for a name that is none of `known`."""
        columns = sorted(known)
        for name in sorted(self.names.difference(columns)):
            shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
            error = unknown("column", name, columns, f"known: {shown}")
            error.message += f" in the condition {self.quoted}"
            raise error


def read_condition(text: str) -> Condition:
    """Return the condition that `text` says; `DataError` where it says none. Nothing is run."""
    if len(text) > _LONGEST:
        raise DataError(
            f"a condition of {len(text):,} characters is too long: at most {_LONGEST:,}",
            "list the cases to leave out in a file: --exclude FILE",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (RecursionError, MemoryError):
            raise _too_deep(text) from None
        except (SyntaxError, ValueError) as error:
            if "nested" in str(error):
                raise _too_deep(text) from None
            raise _refusal(text, "can't be read") from None
    reader = _Reader(text)
    test = reader.test(tree.body)
    return Condition(text.strip(), frozenset(reader.names), test)


def values_of(radiograph: Radiograph) -> dict[str, str]:
    """Return what a condition may ask of a radiograph, by name; never its patient or label."""
    metadata = radiograph.metadata
    values = {_word(column): metadata[column] for column in sorted(metadata)}
    # A column whose name is written as it stands wins over one that only comes out like it.
    values |= {column: text for column, text in metadata.items() if column in values}
    values.pop("patient", None)
    return {name: _text(value) for name, value in values.items()} | {CASE: radiograph.case}


def _shorten(text: str, most: int = 60) -> str:
    """Return a text on one line of at most `most` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 3] + "..."


class _Reader:
    """Turns the few kinds of nodes there may be into tests, and refuses all others."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()

    def test(self, node: ast.expr, depth: int = 0) -> _Test:
        if depth > _DEEPEST:
            raise _too_deep(self.text)
        match node:
            case ast.BoolOp(op=op, values=parts):
                tests = [self.test(part, depth + 1) for part in parts]
                together = all if isinstance(op, ast.And) else any
                return lambda values: together(test(values) for test in tests)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                inner = self.test(part, depth + 1)
                return lambda values: not inner(values)
            case ast.Compare(left=left, ops=ops, comparators=others):
                if any(isinstance(op, (ast.Is, ast.IsNot)) for op in ops):
                    raise self.refuse(node, ": write == or !=")
                steps = zip([left, *others[:-1]], ops, others, strict=True)
                tests = [self.compare(one, op, other) for one, op, other in steps]
                return lambda values: all(test(values) for test in tests)
            case ast.Name():
                value = self.operand(node)
                return lambda values: _is_yes(value(values))
        raise self.refuse(node)

    def compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Test:
        one = self.operand(left)
        if isinstance(op, (ast.In, ast.NotIn)):
            listed = right.elts if isinstance(right, (ast.Tuple, ast.List)) else [right]
            wanted = [self.constant(item) for item in listed]
            inside = isinstance(op, ast.In)
            return lambda values: (
                bool(one(values))
                and inside == any(_order(one(values), text) == 0 for text in wanted)
            )
        other = self.operand(right)
        met = _MEANINGS[type(op)]
        return lambda values: _both(one(values), other(values), met)

    def operand(self, node: ast.expr) -> _Operand:
        if isinstance(node, ast.Name):
            name = node.id
            self.names.add(name)
            return lambda values: values.get(name, "")
        text = self.constant(node)
        return lambda _values: text

    def constant(self, node: ast.expr) -> str:
        sign = ""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            sign = "-" if isinstance(node.op, ast.USub) else "+"
            node = node.operand
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                text = sign + _write(value)
                if _number(text) is not None:
                    return text
            case ast.Constant(value=str(value)) if not sign:
                if not value.strip():
                    raise DataError(
                        f'the condition "{_shorten(self.text)}" compares with an empty text, which '
                        "equals nothing",
                        "for the empty cells of a column write: not NAME",
                    )
                return value.strip()
        raise self.refuse(node)

    def refuse(self, node: ast.expr, why: str = "") -> DataError:
        part = _shorten(ast.get_source_segment(self.text.strip(), node) or "", 40)
        return _refusal(self.text, f'can\'t hold "{part}" there{why}')


def _refusal(text: str, why: str) -> DataError:
    return DataError(f'the condition "{_shorten(text)}" {why}', _EXAMPLE)


def _too_deep(text: str) -> DataError:
    return _refusal(text, "is nested too deeply")


def _write(value: float) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no whole number of thousands of digits
        return ""


@lru_cache(maxsize=4096)
def _number(text: str) -> Decimal | None:
    # Decimals keep every digit: of two long numbers that differ in the last, neither is the other.
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _order(one: str, other: str) -> int | None:
    """Return -1, 0 or 1, or None where one is a number and the other a text."""
    first, second = _number(one), _number(other)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    if first is None and second is None:
        return (one > other) - (one < other)
    return None


def _both(one: str, other: str, met: Callable[[int | None], bool]) -> bool:
    return bool(one and other) and met(_order(one, other))


def _is_yes(text: str) -> bool:
    return text.casefold() not in ("", "no", "false") and _number(text) != 0


@lru_cache(maxsize=4096)
def _word(column: str) -> str:
    """The name of a column in a condition, as Python's parser reads it."""
    name = re.sub(r"\W", "_", unicodedata.normalize("NFKC", column))
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"_{name}"


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
