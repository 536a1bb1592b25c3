"""Keras weights files: checked before they are believed, written whole or not at all."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tlbench.errors import WeightsError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FORMATS = "tlbench reads Keras weights without top layer, from .weights.h5 or older .h5 files"


def looks_like_hdf5(file: Path) -> bool:
    """Tell whether `file` exists and begins as an HDF5 file does; a glance, not a proof."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def check_weights_file(file: Path) -> None:
    """Raise `WeightsError` if `file` is missing, unreadable, or not an HDF5 file of Keras weights.

    Neither Keras nor a framework is imported, so that a wrong file is refused at once.
    """
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise WeightsError(f'weights file "{file}" {what}', "check the path")
    if not os.access(file, os.R_OK):
        raise WeightsError(f'weights file "{file}" can\'t be read', "check its permissions")
    if not looks_like_hdf5(file):
        raise WeightsError(f'"{file}" is not an HDF5 file', _FORMATS)
    with _opened(file) as root:
        suffix = _suffix_for(root)
    if suffix is None:
        raise WeightsError(f'"{file}" is an HDF5 file without Keras weights', _FORMATS)
    # Keras decides by the name how it reads a file, whatever the file holds.
    current = ".weights.h5" if file.name.endswith(".weights.h5") else file.suffix
    if current != suffix and not (suffix == ".h5" and current == ".hdf5"):
        stem = file.name.removesuffix(current) or "mine"
        raise WeightsError(
            f'"{file}" holds Keras weights of the kind that is named "*{suffix}"',
            f'rename it to "{stem}{suffix}"',
        )


def load_weights(network: Any, file: Path, *, what: str) -> None:
    """Load `file` into the Keras model `network`, in place.

    `what` names the architecture in messages. Raises `WeightsError` if the file holds other
    arrays than the network has, can't be read to its end, or holds values that are not finite.
    Only numbers are read from the file; nothing in it is unpickled or executed.
    """
    with _opened(file) as root:
        found = _shapes(root)
    expected = Counter(tuple(variable.shape) for variable in network.weights)
    if found != expected:
        raise WeightsError(
            f'"{file}" holds {_summary(found)}, and {what} has {_summary(expected)}', _FORMATS
        )
    # Keras only warns of layers it leaves as they were: that must not pass for weights.
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", UserWarning)
        try:
            network.load_weights(str(file))
        except (ValueError, TypeError, OSError, KeyError, RuntimeError) as error:
            raise _misfit(file, what, str(error)) from error
    for warning in noted:
        raise _misfit(file, what, str(warning.message))
    _check_finite(network, file)


def save_weights(network: Any, file: Path) -> Path:
    """Write the weights of the Keras model `network` to `file`, whose name ends `.weights.h5`.

    Equal weights give equal bytes, whichever networks the process has built before. Raises
    `WeightsError` if the folder can't be written or the disk is full.
    """

    def write(part: Path) -> None:
        draft = part.with_name(f".draft-{part.name}")
        try:
            network.save_weights(str(draft))
            _copy_without_names(draft, part)
        finally:
            with suppress(OSError):
                draft.unlink()

    return write_whole(file, write)


def write_whole(file: Path, write: Callable[[Path], None]) -> Path:
    """Have `write` fill a temporary file in the same folder, then give it its name at once.

    Two processes may do this at the same time: each fills a file of its own, and the last rename
    stands. Raises `WeightsError` if the folder can't be written or the disk is full.
    """
    part = file.with_name(f".part-{os.getpid()}-{os.urandom(4).hex()}-{file.name}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        raise WeightsError(
            f'weights file "{file}" can\'t be written: {error.strerror or error}',
            "free some space, or choose a folder that can be written",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return file


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    import h5py

    try:
        with h5py.File(file, "r") as root:
            yield root
    except (OSError, RuntimeError, KeyError) as error:
        raise WeightsError(
            f'weights file "{file}" is damaged: {str(error).splitlines()[0]}',
            "it may be cut short; delete it and run again, or copy it again",
        ) from error


def _copy_without_names(source: Path, target: Path) -> None:
    """Copy an HDF5 file but for what would give equal weights unequal files.

    Names of layers, which Keras notes beside the arrays and doesn't read, are numbered over all
    networks of a process; the states of dropout's random streams, which Keras wants to be there,
    are drawn anew for each.
    """
    import h5py

    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:

        def copy(path: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                value = item[()]
                made = new.create_dataset(path, data=value * 0 if _is_stream(path) else value)
            else:
                made = new.require_group(path)
            for key, value in item.attrs.items():
                if key != "name":
                    made.attrs[key] = value

        old.visititems(copy)


def _suffix_for(root: Any) -> str | None:
    """Return the ending Keras expects of a file with such contents; None if not Keras's."""
    if "layer_names" in _weights_group(root).attrs:
        return ".h5"
    if "layers" in root or "_layer_checkpoint_dependencies" in root:
        return ".weights.h5"
    return None


def _weights_group(root: Any) -> Any:
    """Return where the arrays are: an older file of a whole model keeps them one level down."""
    import h5py

    group = root.get("model_weights")
    return group if isinstance(group, h5py.Group) else root


def _shapes(root: Any) -> Counter[tuple[int, ...]]:
    """Count the shapes of the weights of layers; an optimiser's and random streams are left out."""
    import h5py

    shapes: Counter[tuple[int, ...]] = Counter()

    def count(name: str, item: Any) -> None:
        left_out = name.startswith("optimizer") or _is_stream(name)
        if isinstance(item, h5py.Dataset) and not left_out:
            shapes[tuple(item.shape)] += 1

    _weights_group(root).visititems(count)
    return shapes


def _is_stream(path: str) -> bool:
    """Tell whether an array is the state of a layer's random stream, which frozen networks lack."""
    return "/seed_generator/" in path


def _summary(shapes: Counter[tuple[int, ...]]) -> str:
    numbers = 0
    for shape, times in shapes.items():
        size = 1
        for length in shape:
            size *= length
        numbers += size * times
    return f"{shapes.total()} arrays of {numbers:,} numbers"


def _misfit(file: Path, what: str, reason: str) -> WeightsError:
    line = reason.strip().split("\n", 1)[0][:200]
    return WeightsError(f'"{file}" does not fit {what}: {line}', _FORMATS)


def _check_finite(network: Any, file: Path) -> None:
    import numpy as np

    for layer in network.layers:
        if not all(np.isfinite(array).all() for array in layer.get_weights()):
            raise WeightsError(
                f'"{file}" holds values that are not finite, in layer "{layer.name}"',
                "the file is damaged or its training diverged; use another",
            )
