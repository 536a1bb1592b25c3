"""Groups of options: dataclasses whose fields are options, for commands that share them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for typer in which each field of a group is an option of its own.

    A group is a parameter of `command` whose type is a dataclass: its fields are annotated as
    typer's parameters are, and take its place among the options in their order.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    options = {
        option.name: option
        for parameter in signature(command).parameters.values()
        for option in _options(parameter, hints[parameter.name])
    }

    def call(**values: Any) -> None:
        for name, group in groups.items():
            own = {field.name: values.pop(field.name) for field in fields(group)}
            values[name] = group(**own)  # type: ignore[operator]
        command(**values)

    call.__doc__ = command.__doc__
    call.__annotations__ = {name: option.annotation for name, option in options.items()}
    call.__signature__ = Signature(list(options.values()))  # type: ignore[attr-defined]
    return call


def _options(parameter: Parameter, kind: Any) -> Iterator[Parameter]:
    if is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        found = [(field.name, field.default, hints[field.name]) for field in fields(kind)]
    else:
        found = [(parameter.name, parameter.default, kind)]
    for name, default, hint in found:
        # Among keyword-only parameters those without a default may come last.
        yield Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if default is MISSING else default,
            annotation=hint,
        )
