"""How figures are styled and how text from outside is made to fit, in millimetres and points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

MM = 1 / 25.4
"""Inches in a millimetre: matplotlib counts in inches."""

SMALL, NORMAL, LARGE = 6.5, 7.0, 8.0
"""Font sizes in points, for a figure that is printed as wide as it was drawn."""

INK, GREY, PALE = "#000000", "#6e6e6e", "#b4b4b4"

_FONT = "DejaVu Sans"

_STYLE: dict[str, Any] = {
    # Names come from outside: a "$" in them is a dollar.
    "text.parse_math": False,
    # matplotlib ships the first; the others are nearest in width where an SVG viewer lacks it.
    "font.family": "sans-serif",
    "font.sans-serif": [_FONT, "Verdana", "Arial"],
    "font.size": NORMAL,
    "axes.labelsize": NORMAL,
    "axes.titlesize": NORMAL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.labelpad": 2.5,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "lines.linewidth": 1.2,
    "lines.dash_capstyle": "butt",
    "lines.solid_capstyle": "butt",
    "lines.scale_dashes": True,
    # Text stays text: it can be searched, read aloud and edited, and files stay small.
    "svg.fonttype": "none",
    # Ids in an SVG are hashed with this: without it they differ from run to run.
    "svg.hashsalt": "tlbench",
    "savefig.dpi": 300,
}


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw in the house style, whatever the user's own settings are; they are put back."""
    import matplotlib.style

    with matplotlib.style.context(["default", _STYLE]):
        yield


def plain(text: str) -> str:
    """Return text from outside as one line that the font and XML can show.

    White space becomes a space; what can't be printed, or has no glyph in the font, is spelt out as
    an escape, so that two names that differ still do.
    """
    return "".join(_shown(character) for character in " ".join(text.split()))


@cache
def _shown(character: str) -> str:
    if character.isprintable() and _font().get_char_index(ord(character)):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@cache
def _font() -> FT2Font:
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    # An object of its own: matplotlib's shared one has its size set by whoever drew last.
    font = FT2Font(font_manager.findfont(_FONT))
    font.set_size(100.0, 72)
    return font


def text_width(text: str, size: float) -> float:
    """Return the width of one line in mm, a little above rather than below; `size` in points."""
    # Hinting for the screen makes letters up to 2 % wider than they are in print.
    return 1.02 * sum(map(_advance, text)) * size / 100 / 72 / MM


@cache
def _advance(character: str) -> float:
    """Return how far a character moves the pen at 100 points; kerning is left out."""
    return float(_font().load_char(ord(character)).linearHoriAdvance) / 65536


def shorten(text: str, width: float, size: float) -> str:
    """Return the text, with its middle left out where it is wider than `width` mm."""
    if text_width(text, size) <= width:
        return text
    # Names of one family differ at the end as often as at the beginning: both are kept.
    fits, wide = 0, len(text)
    while wide - fits > 1:
        kept = (fits + wide) // 2
        if text_width(_without_middle(text, kept), size) <= width:
            fits = kept
        else:
            wide = kept
    return _without_middle(text, fits)


def _without_middle(text: str, kept: int) -> str:
    tail = kept // 2
    return f"{text[: kept - tail]}…{text[len(text) - tail :]}"


def wrap(text: str, width: float, size: float, most: int) -> list[str]:
    """Return the text in at most `most` lines of `width` mm, shortened where it needs more."""
    lines = _break(text, width, size)
    if len(lines) <= most:
        return lines
    # Broken lines are rarely full: room is given up until what is left of the text fits.
    for part in (0.98, 0.94, 0.9, 0.85, 0.8, 0.7, 0.6):
        lines = _break(shorten(text, most * width * part, size), width, size)
        if len(lines) <= most:
            return lines
    return lines[:most]


def _break(text: str, width: float, size: float) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split():
        grown = f"{line} {word}".lstrip()
        if text_width(grown, size) <= width:
            line = grown
            continue
        if line:
            lines.append(line)
        line = word
        while text_width(line, size) > width:
            end = _room(line, width, size)
            lines.append(line[:end])
            line = line[end:]
    return [*lines, line] if line else lines


def _room(word: str, width: float, size: float) -> int:
    """Return how many characters of a word fit, at least one; it breaks after "_" or "-" if so."""
    end = max(1, next(i for i in range(len(word), -1, -1) if text_width(word[:i], size) <= width))
    gap = max(word.rfind("_", 0, end), word.rfind("-", 0, end)) + 1
    return gap if gap > end // 2 else end


def percent(level: float) -> str:
    """Return a confidence level as the tables write it, with all its digits."""
    return f"{100 * level:.6g}%"
