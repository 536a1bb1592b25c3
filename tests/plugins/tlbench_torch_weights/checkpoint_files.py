"""Small checkpoints, assembled step by step: PyTorch isn't needed to write them either."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
VERSION = b"\x80\x02M\xe9\x03."
MACHINE = b"\x80\x02}(X\x0d\x00\x00\x00little_endian\x88u."
KINDS = {"float32": "torch FloatStorage", "int64": "torch LongStorage"}


@dataclass
class Tensor:
    """One entry of a checkpoint; what is None is what `numbers` say."""

    name: str
    numbers: Any
    kind: str | None = None
    offset: int = 0
    shape: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    stated: int | None = None
    view: bytes = b"N"


def word(text: str) -> bytes:
    content = text.encode()
    return b"X" + len(content).to_bytes(4, "little") + content


def number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def name_of(path: str) -> bytes:
    module, name = path.split(" ")
    return f"c{module}\n{name}\n".encode()


def row(values: Sequence[int]) -> bytes:
    return b"(" + b"".join(number(value) for value in values) + b"t"


def describe(tensor: Tensor, key: str) -> bytes:
    """The steps that build one tensor: a call with the storage it is a part of."""
    numbers = np.asarray(tensor.numbers)
    shape = numbers.shape if tensor.shape is None else tensor.shape
    strides = tensor.strides
    if strides is None:
        strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    length = numbers.size if tensor.stated is None else tensor.stated
    kind = name_of(tensor.kind or KINDS[str(numbers.dtype)])
    storage = word("storage") + kind + word(key) + word("cpu") + number(length) + tensor.view
    arguments = b"(" + storage + b"tQ" + number(tensor.offset) + row(shape) + row(strides)
    hooks = name_of("collections OrderedDict") + b")R"
    return name_of("torch._utils _rebuild_tensor_v2") + b"(" + arguments + b"\x89" + hooks + b"tR"


def make_state(*tensors: Tensor, extra: bytes = b"") -> bytes:
    """The pickle of a state; `extra` steps come before its attributes are set."""
    entries = b"".join(word(t.name) + describe(t, str(i)) for i, t in enumerate(tensors))
    versions = b"}" + word("_metadata") + b"}s"
    state = name_of("collections OrderedDict") + b")Rq\x00(" + entries + b"u"
    return b"\x80\x02" + state + extra + versions + b"b."


def make_checkpoint(*tensors: Tensor, state: bytes | None = None) -> bytes:
    keys = b"\x80\x02](" + b"".join(word(str(i)) for i in range(len(tensors))) + b"e."
    content = MAGIC + VERSION + MACHINE + (state or make_state(*tensors)) + keys
    for tensor in tensors:
        numbers = np.asarray(tensor.numbers)
        content += numbers.size.to_bytes(8, "little") + numbers.tobytes()
    return content


def make_wheel(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return stream.getvalue()
