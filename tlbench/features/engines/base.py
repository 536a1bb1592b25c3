"""What all engines share: the batch, the network to run, and how an engine is named."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import EngineError
from tlbench.specs import BackboneSpec, Preprocessing

BATCH = 8
"""Every batch has this many rows, the last one padded, so that a row's features never depend on
how many radiographs happened to be missing from the cache."""

PACKAGES: dict[str, tuple[str, ...]] = {
    "tensorflow": ("tensorflow", "keras"),
    "openvino": ("openvino", "tensorflow", "keras"),
    "onnxruntime": ("onnxruntime", "tf2onnx", "tensorflow", "keras"),
}
"""For each engine the packages it needs, its own first."""

QUANTISER = "nncf"
"""The package that makes int8 of a graph that OpenVINO runs."""

Pixels = NDArray[Any]
Features = NDArray[np.float32]


class Engine(Protocol):
    """What runs a backbone on whole batches."""

    def run(self, batches: Iterable[Pixels]) -> Iterator[Features]:
        """Yield features (BATCH, d) of each batch (BATCH, rows, columns) or (..., 3), in order.

        Batches may be taken a few ahead of what is yielded, never more.
        """
        ...


@dataclass(frozen=True)
class EngineKey:
    """All of an engine that may change features; stored in records, part of the cache's key.

    Only int8 has a `quantiser`, with its version, and a digest of the `calibration` it used.
    """

    name: str
    version: str
    precision: str
    batch: int = BATCH
    quantiser: str = ""
    calibration: str = ""

    def describe(self) -> dict[str, str]:
        """Return it as a record keeps it, without what is empty."""
        return {name: str(value) for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Kind:
    """The pixels of a batch: an engine has one graph for each kind it meets."""

    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, pixels: Pixels) -> Kind:
        """Return the kind of a batch."""
        return cls(pixels.dtype.name, pixels.shape)

    @property
    def name(self) -> str:
        """Colour and depth, e.g. grey-uint8."""
        return f"{'rgb' if len(self.shape) == 4 else 'grey'}-{self.dtype}"


@dataclass(frozen=True)
class Calibration:
    """The radiographs that the scales of int8 are taken from, in whole batches of any kind.

    `digest` stands for them and for how they are used.
    """

    digest: str
    batches: Callable[[Kind], list[Pixels]]


@dataclass(frozen=True)
class Network:
    """A backbone with its weights, and where its exported graphs are kept.

    `plugin` says in words who offers the backbone, for messages.
    """

    spec: BackboneSpec
    preprocessing: Preprocessing
    weights: Path | None
    weights_sha256: str
    plugin_sha256: str
    cache: Path
    say: Callable[[str], None] = lambda _line: None
    plugin: str = ""
    calibration: Calibration | None = None

    def folder(self, engine: str) -> Path:
        """Return the cache folder of what `engine` exports; all that decides it is in the name."""
        decides = self.describe(engine)
        digest = sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:32]
        return self.cache / "models" / digest

    def describe(self, engine: str) -> dict[str, Any]:
        """Return what the name of the folder is a digest of.

        The precision is not part of it: engines lower it when they compile the exported graph.
        """
        return {
            "backbone": self.spec.name,
            "backbone_version": self.spec.version,
            "plugin_sha256": self.plugin_sha256,
            "weights_sha256": self.weights_sha256,
            "layer": self.spec.layer,
            "preprocessing": asdict(self.preprocessing),
            "engine": engine,
            "version": version_of(engine),
            "batch": BATCH,
        }


_FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\s'\":\\/]+[\\/])*")


def version_of(engine: str) -> str | None:
    """Return the versions of an engine's packages, without importing them; None if one lacks."""
    try:
        return "/".join(importlib.metadata.version(name) for name in PACKAGES[engine])
    except importlib.metadata.PackageNotFoundError:
        return None


def engine_error(engine: str, backbone: str, error: Exception) -> EngineError:
    """Return the one line that says why an engine can't run a backbone."""
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    # It may stand in a record, where no path of a user's belongs.
    reason = _FOLDERS.sub("", reason)
    return EngineError(
        f'engine "{engine}" can\'t run backbone "{backbone}": '
        f"{reason[:200] or type(error).__name__}",
        "--engine tensorflow runs every backbone of Keras",
    )
