"""An ONNX model opened by ONNX Runtime: from pixels to features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import WeightsError
from tlbench.specs import Preprocessing
from tlbench_onnx.settings import Settings

_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
_COLOURS = (1, 3)


@dataclass(frozen=True)
class Input:
    """The one input of an image model; `batch` is None where it takes any number of images."""

    name: str
    dtype: Any
    batch: int | None
    size: tuple[int, int]
    layout: str
    colours: int

    @classmethod
    def of(cls, session: Any, settings: Settings, file: Path) -> Input:
        """Return the input of `session`; raises `WeightsError` where it isn't one image."""
        inputs = session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(each.name for each in inputs[:5])
            raise WeightsError(
                f'"{file}" has {len(inputs)} inputs ({names}), not one image', "use another model"
            )
        (node,) = inputs
        shape = list(node.shape)
        if node.type not in _DTYPES or len(shape) != 4:
            kind = node.type.removeprefix("tensor(").removesuffix(")")
            raise WeightsError(
                f'the input "{node.name}" of "{file}" is {kind} of {len(shape)} axes, not an image',
                "tlbench runs models whose input is a batch of images, with 4 axes",
            )
        layout = settings.layout or _layout(shape, file)
        colour, rows, columns = (1, 2, 3) if layout == "NCHW" else (3, 1, 2)
        colours = shape[colour] if _fixed(shape[colour]) else 3
        if colours not in _COLOURS:
            raise WeightsError(
                f'the input "{node.name}" of "{file}" has {colours} channels in layout {layout}',
                "an image has 1 or 3: state the right layout in the TOML file",
            )
        size = _size((shape[rows], shape[columns]), settings, file)
        batch = shape[0] if _fixed(shape[0]) else None
        return cls(node.name, _DTYPES[node.type], batch, size, layout, colours)


class Model:
    """Runs a session on pixels, in batches of the size that it takes."""

    def __init__(self, session: Any, node: Input, name: str, settings: Settings) -> None:
        self._session = session
        self._input = node
        self._name = name
        self._settings = settings
        self._output = session.get_outputs()[0].name
        self._tables: dict[str, NDArray[Any]] = {}

    def probe(self) -> int:
        """Return the number of features, found by running a blank image.

        Raises `WeightsError` where the model can't be run or its output makes no vector.
        """
        node = self._input
        shape = [node.batch or 1, *node.size]
        shape.insert(1 if node.layout == "NCHW" else 3, node.colours)
        return int(self._run(np.zeros(shape, node.dtype)).shape[1])

    def extractor(self, preprocessing: Preprocessing) -> Any:
        """Return the function from pixels to float32 features that a backbone's `load` owes."""

        def extract(pixels: NDArray[Any]) -> NDArray[np.float32]:
            images = self._scaled(pixels, preprocessing)
            batch = self._input.batch or len(images)
            missing = -len(images) % batch
            if missing:
                images = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
            parts = [self._run(images[at : at + batch]) for at in range(0, len(images), batch)]
            return np.concatenate(parts)[: len(pixels)]

        return extract

    def _run(self, images: NDArray[Any]) -> NDArray[np.float32]:
        try:
            (out,) = self._session.run([self._output], {self._input.name: images})
        except Exception as error:  # whatever the runtime raises, it can't run this model
            raise WeightsError(
                f'"{self._name}" can\'t be run: {first_line(error)}', "export the model anew"
            ) from error
        return self._pooled(np.asarray(out), len(images))

    def _pooled(self, out: NDArray[Any], images: int) -> NDArray[np.float32]:
        """Return features (n, d) of an output (n, d), (n, tokens, d) or of maps with 4 axes."""
        pooling = self._settings.pooling
        if out.dtype.kind != "f" or out.ndim < 2 or len(out) != images:
            raise self._unfit(out, "not numbers for each image", "state another output")
        if out.ndim == 2 or pooling == "none":
            out = out.reshape(images, -1)
        elif out.ndim == 3:
            if pooling is None:
                hint = 'add pooling = "average" (over all tokens) or "first" (the class token)'
                raise self._unfit(out, "tokens of which it isn't said how they are pooled", hint)
            out = out[:, 0] if pooling == "first" else out.mean(axis=1, dtype=np.float64)
        elif out.ndim == 4 and pooling != "first":
            axes = (2, 3) if self._maps_layout(out) == "NCHW" else (1, 2)
            out = out.mean(axis=axes, dtype=np.float64)
        else:
            hint = 'add pooling = "none", or state another output'
            raise self._unfit(out, f'which "{pooling or "average"}" does not pool', hint)
        return np.ascontiguousarray(out, dtype=np.float32)

    def _maps_layout(self, out: NDArray[Any]) -> str:
        """Tell where the channels of maps are; a converter may have moved them from the input's."""
        if self._settings.output_layout:
            return self._settings.output_layout
        first, last = out.shape[2] == out.shape[3], out.shape[1] == out.shape[2]
        if first == last:
            hint = 'add output_layout = "NCHW" or "NHWC"'
            raise self._unfit(out, "in which channels can't be told from rows", hint)
        return "NCHW" if first else "NHWC"

    def _unfit(self, out: NDArray[Any], what: str, hint: str) -> WeightsError:
        shape = "×".join(map(str, out.shape))
        return WeightsError(
            f'the output "{self._output}" of "{self._name}" is {out.dtype} of {shape}, {what}', hint
        )

    def _scaled(self, pixels: NDArray[Any], preprocessing: Preprocessing) -> NDArray[Any]:
        """Return pixels as the model wants them, looked up in a table of all their values."""
        node = self._input
        if pixels.ndim == 4 and node.colours == 1:
            grey = pixels.mean(axis=3)
            pixels = np.rint(grey, out=grey).astype(pixels.dtype)
        table = self._table(pixels.dtype, preprocessing)
        order = range(3) if preprocessing.channels == "rgb" else range(2, -1, -1)
        out = np.empty((len(pixels), node.colours, *pixels.shape[1:3]), node.dtype)
        for channel, source in zip(range(node.colours), order, strict=False):
            plane = pixels if pixels.ndim == 3 else pixels[..., source]
            out[:, channel] = table[channel][plane]
        return out if node.layout == "NCHW" else np.ascontiguousarray(np.moveaxis(out, 1, 3))

    def _table(self, dtype: Any, preprocessing: Preprocessing) -> NDArray[Any]:
        if dtype.name not in self._tables:
            white = np.iinfo(dtype).max
            low, high = preprocessing.scale
            scaled = low + np.arange(white + 1) / white * (high - low)
            mean, std = (
                np.array(each)[:, None] for each in (preprocessing.mean, preprocessing.std)
            )
            table = (scaled - mean) / std
            if self._input.dtype is np.uint8:
                table = np.rint(table)
            self._tables[dtype.name] = table.astype(self._input.dtype)
        return self._tables[dtype.name]


def first_line(error: Exception) -> str:
    """Return what ONNX Runtime says, without the number it begins with."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.rpartition(" : ")[2][:200] if text.startswith("[ONNXRuntimeError]") else text[:200]


def _fixed(side: Any) -> bool:
    return isinstance(side, int) and side > 0


def _layout(shape: list[Any], file: Path) -> str:
    first, last = shape[1] in _COLOURS, shape[3] in _COLOURS
    if first == last:
        sides = "×".join(str(side) for side in shape)
        raise WeightsError(
            f'the input of "{file}" is {sides}, which does not tell channels from rows',
            f'write layout = "NCHW" or "NHWC" into "{file.with_suffix(".toml").name}"',
        )
    return "NCHW" if first else "NHWC"


def _size(sides: tuple[Any, Any], settings: Settings, file: Path) -> tuple[int, int]:
    stated = settings.size or sides
    if not all(map(_fixed, stated)):
        raise WeightsError(
            f'"{file}" leaves the size of its input open',
            f'write size = [rows, columns] into "{file.with_suffix(".toml").name}"',
        )
    if any(_fixed(side) and side != want for side, want in zip(sides, stated, strict=True)):
        wants = "×".join(map(str, sides))
        raise WeightsError(
            f'"{file}" takes images of {wants}, not of {stated[0]}×{stated[1]}',
            "leave out size in the TOML file",
        )
    return stated
