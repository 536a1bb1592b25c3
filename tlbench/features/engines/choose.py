"""Which engine runs a backbone, in which precision: the user's choice, or the best one here."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tlbench.errors import EngineError
from tlbench.features.engines.base import (
    PACKAGES,
    QUANTISER,
    Engine,
    EngineKey,
    Features,
    Network,
    Pixels,
    version_of,
)
from tlbench.features.engines.graphs import failure
from tlbench.registry import unknown

AUTO = "auto"
ENGINES = (AUTO, *PACKAGES)
PRECISIONS = (AUTO, "float32", "bfloat16", "int8")
_LOWER = {"openvino": {"bfloat16", "int8"}, "tensorflow": {"bfloat16"}}
"""What each engine can run in, less than float32."""


def choose_engine(network: Network, name: str = AUTO, precision: str = AUTO) -> EngineKey:
    """Return the engine that runs `network`; "auto" is OpenVINO, or TensorFlow where a GPU is.

    Nothing is imported. Precision "auto" comes back as it is, for only the user's images can tell
    whether less than float32 will do. Raises `EngineError` for what can't be had here and
    `UnknownNameError` for what nobody offers.
    """
    check_choices(name, precision)
    if network.spec.framework == "python":
        return _python_engine(network, name, precision)
    if name == AUTO:
        name = best_engine(network)
    version = version_of(name)
    if version is None:
        raise EngineError(
            f'engine "{name}" is not installed here',
            f'install it with `pip install "tlbench[{name}]"`, or leave out --engine',
        )
    if precision == AUTO and not _gains_by_bfloat16(name):
        precision = "float32"
    if precision not in (AUTO, "float32", *_LOWER.get(name, ())):
        raise EngineError(
            f'engine "{name}" does not run in "{precision}"',
            "choose --engine openvino, or leave out --precision",
        )
    return EngineKey(name, version, precision, quantiser=_quantiser(precision))


def check_choices(name: str, precision: str) -> None:
    """Raise `UnknownNameError` for an engine or a precision that nobody offers."""
    if name not in ENGINES:
        raise unknown("engine", name, list(ENGINES), "see `tlbench doctor`")
    if precision not in PRECISIONS:
        raise unknown("precision", precision, list(PRECISIONS), "see `tlbench run --help`")


def _gains_by_bfloat16(engine: str) -> bool:
    return has_bfloat16() if engine == "openvino" else engine == "tensorflow" and has_gpu()


def best_engine(network: Network | None = None) -> str:
    """Return the engine that "auto" stands for here, and for `network` if it is given."""
    if version_of("openvino") is None or has_gpu():
        return "tensorflow"
    failed = failure(network, "openvino") if network else None
    if network and failed:
        network.say(f"{failed}; taking tensorflow")
        return "tensorflow"
    return "openvino"


def load_engine(network: Network, key: EngineKey) -> Engine:
    """Return the engine that `key` names; what it imports, it imports now or at the first batch."""
    if key.name == "python":
        return _PythonEngine(network)
    if key.name == "openvino":
        from tlbench.features.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(network, key)
    if key.name == "onnxruntime":
        from tlbench.features.engines.onnx_engine import OnnxEngine

        return OnnxEngine(network)
    from tlbench.features.engines.tensorflow_engine import TensorFlowEngine

    return TensorFlowEngine(network, key.precision)


def has_gpu() -> bool:
    """Tell whether there is a graphics processor that TensorFlow may use, without importing it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return False
    return Path("/dev/nvidia0").exists() or Path("/dev/kfd").exists()


def has_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16 itself; elsewhere it would only be slower."""
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & processor_features())


def processor_features() -> set[str]:
    """Return what the processor can do, in Linux's words; empty where the system doesn't say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    lines = (line.partition(":") for line in text.splitlines())
    flags = (value for name, _, value in lines if name.strip() in ("flags", "Features"))
    return set(next(flags, "").split())


def quantiser_version() -> str | None:
    """Return the version of what makes int8, without importing it; None if it is missing."""
    try:
        return importlib.metadata.version(QUANTISER)
    except importlib.metadata.PackageNotFoundError:
        return None


def _quantiser(precision: str) -> str:
    if precision != "int8":
        return ""
    version = quantiser_version()
    if version is None:
        raise EngineError(f'precision "int8" needs {QUANTISER}', 'pip install "tlbench[int8]"')
    return f"{QUANTISER} {version}"


class _PythonEngine:
    """Calls what a plugin's `load` returned; the plugin scales pixels itself."""

    def __init__(self, network: Network) -> None:
        network.say("loading the backbone")
        self._extract = network.spec.load(network.weights)

    def run(self, batches: Iterable[Pixels]) -> Iterator[Features]:
        """Yield whatever the plugin makes of each batch; who takes it checks it."""
        for pixels in batches:
            yield self._extract(pixels)


def _python_engine(network: Network, name: str, precision: str) -> EngineKey:
    choices: dict[str, Any] = {"engine": name, "precision": precision}
    for what, choice in choices.items():
        if choice not in (AUTO, "float32"):
            raise EngineError(
                f'backbone "{network.spec.name}" can\'t be run with {what} "{choice}": it is '
                "plain Python",
                f"leave out --{what}",
            )
    return EngineKey("python", "1", "float32")
