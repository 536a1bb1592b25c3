"""The models of the npm package `nsfwjs`, read in Python as Keras weights.

The package holds TensorFlow.js models, 8-bit quantised: each a description (a JavaScript literal)
and files of base64. Their earlier layers are ImageNet's, the later ones were fine-tuned; the
description says of each layer which. The means that batch normalisation holds, in the earlier
layers too, are those of photographs scaled to 0..1, and not of Keras's -1..1.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlbench.errors import WeightsError
from tlbench.specs import WeightsRequest
from tlbench_keras import networks
from tlbench_keras.applications import Application
from tlbench_keras.javascript import read_literal
from tlbench_keras.npm import Package, fetch_package
from tlbench_keras.weights_files import looks_like_hdf5, save_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGE = Package(
    name="nsfwjs",
    version="4.4.0",
    integrity=(
        "sha512-krC1fgeTLXtZwgdpKJ0jm7hqv0gTSRQQRL+FhOaxaJ9Wj92t42BO3csO2odwgTAg"
        "Zgf2RvkwPtp0R8Aa7dc+MA=="
    ),
)
SIZE = 24_973_068
"""Bytes of the published tarball."""

FROZEN_TO = {"inception_v3": "mixed5", "mobilenet_v2": "block_10"}
"""The models by name, and the last block that was not fine-tuned."""

_LARGEST = 64 * 2**20
_TOP = "dense_"
"""What the names of its own top layers begin with."""
_HINT = "the package differs from the release this reader was written for"


def find(application: Application, request: WeightsRequest) -> Path | None:
    """Return the converted weights file if it is in the request's folder already."""
    file = _file(application, request)
    return file if looks_like_hdf5(file) else None


def obtain(application: Application, request: WeightsRequest) -> Path:
    """Return the converted weights file, fetching and converting the package if need be.

    Raises `WeightsError` within seconds if the package can't be had, and at once when offline.
    """
    found = find(application, request)
    if found is not None:
        return found
    file = _file(application, request)
    if request.offline:
        raise WeightsError(
            f'weights "nsfwjs" are not on this machine: "{file.name}" is missing '
            f'from "{file.parent}"',
            "run once with a network, or copy the file there from another machine",
        )
    request.say(f'fetching npm package "{PACKAGE}" ({SIZE / 1e6:.0f} MB)')
    content = fetch_package(PACKAGE)
    request.say("converting it to a Keras weights file (once)")
    return convert(application, content, file)


def convert(application: Application, content: bytes, file: Path) -> Path:
    """Write the network of that name in the package's tarball to `file`, a Keras weights file.

    The same tarball gives the same bytes each time. Raises `WeightsError` if the tarball holds
    anything else than the expected network or `file` can't be written.
    """
    arrays = read_package(content, application.name)
    network = networks.build(application)
    assign(network, arrays, what=application.title)
    return save_weights(network, file)


def read_package(content: bytes, model: str) -> dict[str, NDArray[np.float32]]:
    """Return all arrays of a model by name, dequantised, from the package's tarball.

    Names are TensorFlow.js's: `conv2d_1/kernel`, `block_1_expand_BN/gamma`, ...,
    `dense_3/bias`. Nothing is unpacked to disk, nothing in the package is executed. Raises
    `WeightsError` if files are missing or their description and bytes don't agree.
    """
    folder = f"package/dist/models/{model}/"
    members = _read_members(content, folder)
    description = members.pop("model.min.js", None)
    if description is None:
        raise WeightsError(f'"{folder}model.min.js" is missing from the package', _HINT)
    try:
        (group,) = _literal_after_exports(description)["weightsManifest"]
        paths, entries = list(group["paths"]), list(group["weights"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"the model description has no list of weights: {error}", _HINT
        ) from None
    return _dequantise(b"".join(_decode(members, str(path)) for path in paths), entries)


def assign(network: Any, arrays: dict[str, NDArray[np.float32]], *, what: str) -> None:
    """Put the package's arrays into a network of Keras, `what` in messages, all but its top layers.

    Raises `WeightsError` if the package lacks an array, holds one more, or a shape differs.
    """
    expected = _names(network)
    stored = {name for name in arrays if not name.startswith(_TOP)}
    wanted = {name for names in expected.values() for name in names}
    for name in sorted(stored ^ wanted):
        verb = "lacks" if name in wanted else "holds"
        raise WeightsError(f'the package {verb} array "{name}", unlike {what}', _HINT)
    for layer, names in expected.items():
        for name, current in zip(names, layer.get_weights(), strict=True):
            if arrays[name].shape != current.shape:
                raise WeightsError(
                    f'array "{name}" of the package has shape {arrays[name].shape}, '
                    f"and {what} needs {current.shape}",
                    _HINT,
                )
            if name.endswith("/moving_variance") and arrays[name].min() < 0:
                raise WeightsError(f'"{name}" of the package is negative', _HINT)
        layer.set_weights([arrays[name] for name in names])


def _names(network: Any) -> dict[Any, list[str]]:
    """Return for each layer with weights the package's names of its arrays, in Keras's order.

    Layers that Keras named by itself are numbered from one for each class, as in a new process.
    """
    named: dict[Any, list[str]] = {}
    made: dict[str, int] = {}
    layers = [layer for layer in network.layers if layer.weights]
    for layer in networks.in_order_of_creation(layers):
        name = layer.name
        if networks.is_numbered(layer):
            stem = re.sub(r"_\d+$", "", name)
            made[stem] = made.get(stem, 0) + 1
            name = f"{stem}_{made[stem]}"
        # Keras 2 said which kind of kernel it is.
        prefix = "depthwise_" if type(layer).__name__ == "DepthwiseConv2D" else ""
        named[layer] = [f"{name}/{prefix}{variable.name}" for variable in layer.weights]
    return named


def _read_members(content: bytes, within: str) -> dict[str, str]:
    """Return the text of the files in the folder `within` by file name, read in memory."""
    import tarfile

    members: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                if f"{folder}/" != within or not member.isreg():
                    continue
                if member.size > _LARGEST:
                    raise WeightsError(f'"{member.name}" of the package is too large', _HINT)
                stream = archive.extractfile(member)
                if stream is not None:
                    members[name] = stream.read().decode("utf-8")
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise WeightsError(f"the package is not a readable tarball: {error}", _HINT) from error
    return members


def _literal_after_exports(text: str) -> Any:
    # Around the literal is a module loader, whose own `exports:{}` has a colon.
    begin = re.search(r"\.exports\s*=\s*(?=\{)", text)
    if begin is None:
        raise WeightsError("the model description exports no object", _HINT)
    return read_literal(text, begin.end())


def _decode(members: dict[str, str], path: str) -> bytes:
    """Return the bytes of one of the files of weights, a module that exports a base64 string."""
    name = f"{path}.min.js"
    found = re.search(r'\.exports\s*=\s*"([A-Za-z0-9+/]*={0,2})"', members.get(name, ""))
    if found is None:
        raise WeightsError(f'"{name}" of the package holds no base64 string', _HINT)
    try:
        return base64.b64decode(found.group(1), validate=True)
    except binascii.Error as error:
        raise WeightsError(f'"{name}" of the package is not base64: {error}', _HINT) from None


def _dequantise(raw: bytes, entries: list[Any]) -> dict[str, NDArray[np.float32]]:
    """Cut `raw` into arrays as the description says; value = byte * scale + min.

    Computed in float64 and rounded once, as TensorFlow.js does.
    """
    import numpy as np

    arrays: dict[str, NDArray[np.float32]] = {}
    offset = 0
    for entry in entries:
        name, shape, scale, low = _parse_entry(entry)
        size = math.prod(shape)
        if name in arrays or offset + size > len(raw):
            problem = "is listed twice" if name in arrays else "lies beyond the end of the files"
            raise WeightsError(f'array "{name}" of the package {problem}', _HINT)
        levels = np.frombuffer(raw, np.uint8, size, offset)
        arrays[name] = (levels * scale + low).astype(np.float32).reshape(shape)
        offset += size
    if offset != len(raw):
        raise WeightsError(
            f"the package describes {offset:,} bytes of weights and holds {len(raw):,}", _HINT
        )
    return arrays


def _parse_entry(entry: Any) -> tuple[str, tuple[int, ...], float, float]:
    """Return name, shape, scale and minimum of one array's description."""
    try:
        name, shape, quantization = str(entry["name"]), entry["shape"], entry["quantization"]
        scale, low = float(quantization["scale"]), float(quantization["min"])
        whole = all(type(length) is int and length > 0 for length in shape)
        if quantization["dtype"] != "uint8" or not whole:
            raise ValueError("neither bytes nor a plain shape")
        if not (math.isfinite(scale) and math.isfinite(low)):
            raise ValueError("its scale is not finite")
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f'the description of an array of the package can\'t be used: "{entry}" ({error})'[:300],
            _HINT,
        ) from None
    return name, tuple(shape), scale, low


def _file(application: Application, request: WeightsRequest) -> Path:
    return request.folder / f"{application.name}-{PACKAGE.name}-{PACKAGE.version}.weights.h5"
