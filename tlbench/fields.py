"""Checks of the fields of specs: what a plugin misspells is found when it loads, not in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def check_name(name: object, kind: str) -> None:
    """Raise ValueError unless `name` is a word."""
    if not isinstance(name, str) or not name or name != name.strip() or not name.isprintable():
        raise ValueError(f"the name of a {kind} is {name!r}, not a word")


def check_texts(spec: object, *names: str) -> None:
    """Raise TypeError unless these fields are str."""
    for name in names:
        value = getattr(spec, name)
        if not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}, not a str")


def check_functions(spec: object, *names: str) -> None:
    """Raise TypeError unless these fields can be called."""
    for name in names:
        value = getattr(spec, name)
        if not callable(value):
            raise TypeError(f"{name} is {value!r}, not a function")


def check_words(spec: object, *names: str) -> None:
    """Raise TypeError unless these fields are tuples or lists of str; a str alone is neither."""
    for name in names:
        value = getattr(spec, name)
        if not isinstance(value, (tuple, list)) or not all(isinstance(v, str) for v in value):
            raise TypeError(f"{name} is {value!r}, not a tuple of str")


def check_numbers(spec: object, count: int, *names: str) -> None:
    """Raise TypeError unless these fields are tuples or lists of `count` numbers."""
    for name in names:
        value = getattr(spec, name)
        pair = isinstance(value, (tuple, list)) and len(value) == count
        if not pair or not all(isinstance(number, (int, float)) for number in value):
            raise TypeError(f"{name} is {value!r}, not {count} numbers")


def check_count(value: object, name: str) -> None:
    """Raise TypeError or ValueError unless `value` is a whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}, not a whole number")
    if value < 1:
        raise ValueError(f"{name} is {value}, not 1 or more")


def check_mapping(value: object, name: str, of: type = object) -> None:
    """Raise TypeError unless `value` is a mapping whose values are `of` this type."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {value!r}, not a dict")
    if not all(isinstance(each, of) for each in value.values()):
        raise TypeError(f"{name} is {value!r}, not a dict of {of.__name__}")


def is_size(size: Any) -> bool:
    """Tell whether `size` is (rows, columns) in pixels."""
    pair = isinstance(size, (tuple, list)) and len(size) == 2
    return pair and all(isinstance(side, int) and side > 0 for side in size)
