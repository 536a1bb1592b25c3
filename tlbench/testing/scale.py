"""Is the input on the scale that a network was trained with?

Nothing fails when it is not: features are merely worse. Three things give it away.

A layer of the network that rescales again: the pictures that leave it have hardly any contrast.

Batch normalisation: it keeps mean and variance of what reached it in training. With photographs on
the right scale much the same arrives, with any other something else. The distance is Kullback and
Leibler's from the kept to the found normal distribution, averaged over the channels of the first
such layer. Measured on a trained network of 94 convolutions, over three draws of 16 pictures: 0.04
to 0.05 on its own scale, 0..1; 0.23 to 0.25 with red and blue swapped, 1.4 to 1.6 for -1..1, more
for all others. A scale is held to be wrong where another one is at least twice as near (`CLOSER`;
2 is about the root of the least ratio, 4.7), and where it is itself farther off than `NEAR`.
Where each colour's mean is subtracted, swapped colours hardly change anything: that is said.

The response, for all other networks. Scaled down twice, every picture is nearly black to the
network: features differ from those of black by 0.10 of their norm instead of 0.99. Not scaled down
at all, biases no longer count: half the brightness gives half the features (to 0.05 of their norm
instead of 0.78), as it does in a linear function, which however adds pictures up too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.features.engines.base import Features
from tlbench.specs import Preprocessing
from tlbench.testing.pictures import MEAN, SD
from tlbench.testing.report import Check, failed, passed, skipped, warned
from tlbench.testing.subject import Subject

NAME = "input scale"
CLOSER = 2.0
NEAR = 0.1
FAR = 1.0
"""Above this distance, with no scale nearer, nothing fits what the network was trained with."""
CONTRAST = 0.02
"""Photographs scaled once have a standard deviation of 0.2 or more, scaled twice 0.004 or less."""
BLACK = 0.3
HALVED = 0.2
ADDED = 0.005
"""Linear functions add up to 1e-4, networks without biases were seen to miss by 0.05."""
_PICTURES = 16
_TODO = "state the scale the weights were trained with in their `preprocessing`"


class _EnoughSeenError(Exception):
    """Ends a forward pass at the layer that was waited for."""


def check_scale(subject: Subject) -> Iterator[Check]:
    """Tell the declared input scale from wrong ones; what can't be judged is said."""
    if not subject.case.keras:
        yield _response(subject)
        return
    twice = _rescaled_again(subject)
    if twice is not None:
        yield twice
    elif not subject.case.trained:
        yield skipped(NAME, "only weights that were trained know a scale")
    else:
        yield _normalisation(subject) or _response(subject)


def scaled(pixels: NDArray[np.uint8], rule: Preprocessing) -> NDArray[np.float32]:
    """Return colour pixels (n, rows, columns, 3) as `rule` hands them to a network."""
    low, high = rule.scale
    values = pixels.astype(np.float32) * ((high - low) / 255) + low
    if rule.channels == "bgr":
        values = values[..., ::-1]
    result: NDArray[np.float32] = ((values - np.array(rule.mean)) / np.array(rule.std)).astype("f4")
    return result


def common_scales(size: tuple[int, int] | None) -> dict[str, Preprocessing]:
    """Return the scales that networks are trained with, by their names."""
    rules: dict[str, dict[str, Any]] = {
        "0..1": {"scale": (0.0, 1.0)},
        "-1..1": {"scale": (-1.0, 1.0)},
        "0..255": {"scale": (0.0, 255.0)},
        "-127.5..127.5": {"scale": (-127.5, 127.5)},
        "0..1, ImageNet's mean and deviation": {"mean": MEAN, "std": SD},
        "0..255, ImageNet's mean": {
            "scale": (0.0, 255.0),
            "mean": tuple(round(255 * m, 3) for m in MEAN),
        },
    }
    made = {}
    for name, rule in rules.items():
        made[name] = Preprocessing(size, **rule)
        # Mean and deviation are given in the order of the channels.
        turned = {key: value[::-1] if len(value) == 3 else value for key, value in rule.items()}
        made[f"{name}, blue first"] = Preprocessing(size, **turned, channels="bgr")
    return made


def distances(model: Any, pixels: NDArray[np.uint8], rules: list[Preprocessing]) -> list[float]:
    """Return how far, on each scale, the first batch normalisation is from what it was trained on.

    Empty where the network has none, or one that was never trained.
    """
    layers = [each for each in _layers(model) if type(each).__name__ == "BatchNormalization"]
    found = []
    for rule in rules if layers else ():
        seen: list[tuple[Any, NDArray[Any]]] = []
        with _listening(layers, seen, stop=True), suppress(_EnoughSeenError):
            model(scaled(pixels, rule), training=False)
        if not seen:
            return []
        layer, values = seen[0]
        mean, variance = (np.asarray(v) for v in (layer.moving_mean, layer.moving_variance))
        if not mean.any() and (variance == 1).all():
            return []
        axis = layer.axis[0] if isinstance(layer.axis, (list, tuple)) else layer.axis
        rows = np.moveaxis(values, axis, -1).reshape(-1, values.shape[axis]).astype(np.float64)
        # Channels that are always off have no variance: the layer's own epsilon is their floor.
        ratio = (rows.var(axis=0) + layer.epsilon) / (variance + layer.epsilon)
        shift = (rows.mean(axis=0) - mean) ** 2 / (variance + layer.epsilon)
        found.append(float(np.mean(0.5 * (ratio - 1 - np.log(ratio) + shift))))
    return found


def _normalisation(subject: Subject) -> Check | None:
    declared = subject.case.preprocessing
    others = {name: r for name, r in common_scales(declared.size).items() if r != declared}
    pixels = np.stack(subject.case.images(_PICTURES))
    found = distances(subject.model, pixels, [declared, _turned(declared), *others.values()])
    if not found:
        return None
    own, turned, *rest = found
    least, nearest = min(zip(rest, others, strict=True))
    seen = f"distance {own:.2g} from what the first batch normalisation was trained on"
    if own > NEAR and least * CLOSER < own:
        return failed(NAME, f"{seen}; {least:.2g} for {nearest}", f"{_TODO}; it fits {nearest}")
    if own > FAR:
        return warned(NAME, f"{seen}, nor does a common scale fit better", _TODO)
    told = "" if turned > CLOSER * own else "; whether red or blue comes first can't be told"
    return passed(NAME, f"{seen}; {least:.2g} for the nearest other scale{told}")


def _turned(rule: Preprocessing) -> Preprocessing:
    """Return the same scale with red and blue swapped."""
    order: Literal["rgb", "bgr"] = "rgb" if rule.channels == "bgr" else "bgr"
    return replace(rule, mean=rule.mean[::-1], std=rule.std[::-1], channels=order)


def _rescaled_again(subject: Subject) -> Check | None:
    """Find contrast that is lost in layers at the network's entrance."""
    layers = [
        each
        for each in _layers(subject.model)
        if type(each).__name__ in ("Rescaling", "Normalization")
    ]
    if not layers:
        return None
    seen: list[tuple[Any, NDArray[Any]]] = []
    pixels = np.stack(subject.case.images(4))
    with _listening(layers, seen, stop=False):
        subject.model(scaled(pixels, subject.case.preprocessing), training=False)
    # Those further in scale something else than pictures.
    last = next((each for each in reversed(seen) if each[1].shape == pixels.shape), None)
    if last is None:
        return None
    contrast = float(np.std(np.asarray(last[0](last[1]))))
    if contrast >= CONTRAST:
        return None
    return failed(
        NAME,
        f'layer "{last[0].name}" scales again what is scaled already: contrast {contrast:.1g} left',
        "declare scale=(0.0, 255.0), as the network scales by itself, or leave that layer out",
    )


def _response(subject: Subject) -> Check:
    """Judge the scale from outside, by black and by half the brightness."""
    images = [image.astype(np.uint16) * 257 for image in subject.case.images(_PICTURES // 2)]
    whole = subject.features(images)
    black = _away(whole, subject.features([image * 0 for image in images]))
    halved = _away(whole, 2 * subject.features([image // 2 for image in images]))
    seen = f"a black picture differs by {black:.2f} of the features' norm"
    if black < BLACK:
        todo = "check that pixels are not scaled twice: all are nearly black"
        return failed(NAME, seen, todo) if subject.case.trained else warned(NAME, seen, todo)
    if halved < HALVED and not _adds_up(subject, images, whole):
        seen = f"half the brightness gives half the features, to {halved:.2f} of their norm"
        todo = "check that pixels are scaled at all: biases no longer count"
        if subject.case.trained:
            return failed(NAME, seen, todo)
    if not subject.case.trained:
        return passed(NAME, f"{seen}; nothing was trained with any scale")
    return passed(
        NAME, f"{seen}, one half as bright by {halved:.2f} from half; small errors would not show"
    )


def _adds_up(subject: Subject, images: list[NDArray[Any]], whole: Features) -> bool:
    """Tell whether a picture and its negative make white, as in a linear function."""
    negative = subject.features([65535 - image for image in images])
    white = subject.features([image * 0 + 65535 for image in images])
    return _away(white, whole + negative) < ADDED


def _away(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the mean distance of rows that belong together, as part of the norm of the first."""
    norms = np.linalg.norm(a, axis=1)
    return float((np.linalg.norm(a - b, axis=1) / np.where(norms > 0, norms, 1)).mean())


def _layers(model: Any) -> list[Any]:
    """Return all layers, those of networks within the network too."""
    inner = [layer for layer in getattr(model, "layers", ()) if layer is not model]
    return [each for layer in inner for each in (layer, *_layers(layer))]


@contextmanager
def _listening(
    layers: list[Any], seen: list[tuple[Any, NDArray[Any]]], *, stop: bool
) -> Iterator[None]:
    """Note what each layer is called with; with `stop`, end the forward pass at the first."""
    for layer in layers:

        def call(
            inputs: Any, *args: Any, _layer: Any = layer, _call: Any = layer.call, **options: Any
        ) -> Any:
            seen.append((_layer, np.asarray(inputs)))
            if stop:
                raise _EnoughSeenError
            return _call(inputs, *args, **options)

        layer.call = call
    try:
        yield
    finally:
        for layer in layers:
            del layer.call
