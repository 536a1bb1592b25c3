"""From the name of a file to a backbone: `make` is what stands behind `onnx:FILE`."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Any

from tlbench.errors import WeightsError
from tlbench.quiet import quiet_framework
from tlbench.registry import unknown
from tlbench.specs import BackboneSpec, Preprocessing, WeightsRequest, WeightsSpec
from tlbench_onnx.graph import Graph, read_graph, with_output
from tlbench_onnx.model import Input, Model, first_line
from tlbench_onnx.settings import Settings, read_settings

_LARGEST = 2**31 - 1
"""A protocol buffer can't be larger, so no ONNX file is."""


def make(argument: str) -> BackboneSpec:
    """Return the backbone that an ONNX file, or a TOML file naming one, describes.

    Raises `WeightsError` for a file that is missing, damaged, no image model, or silent about how
    its pixels are scaled. The model is opened here, once, for only running it tells how many
    features it makes.
    """
    given = Path(argument).expanduser()
    settings_file = given.with_suffix(".toml")
    settings, file = _locate(given, settings_file)
    content = _read(file)
    graph = _parse(content, file)
    wanted = _wanted_output(graph, settings, file, settings_file)
    if wanted not in graph.outputs or len(graph.outputs) > 1:
        content = with_output(content, wanted)
    session = _open(content, file, graph)
    node = Input.of(session, settings, file)
    preprocessing = _preprocessing(node, settings, file, settings_file)
    model = Model(session, node, file.name, settings)
    size = model.probe()

    def load(weights: Path | None) -> Any:
        if weights != file:
            raise WeightsError(
                f'the weights of "onnx:{given.stem}" are the file itself, not "{weights}"',
                "leave out --weights, or give that file as --backbone onnx:FILE",
            )
        return model.extractor(preprocessing)

    return BackboneSpec(
        name=f"onnx:{given.stem}",
        title=settings.title or file.name,
        feature_size=size,
        preprocessing=preprocessing,
        load=load,
        weights=(_weights(file, settings),),
        reference=settings.reference or "",
        licence=settings.licence or "not stated",
        version=_version(wanted, node, settings, graph, file),
        layer=settings.output,
    )


def _locate(given: Path, settings_file: Path) -> tuple[Settings, Path]:
    """Return what is stated and the ONNX file, given either of the two files."""
    _check_there(given)
    settings = read_settings(settings_file) if settings_file.is_file() else Settings()
    file = given
    if given.suffix == ".toml":
        file = given.parent / (settings.model or given.with_suffix(".onnx").name)
        _check_there(file)
    elif settings.model not in (None, given.name):
        raise WeightsError(
            f'"{settings_file}" is about "{settings.model}", not about "{given.name}"',
            "rename one of them",
        )
    return settings, file


def _check_there(file: Path) -> None:
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise WeightsError(f'file "{file}" {what}', "write onnx:FILE.onnx, or onnx:FILE.toml")


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _LARGEST:
            raise WeightsError(
                f'"{file}" is larger than 2 GB, which no ONNX file can be',
                "export the model with its weights in a file beside it",
            )
        return file.read_bytes()
    except OSError as error:
        raise WeightsError(
            f'"{file}" can\'t be read: {error.strerror or error}', "check its permissions"
        ) from error


def _parse(content: bytes, file: Path) -> Graph:
    try:
        graph = read_graph(content)
    except ValueError as error:
        raise WeightsError(
            f'"{file}" is no whole ONNX model: {error}', "copy or export it again"
        ) from error
    for part in graph.parts:
        beside = file.parent / part
        if Path(part).is_absolute() or ".." in Path(part).parts:
            raise WeightsError(
                f'"{file}" keeps weights in "{part}", outside its folder', "export it again"
            )
        if not beside.is_file():
            raise WeightsError(
                f'"{file}" keeps weights in "{part}", which is missing', f'copy it to "{beside}"'
            )
    return graph


def _wanted_output(graph: Graph, settings: Settings, file: Path, settings_file: Path) -> str:
    if settings.output is None and len(graph.outputs) == 1:
        return graph.outputs[0]
    if settings.output is None:
        raise WeightsError(
            f'"{file}" has {len(graph.outputs)} outputs: {", ".join(graph.outputs[:8])}',
            f'write output = "NAME" into "{settings_file.name}"',
        )
    if settings.output not in graph.tensors:
        last = ", ".join(graph.tensors[-4:])
        raise unknown(
            f'output of "{file.name}"', settings.output, graph.tensors, f"its last ones are {last}"
        )
    return settings.output


def _open(content: bytes, file: Path, graph: Graph) -> Any:
    import onnxruntime

    if hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()  # builds for Windows report their use otherwise
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if graph.parts:
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(file.resolve().parent)
        )
    try:
        with quiet_framework():
            return onnxruntime.InferenceSession(
                content, sess_options=options, providers=["CPUExecutionProvider"]
            )
    except Exception as error:  # whatever the runtime raises, it can't open this model
        raise WeightsError(
            f'ONNX Runtime can\'t open "{file}": {first_line(error)}', "export the model anew"
        ) from error


def _preprocessing(
    node: Input, settings: Settings, file: Path, settings_file: Path
) -> Preprocessing:
    if settings.scale is None:
        raise WeightsError(
            f'"{file.name}" doesn\'t say what black and white become before it sees them',
            f'write scale = [0, 1] or scale = [-1, 1], and its mean and std, into "{settings_file}"'
            ': see "ONNX files" in plugins/README.md',
        )
    for name in ("mean", "std"):
        stated = getattr(settings, name)
        if stated and len(stated) not in (1, node.colours):
            raise WeightsError(
                f'{name} in "{settings_file}" is for {len(stated)} channels, and '
                f'"{file.name}" has {node.colours}',
                "give one number, or one for each channel",
            )
    low, high = settings.scale
    mean, std = _three(settings.mean or (0.0,)), _three(settings.std or (1.0,))
    if node.dtype.__name__ == "uint8" and (low, high, mean, std) != (0, 255, (0,) * 3, (1,) * 3):
        raise WeightsError(
            f'"{file.name}" takes whole numbers from 0 to 255, and scales them itself',
            f'write scale = [0, 255] into "{settings_file}", without mean and std',
        )
    return Preprocessing(node.size, (low, high), mean, std, settings.channels)


def _three(numbers: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = numbers * 3 if len(numbers) == 1 else numbers
    return red, green, blue


def _weights(file: Path, settings: Settings) -> WeightsSpec:
    def find(_request: WeightsRequest) -> Path | None:
        return file if file.is_file() else None

    def obtain(_request: WeightsRequest) -> Path:
        _check_there(file)
        return file

    return WeightsSpec(
        name="file",
        title=file.name,
        trained_on=settings.trained_on or "not stated",
        licence=settings.licence or "not stated",
        obtain=obtain,
        find=find,
        size=file.stat().st_size,
    )


def _version(output: str, node: Input, settings: Settings, graph: Graph, file: Path) -> str:
    """Return all that decides features beside the file and its preprocessing: the cache needs it.

    Weights in further files stand here with their SHA-256, for the record has room for one file.
    """
    words = [
        f"onnxruntime {importlib.metadata.version('onnxruntime')}",
        f"output {output}",
        f"pooling {settings.pooling or 'as its shape says'}",
        f"layout {node.layout}, {settings.output_layout or 'as its shape says'}",
    ]
    for part in graph.parts:
        with (file.parent / part).open("rb") as stream:
            words.append(f"{part} {hashlib.file_digest(stream, 'sha256').hexdigest()}")
    return "; ".join(words)
