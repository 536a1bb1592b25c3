"""The reader of one's own radiographs: a folder with one folder per class."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tlbench.datasets.classes import find_class, guess_positive
from tlbench.datasets.requests import (
    check_subset,
    list_names,
    refuse_manifest,
    require_root,
    walk_files,
)
from tlbench.errors import DataError
from tlbench.specs import DatasetRequest, Radiograph

_NAME = "folder"
_EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
_EXPECTED = "one folder per class, such as fracture and no_fracture"


def read(request: DatasetRequest) -> list[Radiograph]:
    """Return the radiographs under the two class folders of the data root, by relative path.

    JPEG, PNG and TIFF files are found at any depth; hidden files and links to folders are not
    followed. A folder inside a class folder is not taken for a patient: patients are None.
    Raises `DataError` unless there are exactly two class folders, both with images, and it is
    clear which of them is positive.
    """
    check_subset(request, _NAME, ())
    refuse_manifest(request, _NAME)
    root = require_root(request, _NAME, _EXPECTED)
    inside = list_names(root)
    names = [name for name in inside if (root / name).is_dir()]
    if len(names) != 2:
        found = "1 class folder" if len(names) == 1 else f"{len(names)} class folders"
        raise DataError(
            f'the data root "{root}" holds {found} instead of 2{_listed(names)}',
            f"it must hold {_EXPECTED}; images of the same class go into the same folder",
        )
    positive = _choose_positive(root, names, request.positive)
    ignored = Counter(_extension(name) for name in inside if name not in names)
    radiographs: list[Radiograph] = []
    for name in names:
        images = _find_images(root / name, ignored)
        if not images:
            raise DataError(
                f'the class folder "{root / name}" holds no images{_kinds(ignored)}',
                f"images are files that end in {', '.join(_EXTENSIONS)}",
            )
        label = int(name == positive)
        radiographs += [Radiograph(f"{name}/{i}", root / name / i, label) for i in images]
    if ignored:
        request.say(
            f'{ignored.total():,} other files or links under "{root}" ignored{_kinds(ignored)}'
        )
    return sorted(radiographs, key=lambda radiograph: radiograph.case)


def _choose_positive(root: Path, names: list[str], wanted: str | None) -> str:
    hint = "say which folder holds the positive class: --positive NAME"
    if wanted is not None:
        found = find_class(names, wanted)
        if found is None:
            raise DataError(
                f'there is no class folder "{wanted}" in "{root}"{_listed(names)}', hint
            )
        return found
    positive = guess_positive(names)
    if positive is not None:
        return positive
    raise DataError(
        f'the names of the class folders in "{root}" do not say which is positive{_listed(names)}',
        hint,
    )


def _find_images(top: Path, ignored: Counter[str]) -> list[str]:
    """Return the images under a folder, counting by extension what is left out."""
    links: list[str] = []
    files = walk_files(top, links)
    ignored.update("link" for _ in links)
    ignored.update(_extension(name) for name in files if _extension(name) not in _EXTENSIONS)
    return [name for name in files if _extension(name) in _EXTENSIONS]


def _extension(name: str) -> str:
    return Path(name).suffix.lower() or "without extension"


def _listed(names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(f'"{name}"' for name in names[:8])
    return f": {shown}, ..." if len(names) > 8 else f": {shown}"


def _kinds(counts: Counter[str]) -> str:
    kinds = [f"{count:,} {kind}" for kind, count in counts.most_common(4) if count]
    return f" ({', '.join(kinds)})" if kinds else ""
