"""The files that a user's table names: below one folder, each once, and all of them there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from tlbench.datasets.csv_files import Row
from tlbench.datasets.user_tables import UserTable, check_filled
from tlbench.errors import DataError
from tlbench.words import few


def name_files(table: UserTable, root: Path) -> list[str]:
    """Return for each row the file its `path` names, relative to `root`, with slashes.

    Nothing is looked for. Raises `DataError`, naming lines, for empty cells, files outside `root`,
    `..` in a path, and files that two rows name.
    """
    check_filled(table, "path")
    names = [_relative(table.cell(row, "path"), root) for row in table.rows]
    outside = [row for row, name in zip(table.rows, names, strict=True) if name is None]
    if outside:
        raise DataError(
            f'"{table.cell(outside[0], "path")}" is no path below "{root}" '
            f'({table.places(outside)} of "{table.path}")',
            "paths are relative to --data-root DIR, or else to the table's folder, without ..",
        )
    found = [name for name in names if name is not None]
    _check_once(table, found)
    return found


def check_there(table: UserTable, root: Path, names: Sequence[str]) -> None:
    """Raise one `DataError` for all rows whose file is missing below `root`."""
    missing = [
        (row, name)
        for row, name in zip(table.rows, names, strict=True)
        if not _is_file(root / name)
    ]
    if missing:
        files = "1 file is" if len(missing) == 1 else f"{len(missing):,} files are"
        raise DataError(
            f'{files} missing below "{root}": {few([name for _, name in missing])} '
            f'({table.places([row for row, _ in missing])} of "{table.path}")',
            "say where they are with --data-root DIR, or leave out these rows",
        )


def _relative(text: str, root: Path) -> str | None:
    """The path below `root` that a cell means, or None where it leads elsewhere."""
    text = text.replace("\\", "/")
    path = PurePosixPath(text)
    if path.is_absolute() or PureWindowsPath(text).is_absolute():
        try:
            path = PurePosixPath(Path(text).relative_to(root.absolute()).as_posix())
        except ValueError:
            return None
    return None if ".." in path.parts or not path.parts else path.as_posix()


def _check_once(table: UserTable, names: Sequence[str]) -> None:
    rows: dict[str, Row] = {}
    for row, name in zip(table.rows, names, strict=True):
        if name in rows:
            raise DataError(
                f'"{name}" stands twice in "{table.path}": {table.places([rows[name], row])}',
                "remove one of the two rows",
            )
        rows[name] = row


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
