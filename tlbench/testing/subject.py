"""The backbone under examination, loaded and called the way tlbench does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.features.engines.base import BATCH, Features, Kind, Pixels
from tlbench.quiet import quiet_framework
from tlbench.specs import BackboneSpec, Preprocessing
from tlbench.testing.pictures import pictures
from tlbench.weights import ChosenWeights

TOLERANCE = 1e-3
"""Features are the same where none differs by more than this part of the root mean square of all:
networks round differently in batches of other sizes, by about 1e-6 of it."""

NUMBER = 12


@dataclass(frozen=True)
class Case:
    """What is examined: a backbone, its weights, and how another process can find it."""

    spec: BackboneSpec
    weights: ChosenWeights
    cache: Path
    name: str | None = None
    plugins: tuple[Path, ...] = ()

    @property
    def keras(self) -> bool:
        """Whether it is a Keras model, which tlbench scales and runs."""
        return self.spec.framework == "keras"

    @property
    def trained(self) -> bool:
        """Whether there are weights that were trained."""
        if self.spec.weights:
            return not self.weights.control
        return bool(self.spec.parameters)  # within the plugin itself

    @property
    def preprocessing(self) -> Preprocessing:
        """The one that goes with the weights."""
        return self.weights.preprocessing

    def images(self, number: int = NUMBER) -> list[NDArray[np.uint8]]:
        """Return colour pictures of the backbone's size."""
        return pictures(number, self.preprocessing.size)


class Subject:
    """A loaded backbone: pixels in batches of any size to features."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.model: Any = None
        if case.keras:
            with quiet_framework():
                self.model = case.spec.load(case.weights.file)
        else:
            self._extract = case.spec.load(case.weights.file)
            if not callable(self._extract):
                kind = type(self._extract).__name__
                raise TypeError(f"it returned {kind} instead of a function")
        self._graphs: dict[Kind, Any] = {}

    def call(self, pixels: Pixels) -> Any:
        """Return what the backbone makes of one batch, unchecked."""
        if not self.case.keras:
            return self._extract(pixels)
        import tensorflow as tf

        from tlbench.features.engines.tensorflow_engine import trace

        kind = Kind.of(pixels)
        with quiet_framework():
            if kind not in self._graphs:
                self._graphs[kind] = trace(self.model, self.case.preprocessing, kind)
            return np.asarray(self._graphs[kind](tf.constant(pixels)))

    def features(self, images: list[NDArray[Any]], batch: int = BATCH) -> Features:
        """Return features (n, d) of single pictures, in batches as tlbench makes them."""
        if self.case.preprocessing.size is None:
            return np.concatenate([self.call(image[None]) for image in images])
        rows = []
        for start in range(0, len(images), batch):
            part = np.stack(images[start : start + batch])
            missing = batch - len(part)
            padded = np.pad(part, [(0, missing)] + [(0, 0)] * (part.ndim - 1))
            rows.append(np.asarray(self.call(padded))[: len(part)])
        return np.concatenate(rows)


def difference(a: Features, b: Features) -> NDArray[np.float64]:
    """Return for each feature (d,) the largest difference, as part of the root mean square."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    size = float(np.sqrt((a**2).mean())) or 1.0
    found: NDArray[np.float64] = np.abs(a - b).max(axis=0) / size
    return found
