"""Which of two class names is the positive one: as the user says, or where it leaves no doubt."""

from __future__ import annotations

from collections.abc import Sequence

# Names are compared in lower case, by their letters and digits alone.
_POSITIVE = {
    *("fracture", "fractures", "fractured", "positive", "pos", "abnormal", "broken", "1"),
    *("true", "yes"),
}
_NEGATIVE = {
    *("nofracture", "nofractures", "nonfracture", "nonfractures", "nonfractured", "notfractured"),
    *("withoutfracture", "unfractured", "negative", "neg", "normal", "healthy", "intact", "0"),
    *("false", "no", "none"),
}


def find_class(names: Sequence[str], wanted: str) -> str | None:
    """Return the class that the user means by `wanted`, exactly or but for upper and lower case."""
    exact = [name for name in names if name == wanted]
    matches = exact or [name for name in names if name.casefold() == wanted.casefold()]
    return matches[0] if len(matches) == 1 else None


def guess_positive(names: Sequence[str]) -> str | None:
    """Return the positive one of two names, or None where they do not say which it is."""
    bare = [letters(name) for name in names]
    for index in (0, 1):
        if bare[index] in _POSITIVE and bare[1 - index] in _NEGATIVE:
            return names[index]
    return None


def is_plain_positive(name: str) -> bool:
    """Return whether a name says fracture, or no more than that its class is the positive one."""
    return letters(name) in _POSITIVE - {"abnormal"}


def letters(name: str) -> str:
    """Return the letters and digits of a name in lower case, by which names are compared."""
    return "".join(filter(str.isalnum, name.casefold()))
