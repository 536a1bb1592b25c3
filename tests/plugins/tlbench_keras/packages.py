"""Small npm packages, made in memory."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

MODEL = "dist/models/inception_v3/"


def make_package(
    files: Mapping[str, str], *, name: str = "nsfwjs", scripts: Mapping[str, str] | None = None
) -> bytes:
    """Return a tarball with `files` beside the package's `package.json`."""
    about = {"name": name, "version": "1.0.0", "scripts": dict(scripts or {})}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path, text in {"package.json": json.dumps(about), **files}.items():
            content = text.encode()
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def make_model(entries: list[dict[str, Any]], *parts: bytes) -> dict[str, str]:
    """Return the files of a model as its package has them: a description and base64 modules."""
    names = [f"group1-shard{number}of{len(parts)}" for number in range(1, len(parts) + 1)]
    manifest = [{"paths": names, "weights": entries}]
    literal = json.dumps({"modelTopology": {}, "weightsManifest": manifest}, separators=(",", ":"))
    files = {f"{MODEL}model.min.js": _module(literal)}
    for name, part in zip(names, parts, strict=True):
        files[f"{MODEL}{name}.min.js"] = _module(f'"{base64.b64encode(part).decode()}"')
    return files


def make_entry(name: str, shape: list[int], scale: float = 1.0, low: float = 0.0) -> dict[str, Any]:
    quantization = {"min": low, "scale": scale, "dtype": "uint8"}
    return {"name": name, "shape": shape, "dtype": "float32", "quantization": quantization}


def _module(value: str) -> str:
    return (
        "!function(a){module.exports=a()}(function(){var c=i[o]={exports:{}};"
        f"return c.exports}}({{1:[function(a,n,i){{n.exports={value}}},{{}}]}},{{}},[1])(1)}});"
    )
