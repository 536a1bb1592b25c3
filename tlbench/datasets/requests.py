"""What readers check in a request before they read: folders that exist, choices that apply."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tlbench.errors import DataError
from tlbench.registry import unknown
from tlbench.specs import DatasetRequest


def require_root(request: DatasetRequest, dataset: str, expected: str) -> Path:
    """Return the folder the user gave; `expected` says in a few words what belongs in it.

    Raises `DataError` if none was given, it does not exist, or is not a folder.
    """
    hint = f"give the folder that holds {expected}: --data-root DIR"
    root = request.root
    if root is None:
        raise DataError(f'data set "{dataset}" needs to know where its files are', hint)
    try:
        list_names(root)
    except FileNotFoundError:
        raise DataError(f'the data root "{root}" does not exist', hint) from None
    except NotADirectoryError:
        raise DataError(f'the data root "{root}" is a file, not a folder', hint) from None
    return root


def check_layout(root: Path, published: str, folders: Sequence[str], files: Sequence[str]) -> None:
    """Raise `DataError` unless a data root holds these folders and files; `published` says whose.

    Its hint is the folder above or one of those within, if that is the one.
    """

    def missing(place: Path) -> list[str]:
        lost = [name for name in folders if not (place / name).is_dir()]
        return lost + [name for name in files if not (place / name).is_file()]

    if lost := missing(root):
        names = ", ".join(f'"{name}"' for name in lost)
        raise misplaced(root, names, published, lambda place: not missing(place))


def misplaced(root: Path, missing: str, published: str, is_it: Callable[[Path], bool]) -> DataError:
    """Return the error for a data root without what it must hold; `is_it` knows one that has it."""
    nearby = [root.parent, *(root / name for name in list_names(root))]
    near = next((place for place in nearby if is_it(place)), None)
    hint = f'did you mean --data-root "{near}"?' if near else f"it must hold {published}"
    return DataError(f'the data root "{root}" has no {missing}', hint)


def list_names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted; hidden ones are left out.

    Raises FileNotFoundError or NotADirectoryError, or `DataError` where the folder may not be
    looked into.
    """
    # A listing is much quicker than asking for each of thousands of files.
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not is_hidden(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise unlistable(folder, error) from error


def walk_files(top: Path, links: list[str] | None = None) -> list[str]:
    """Return the files below a folder, sorted, by their path from there, with slashes.

    Hidden files and folders are left out, and so are links to folders, which are added to `links`
    by their path. A folder that is not there has no files. Raises `DataError` where one may not be
    looked into.
    """

    def stop(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise unlistable(Path(error.filename), error) from error

    found: list[str] = []
    for folder, folders, files in os.walk(top, onerror=stop):
        folders[:] = [name for name in folders if not is_hidden(name)]
        place = Path(folder).relative_to(top)
        found += [(place / name).as_posix() for name in files if not is_hidden(name)]
        if links is not None:
            # They are not followed: one could lead round in a circle, or to the other class.
            linked = [name for name in folders if (Path(folder) / name).is_symlink()]
            links += [(place / name).as_posix() for name in linked]
    return sorted(found)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is none of the user's own."""
    # Archives made on a Mac bring a second, hidden copy of every file's name.
    return name.startswith(".") or name == "__MACOSX"


def unlistable(folder: Path, error: OSError) -> DataError:
    """Return the error for a folder that can't be listed; silence would lose its images."""
    reason = (error.strerror or str(error)).lower()
    return DataError(f'can\'t list the folder "{folder}": {reason}', "check its permissions")


def refuse_root(request: DatasetRequest, dataset: str) -> None:
    """Raise `DataError` if a folder was given to a data set that has none.

    Silence would let someone take its results for results on their own radiographs.
    """
    if request.root is not None:
        raise DataError(
            f'data set "{dataset}" is generated and does not read "{request.root}"',
            "leave out --data-root, or choose another data set: --dataset folder",
        )


def refuse_positive(request: DatasetRequest, dataset: str) -> None:
    """Raise `DataError` if the positive class was named for a data set whose labels are fixed."""
    if request.positive is not None:
        raise DataError(
            f'data set "{dataset}" has its labels already; "{request.positive}" can\'t be chosen',
            "leave out --positive",
        )


def refuse_manifest(request: DatasetRequest, dataset: str) -> None:
    """Raise `DataError` if a table was given to a data set that brings its own.

    Silence would let someone take their labels for the ones that were used.
    """
    if request.manifest is not None or request.columns:
        raise DataError(
            f'data set "{dataset}" takes no table of yours',
            "leave out --manifest and --column, or choose --dataset manifest or dicom",
        )


def check_subset(request: DatasetRequest, dataset: str, subsets: Iterable[str]) -> None:
    """Raise `UnknownNameError` unless the request's subset, if any, is one of `subsets`."""
    known = sorted(subsets)
    if request.subset is None or request.subset in known:
        return
    names = ", ".join(f'"{name}"' for name in known)
    otherwise = f"there is {names}" if known else "it has no subsets; leave out --subset"
    raise unknown(f"{dataset} subset", request.subset, known, otherwise)
