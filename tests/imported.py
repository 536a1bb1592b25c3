"""Which files of tlbench a module is made of, by its imports."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def find_imported(
    modules: Collection[str], without: Collection[str] = ()
) -> tuple[set[Path], set[str]]:
    """Return the files of these modules and of all they import, and the packages outside tlbench.

    Imports within functions count, those for type checkers do not, nor does what is `without`.
    """
    due, files, packages = list(modules), set[Path](), set[str]()
    while due:
        name = due.pop()
        if name.partition(".")[0] != "tlbench":
            packages.add(name.partition(".")[0])
        elif not any(f"{name}.".startswith(f"{other}.") for other in without):
            stem = ROOT.joinpath(*name.split("."))
            file = stem.with_suffix(".py")
            if file.is_file() and file not in files:
                files.add(file)
                due += _imports(ast.parse(file.read_text(encoding="utf-8")))
    return files, packages


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imports(node)
