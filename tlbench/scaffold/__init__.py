"""A new plugin from templates: one file, or a package with tests that pass as they are."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from tlbench.errors import PluginError
from tlbench.files import write_whole

_ENDING = ".template"


def make_plugin(name: str, folder: Path, *, one_file: bool = False) -> list[Path]:
    """Write a plugin for a backbone called `name` into `folder` and return its files.

    With `one_file` that is NAME.py, otherwise the folder tlbench-NAME. Raises `PluginError` where
    the name can't be a module's, or something of that name is there already.
    """
    check_name(name)
    names = {
        "name": name,
        "package": f"tlbench_{name}",
        "distribution": "tlbench-" + name.replace("_", "-"),
    }
    templates = files("tlbench.scaffold") / "templates"
    if one_file:
        made = {folder / f"{name}.py": _text(templates / f"one_file.py{_ENDING}", names)}
        target = folder / f"{name}.py"
    else:
        target = folder / names["distribution"]
        made = {target / path: text for path, text in _package(templates / "package", names)}
    if target.exists() or target.is_symlink():
        raise PluginError(
            f'"{target}" is there already, and nothing is overwritten',
            "choose another name, or another folder with --output",
        )
    for file, text in made.items():
        _write(file, text)
    return list(made)


def check_name(name: str) -> None:
    """Raise `PluginError` unless `name` can name a backbone, a module and a package."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise PluginError(
            f'a plugin can\'t be called "{name}"',
            "take lower-case letters, digits and single underscores, a letter first: my_backbone",
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in sys.stdlib_module_names:
        raise PluginError(
            f'"{name}" is a word of Python\'s own', f'choose another one, e.g. "my_{name}"'
        )


def _package(folder: Traversable, names: dict[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every file of the package, sorted."""
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        # A file or folder whose own name changes has it in capitals.
        name = entry.name.replace("PACKAGE", names["package"]).replace("NAME", names["name"])
        if entry.is_dir():
            yield from ((Path(name) / path, text) for path, text in _package(entry, names))
        elif name.endswith(_ENDING):
            yield Path(name.removesuffix(_ENDING)), _text(entry, names)


def _text(template: Traversable, names: dict[str, str]) -> str:
    return Template(template.read_text(encoding="utf-8")).substitute(names)


def _write(file: Path, text: str) -> None:
    write_whole(file, lambda stream: stream.write(text.encode()))
