"""The TOML file beside an ONNX model: what the model itself can't say."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from tlbench.errors import WeightsError

_LAYOUTS = ("NCHW", "NHWC")
_POOLINGS = ("average", "first", "none")
_HINT = 'see "ONNX files" in plugins/README.md'


@dataclass(frozen=True)
class Settings:
    """What a TOML file states; None where it is silent.

    `scale` is what black and white become, before `mean` and `std`; `size` (rows, columns);
    `output` any tensor of the graph; `pooling` what makes a vector of maps or tokens.
    """

    model: str | None = None
    title: str | None = None
    trained_on: str | None = None
    licence: str | None = None
    reference: str | None = None
    scale: tuple[float, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    channels: Literal["rgb", "bgr"] = "rgb"
    size: tuple[int, int] | None = None
    layout: str | None = None
    output: str | None = None
    output_layout: str | None = None
    pooling: str | None = None


def read_settings(file: Path) -> Settings:
    """Return what `file` states; raises `WeightsError` for what it misspells or can't mean."""
    try:
        stated = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise WeightsError(f'"{file}" can\'t be read: {reason}', _HINT) from error
    known = [field.name for field in fields(Settings)]
    for name in stated:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else "it may hold " + ", ".join(known)
            raise WeightsError(f'"{file}" holds "{name}", which means nothing here', hint)
    return Settings(**{name: _checked(file, name, value) for name, value in stated.items()})


def _checked(file: Path, name: str, value: Any) -> Any:
    """Return a value as `Settings` has it, or raise `WeightsError` with what it should be."""
    if name in ("mean", "std"):
        many = value if isinstance(value, list) else [value]
        low = 0.0 if name == "std" else None
        if len(many) in (1, 3) and _numbers(many, low):
            return tuple(map(float, many))
        raise _wrong(file, name, value, f"{'positive ' * (name == 'std')}numbers, one or three")
    if name == "scale":
        if isinstance(value, list) and len(value) == 2 and _numbers(value) and value[0] != value[1]:
            return tuple(map(float, value))
        raise _wrong(file, name, value, "two numbers: what black and white become")
    if name == "size":
        whole = isinstance(value, list) and all(type(side) is int and side > 0 for side in value)
        if whole and len(value) == 2:
            return tuple(value)
        raise _wrong(file, name, value, "[rows, columns] in pixels")
    return _word(file, name, value)


def _word(file: Path, name: str, value: Any) -> str:
    choices: dict[str, Sequence[str]] = {
        "channels": ("rgb", "bgr"),
        "layout": _LAYOUTS,
        "output_layout": _LAYOUTS,
        "pooling": _POOLINGS,
    }
    if not isinstance(value, str) or value not in choices.get(name, (value,)):
        words = ", ".join(f'"{word}"' for word in choices.get(name, ()))
        raise _wrong(file, name, value, f"one of {words}" if words else "text in quotes")
    return value


def _numbers(values: list[Any], above: float | None = None) -> bool:
    return all(
        type(value) in (int, float)
        and abs(value) < float("inf")
        and (above is None or value > above)
        for value in values
    )


def _wrong(file: Path, name: str, value: Any, expected: str) -> WeightsError:
    return WeightsError(f'{name} in "{file}" is {value!r}, not {expected}', _HINT)
