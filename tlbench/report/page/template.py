"""Templates: the one place where text from outside becomes HTML, always escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).with_name("templates")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, context: Mapping[str, Any]) -> str:
    """Return the template `name` of the folder `templates`, filled with `context`.

    Every value is escaped; a name that the context lacks raises `jinja2.UndefinedError`.
    """
    return _environment().get_template(name).render(context)
