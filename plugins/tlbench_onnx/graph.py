"""What lies in an ONNX file, and the same model with another output.

ONNX files are protocol buffers. The few fields that matter here are found without the package
`onnx`, which a user of ONNX Runtime need not have. Numbers of fields: onnx.proto, IR version 3 on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MODEL_GRAPH, _MODEL_FUNCTIONS = 7, 25
_GRAPH_NODES, _GRAPH_TENSORS, _GRAPH_OUTPUTS = 1, 5, 12
_NODE_OUTPUTS, _NODE_ATTRIBUTES = 2, 5
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_TENSOR_EXTERNAL = 13
_FUNCTION_NODES = 7
_NAME, _VALUE = 1, 2


@dataclass(frozen=True)
class Graph:
    """The tensors that a model makes, in order, its outputs, and the files it keeps weights in."""

    tensors: tuple[str, ...]
    outputs: tuple[str, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True)
class _Field:
    number: int
    value: memoryview
    whole: memoryview


def read_graph(content: bytes) -> Graph:
    """Return what lies in a model; raises ValueError where `content` is no whole ONNX model."""
    graphs = [f.value for f in _fields(memoryview(content)) if f.number == _MODEL_GRAPH]
    if not graphs:
        raise ValueError("it holds no graph")
    tensors: list[str] = []
    outputs: list[str] = []
    parts: set[str] = set()
    for field in _fields(memoryview(content)):
        if field.number == _MODEL_FUNCTIONS:
            for node in _all(field.value, _FUNCTION_NODES):
                parts.update(_parts_of_node(node))
    for graph in graphs:
        parts.update(_parts_of_graph(graph))
        for node in _all(graph, _GRAPH_NODES):
            tensors += filter(None, map(_text, _all(node, _NODE_OUTPUTS)))
        for output in _all(graph, _GRAPH_OUTPUTS):
            outputs += map(_text, _all(output, _NAME))
    return Graph(tuple(tensors), tuple(outputs), tuple(sorted(parts)))


def with_output(content: bytes, name: str) -> bytes:
    """Return the model with `name`, one of its tensors, as its only output.

    Its type and shape are left for the runtime to infer.
    """
    out = []
    for field in _fields(memoryview(content)):
        if field.number != _MODEL_GRAPH:
            out.append(bytes(field.whole))
            continue
        kept = [f.whole for f in _fields(field.value) if f.number != _GRAPH_OUTPUTS]
        output = _packed(_GRAPH_OUTPUTS, _packed(_NAME, name.encode()))
        out.append(_packed(_MODEL_GRAPH, b"".join([*kept, output])))
    return b"".join(out)


def _parts_of_graph(graph: memoryview) -> Iterator[str]:
    for tensor in _all(graph, _GRAPH_TENSORS):
        yield from _parts_of_tensor(tensor)
    for node in _all(graph, _GRAPH_NODES):
        yield from _parts_of_node(node)


def _parts_of_node(node: memoryview) -> Iterator[str]:
    for attribute in _all(node, _NODE_ATTRIBUTES):
        for field in _fields(attribute):
            if field.number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                yield from _parts_of_tensor(field.value)
            elif field.number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
                yield from _parts_of_graph(field.value)


def _parts_of_tensor(tensor: memoryview) -> Iterator[str]:
    for entry in _all(tensor, _TENSOR_EXTERNAL):
        pair = {field.number: field.value for field in _fields(entry)}
        if _text(pair.get(_NAME, memoryview(b""))) == "location" and _VALUE in pair:
            yield _text(pair[_VALUE])


def _all(message: memoryview, number: int) -> Iterator[memoryview]:
    return (field.value for field in _fields(message) if field.number == number)


def _fields(message: memoryview) -> Iterator[_Field]:
    """Yield the fields of a message; raises ValueError where it is cut short or something else."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        kind = key & 7
        begin = at
        if key >> 3 == 0:
            raise ValueError("it is no ONNX file")
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _BYTES:
            length, begin = _varint(message, at)
            at = begin + length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("it is no ONNX file")
        if at > len(message):
            raise ValueError("it is cut short, or no ONNX file")
        yield _Field(key >> 3, message[begin:at], message[start:at])


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("it is cut short, or no ONNX file")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _packed(number: int, content: bytes) -> bytes:
    return _number(number << 3 | _BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _text(value: memoryview) -> str:
    return bytes(value).decode("utf-8", errors="replace")
