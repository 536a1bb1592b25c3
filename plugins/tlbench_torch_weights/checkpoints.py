"""PyTorch checkpoints, read without PyTorch and without unpickling.

A checkpoint of the format that `torch.save` wrote before release 1.6 is five pickles, one after
the other, and then the numbers: a magic number, the version of the format, the machine it was
made on, the tensors, and the order in which their storages follow. `read_pickle` takes the pickles
apart; here they get their meaning.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tlbench.errors import WeightsError
from tlbench_torch_weights.pickles import Call, Global, Persistent, read_pickle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

_HINT = "the file is damaged, or not a PyTorch checkpoint of plain tensors; fetch it again"

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_DICT = Global("collections", "OrderedDict")
_TENSOR = Global("torch._utils", "_rebuild_tensor_v2")
_DTYPES = {Global("torch", "FloatStorage"): "<f4", Global("torch", "LongStorage"): "<i8"}
_ALLOWED = frozenset({_DICT, _TENSOR, *_DTYPES})


def read_checkpoint(content: bytes) -> Arrays:
    """Return the tensors of a checkpoint's bytes by name, in their order, as arrays.

    They are float32 or int64 and share no memory with `content`. Nothing is unpickled: whatever
    but a dictionary of plain tensors stands in the file is refused before it means anything.
    Raises `WeightsError` where the file is of another kind, cut short, or contradicts itself.
    """
    if content[:4] == b"PK\x03\x04":
        raise _refused("it is a zip archive, as torch 1.6 and newer writes")
    stream = io.BytesIO(content)
    if read_pickle(stream) != _MAGIC or read_pickle(stream) != _VERSION:
        raise _refused("it does not begin as a checkpoint does")
    machine = read_pickle(stream)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise _refused("it was not written on a little-endian machine")
    tensors = _as_mapping(read_pickle(stream, _ALLOWED))
    storages = _read_storages(stream, read_pickle(stream), _storage_types(tensors))
    return {name: _cut_tensor(name, call, storages) for name, call in tensors.items()}


def _refused(reason: str) -> WeightsError:
    """Return the error for a checkpoint that can't be used for `reason`."""
    # A name in the file may hold anything, and an error is one line.
    return WeightsError(f"the checkpoint can't be read: {' '.join(reason.split())}", _HINT)


def _as_mapping(value: Any) -> Mapping[str, Call]:
    """Return the tensors' descriptions by name."""
    if not isinstance(value, Call) or value.function != _DICT or value.arguments:
        raise _refused("it holds something else than a dictionary of tensors")
    for name, item in value.items.items():
        if not isinstance(item, Call) or item.function != _TENSOR or len(item.arguments) != 6:
            raise _refused(f'"{name[:80]}" is not a plain tensor')
    return value.items


def _storage_types(tensors: Mapping[str, Call]) -> dict[str, tuple[str, int]]:
    """Return the dtype and the length of each storage that a tensor refers to, by its key."""
    types: dict[str, tuple[str, int]] = {}
    for name, call in tensors.items():
        dtype, key, length = _parse_storage(name, call)
        if types.setdefault(key, (dtype, length)) != (dtype, length):
            raise _refused(f'storage "{key[:80]}" is described in two ways')
    return types


def _parse_storage(name: str, call: Call) -> tuple[str, str, int]:
    """Return dtype, key and length of the storage behind a tensor."""
    storage = call.arguments[0]
    what = storage.identity if isinstance(storage, Persistent) else None
    # A sixth entry describes a view of a storage, which no state of a network has.
    if not isinstance(what, tuple) or len(what) != 6 or what[0] != "storage" or what[5] is not None:
        raise _refused(f'"{name[:80]}" has no plain storage')
    kind, key, length = what[1], what[2], what[4]
    if not isinstance(kind, Global) or kind not in _DTYPES:
        raise _refused(f'"{name[:80]}" is neither float32 nor int64')
    if not isinstance(key, str) or type(length) is not int or length < 0:
        raise _refused(f'"{name[:80]}" has no plain storage')
    return _DTYPES[kind], key, length


def _read_storages(
    stream: io.BytesIO, keys: Any, types: Mapping[str, tuple[str, int]]
) -> dict[str, NDArray[Any]]:
    """Return the numbers that follow the pickles: for each key a length, 8 bytes, and the data."""
    import numpy as np

    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise _refused("its list of storages is not a list of names")
    if sorted(keys) != sorted(types):
        raise _refused("its list of storages is not the one that its tensors refer to")
    storages = {}
    for key in keys:
        dtype, length = types[key]
        found = int.from_bytes(stream.read(8), "little", signed=True)
        size = length * np.dtype(dtype).itemsize
        content = stream.read(size) if found == length else b""
        if found != length or len(content) != size:
            raise _refused(f'storage "{key[:80]}" is cut short or not as long as stated')
        storages[key] = np.frombuffer(content, dtype)
    if stream.read(1):
        raise _refused("more follows after its last storage")
    return storages


def _cut_tensor(name: str, call: Call, storages: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return one tensor, whose axes may follow one another in any order within its storage."""
    from numpy.lib.stride_tricks import as_strided

    _, offset, shape, strides, _, _ = call.arguments
    storage = storages[_parse_storage(name, call)[1]]
    if not (_are_lengths(shape) and _are_lengths(strides) and len(shape) == len(strides)):
        raise _refused(f'"{name[:80]}" has no plain shape')
    if type(offset) is not int or offset < 0:
        raise _refused(f'"{name[:80]}" does not begin within its storage')
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    # No memory but the storage's is looked at, and no array becomes larger than it.
    if last >= len(storage) or math.prod(shape) > len(storage):
        raise _refused(f'"{name[:80]}" reaches beyond the end of its storage')
    steps = tuple(step * storage.itemsize for step in strides)
    array: NDArray[Any] = as_strided(storage[offset:], shape, steps, writeable=False).copy()
    return array


def _are_lengths(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) <= 8
        and all(type(length) is int and length > 0 for length in value)
    )
