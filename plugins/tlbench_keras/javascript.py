"""Data written as a JavaScript literal, read without running any JavaScript.

Minifiers write `{a:!0,b:.5}` where JSON says `{"a": true, "b": 0.5}`. A tokenizer turns the one
into the other and leaves the grammar to `json`; whatever is not data is refused.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tlbench.errors import WeightsError

_TOKEN = re.compile(
    r"""
      (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<boolean>![01])
    | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w$.])
    | (?P<key>[A-Za-z_$][\w$]*)(?=\s*:)
    | (?P<word>[A-Za-z_$][\w$]*)
    | (?P<open>[\[{])
    | (?P<close>[\]}])
    | (?P<mark>[:,])
    """,
    re.VERBOSE | re.ASCII,
)
_SPACE = re.compile(r"\s*")
_WORDS = frozenset({"true", "false", "null"})
_DEEPEST = 64
"""Levels of nesting; model descriptions have about ten, and `json` must not run out of stack."""


def read_literal(text: str, start: int = 0) -> Any:
    """Read the JavaScript object or array literal that begins at `start` of `text`.

    Objects become dicts, arrays lists, `!0` True and `!1` False; what follows the literal is not
    looked at. Raises `WeightsError` at anything that is not plain data: calls, names, operators,
    template or single-quoted strings, a literal that doesn't end, nesting beyond 64 levels.
    """
    try:
        return json.loads("".join(_translate(text, start)))
    except ValueError as error:
        raise _not_data(f"which is not well formed: {error}") from None


def _translate(text: str, start: int) -> list[str]:
    """Return the literal's tokens as JSON."""
    pieces: list[str] = []
    depth = 0
    position = _SPACE.match(text, start).end()  # type: ignore[union-attr]  # \s* always matches
    if text[position : position + 1] not in ("{", "["):
        raise _not_data(f'with "{_excerpt(text, position)}" where an object or array should begin')
    while True:
        found = _TOKEN.match(text, position)
        if found is None:
            raise _unexpected(text, position)
        kind, token = str(found.lastgroup), found.group()
        if kind == "word" and token not in _WORDS:
            raise _unexpected(text, position)
        depth += (kind == "open") - (kind == "close")
        if depth > _DEEPEST:
            raise _not_data(f"nested deeper than {_DEEPEST} levels")
        pieces.append(_as_json(kind, token))
        if depth == 0:
            return pieces
        position = _SPACE.match(text, found.end()).end()  # type: ignore[union-attr]


def _as_json(kind: str, token: str) -> str:
    if kind == "boolean":
        return "true" if token == "!0" else "false"
    if kind == "key":
        return json.dumps(token)
    if kind == "number":
        return _number(token)
    return token


def _number(token: str) -> str:
    """Return a JavaScript number as JSON; a whole one stays an integer, as in `1e3` for 1000."""
    if re.fullmatch(r"-?\d+", token):
        return token
    value = float(token)
    if "." not in token and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value)


def _unexpected(text: str, position: int) -> WeightsError:
    if position >= len(text):
        return _not_data("that ends before its last bracket")
    return _not_data(f'with "{_excerpt(text, position)}" at character {position}')


def _excerpt(text: str, position: int) -> str:
    return text[position : position + 24].replace("\n", " ")


def _not_data(what: str) -> WeightsError:
    return WeightsError(
        f"the model description is not plain data: a literal {what}",
        "the file is damaged or not a model description; fetch it again",
    )
