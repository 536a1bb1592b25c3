"""Which weights a run uses: the first that can be had, the one asked for, or a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.backbones import base_name
from tlbench.errors import PluginError, TlbenchError, WeightsError
from tlbench.files import file_sha256
from tlbench.progress import Progress
from tlbench.registry import unknown
from tlbench.specs import BackboneSpec, Preprocessing, WeightsRequest, WeightsSpec

AUTO = "auto"


@dataclass(frozen=True)
class ChosenWeights:
    """The weights of a run: their file, its SHA-256, and what is known of them.

    A backbone without weights has neither file nor checksum.
    """

    name: str
    title: str
    file: Path | None
    sha256: str
    preprocessing: Preprocessing
    trained_on: str = ""
    licence: str = ""
    source: str | None = None
    checksum: str | None = None
    control: bool = False
    seen: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return what a record keeps of them."""
        kept = ("name", "title", "trained_on", "licence", "source", "checksum", "sha256", "control")
        return {name: getattr(self, name) for name in kept}


def weights_request(spec: BackboneSpec, cache: Path, offline: bool, progress: Progress) -> Any:
    """Return what the weights of `spec` may use: a folder of their own within the cache."""
    # Some file systems refuse the colon of a family; layers share the weights of the whole.
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in base_name(spec))
    return WeightsRequest(cache / "weights" / name, offline, progress.say)


def is_here(
    weights: WeightsSpec, request: WeightsRequest, warn: Callable[[str], None] = lambda _line: None
) -> bool:
    """Tell whether weights are on this machine; a plugin that fails to tell costs a warning."""
    try:
        return weights.find(request) is not None
    except TlbenchError as error:
        warn(error.message)
        return False


def choose_weights(
    spec: BackboneSpec, choice: str, cache: Path, *, offline: bool, progress: Progress
) -> ChosenWeights:
    """Return the weights that `choice` means: "auto", a declared name, or a file.

    Raises `WeightsError` where they can't be had and `UnknownNameError` where nobody declares
    them; "auto" goes through the declared ones in order, without controls such as `random`.
    """
    if not spec.weights:
        if choice not in (AUTO, "none"):
            raise WeightsError(
                f'backbone "{spec.name}" has no weights to choose', "leave out --weights"
            )
        return ChosenWeights("none", "none", None, "", spec.preprocessing)
    request = weights_request(spec, cache, offline, progress)
    if choice == AUTO:
        return _first(spec, request, progress)
    for weights in spec.weights:
        if weights.name == choice:
            return _chosen(spec, weights, weights.obtain(request))
    file = Path(choice).expanduser()
    if file.is_file():
        title = f"file {file.name}"
        return ChosenWeights(
            file.name, title, file, file_sha256(file), spec.preprocessing, "not stated"
        )
    if file.suffix or "/" in choice:
        raise WeightsError(f'weights file "{choice}" does not exist', "check the path")
    raise unknown(
        f"weights of {spec.name}",
        choice,
        [AUTO, *(weights.name for weights in spec.weights)],
        f"see `tlbench show backbone {spec.name}`, or give the path of a file",
    )


def _first(spec: BackboneSpec, request: WeightsRequest, progress: Progress) -> ChosenWeights:
    failed = []
    cause = None
    for weights in spec.weights:
        if weights.control:
            continue
        try:
            file = weights.obtain(request)
        except (WeightsError, PluginError) as error:
            failed.append(f"{weights.name}: {error.message}")
            cause = error
            continue
        for line in failed:
            progress.say(f"{spec.name}: no weights {line}; taking {weights.name}")
        return _chosen(spec, weights, file)
    raise WeightsError(
        f'no pre-trained weights of "{spec.name}" can be had here: ' + "; ".join(failed),
        "give a file with --weights FILE, or take --weights random as a control",
    ) from cause


def _chosen(spec: BackboneSpec, weights: WeightsSpec, file: Path) -> ChosenWeights:
    return ChosenWeights(
        weights.name,
        weights.title,
        file,
        file_sha256(file),
        weights.preprocessing or spec.preprocessing,
        weights.trained_on,
        weights.licence,
        weights.source,
        weights.checksum,
        weights.control,
        tuple(weights.seen),
    )
