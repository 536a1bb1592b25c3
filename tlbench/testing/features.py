"""Checks of the features themselves: size, finiteness, variety, and the same ones every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tlbench.features.engines.base import Features
from tlbench.testing.pictures import grey
from tlbench.testing.report import Check, failed, passed, skipped, warned
from tlbench.testing.subject import TOLERANCE, Subject, difference

_FULL = 0.95
_HALF = 0.5
_FLAGS = 0.05
"""Up to this share of features may tell how a picture is stored, e.g. whether it is in colour."""


def check_shape(subject: Subject) -> tuple[Check, Features | None]:
    """Check type and size; return the features too, where they can be used."""
    name, declared = "feature size", subject.case.spec.feature_size
    images = subject.case.images(1 if subject.case.preprocessing.size is None else 8)
    out = subject.call(np.stack(images))
    if not isinstance(out, np.ndarray) or out.dtype.kind != "f":
        kind = f"{out.dtype} numbers" if isinstance(out, np.ndarray) else type(out).__name__
        return failed(name, f"{kind} instead of float32", "return a NumPy array of float32"), None
    if out.shape != (len(images), declared):
        seen = f"shape {out.shape} for {len(images)} pictures, {declared} features declared"
        real = out.shape[1] if out.ndim == 2 else "one number for each feature"
        return failed(name, seen, f"declare feature_size={real}, one row a picture"), None
    return passed(name, f"{declared:,}, {out.dtype}"), subject.features(subject.case.images())


def check_values(features: Features) -> Iterator[Check]:
    """Check that features (n, d) are finite, differ between pictures, and are not saturated."""
    todo = "check the weights and the scale of the input"
    bad = int((~np.isfinite(features)).sum())
    if bad:
        yield failed("finite", f"{bad:,} of {features.size:,} values are not", todo)
        return
    yield passed("finite", f"all {features.size:,} values of {len(features)} pictures")
    dead = float((features == features[0]).all(axis=0).mean())
    seen = f"{dead:.0%} of the features are the same for all {len(features)} pictures"
    if dead == 1:
        yield failed("varied", seen, todo)
    elif dead > _HALF:
        yield warned("varied", seen, f"dead features cost time and tell nothing: {todo}")
    else:
        yield passed("varied", seen)
    yield _saturation(features, todo)


def _saturation(features: Features, todo: str) -> Check:
    zero = float((features == 0).mean())
    top = float((features == features.max()).mean())
    seen = f"{zero:.0%} of the values are 0, {top:.0%} the largest one"
    if zero > _FULL or top > _HALF:
        return failed("not saturated", seen, todo)
    return passed("not saturated", seen)


def check_repeatable(subject: Subject, features: Features) -> Iterator[Check]:
    """Check that the same pictures give the same features again, and after loading again."""
    images = subject.case.images()
    todo = "seed nothing and draw nothing in `load` or while extracting: features must be fixed"
    again = float(difference(features, subject.features(images)).max())
    other = float(difference(features, Subject(subject.case).features(images)).max())
    seen = f"largest difference {again:.1g} called again, {other:.1g} loaded again"
    ok = max(again, other) <= TOLERANCE
    yield passed("same twice", seen) if ok else failed("same twice", seen, todo)
    yield _batches(subject)


def _batches(subject: Subject) -> Check:
    name = "same in batches"
    if subject.case.preprocessing.size is None:
        return skipped(name, "it takes whole radiographs, one a call")
    images = subject.case.images(32)
    whole = np.asarray(subject.call(np.stack(images)))
    worst = 0.0
    for size in (1, 3):
        part = np.asarray(subject.call(np.stack(images[:size])))
        worst = max(worst, float(difference(whole[:size], part).max()))
    seen = f"largest difference {worst:.1g} in batches of 1, 3 and 32 ({TOLERANCE:g} allowed)"
    if worst <= TOLERANCE:
        return passed(name, seen)
    return failed(name, seen, "a picture's features must not depend on others in its batch")


def check_kinds(subject: Subject) -> Iterator[Check]:
    """Check that grey, colour, 8 and 16 bit are taken, and that the same picture is the same."""
    flat = [grey(image) for image in subject.case.images()]
    base = subject.features(flat)
    kinds: dict[str, list[Any]] = {
        "grey as colour": [np.stack([image] * 3, axis=-1) for image in flat],
        "8 as 16 bit": [image.astype(np.uint16) * 257 for image in flat],
        "16 bit colour": [np.stack([image] * 3, axis=-1).astype(np.uint16) * 257 for image in flat],
    }
    todo = "divide by np.iinfo(pixels.dtype).max, and treat (n, r, c) as (n, r, c, 3) of equal ones"
    for name, images in kinds.items():
        try:
            other = subject.features(images)
        except Exception as error:
            yield raised(name, error, todo)
            continue
        if other.shape != base.shape:
            yield failed(name, f"features of shape {other.shape}, not {base.shape}", todo)
            continue
        found = difference(base, other)
        far = int((found > TOLERANCE).sum())
        seen = f"{far} of {len(found)} features differ" if far else f"the same ({found.max():.1g})"
        if far > _FLAGS * len(found):
            yield failed(name, f"{seen}, by up to {found.max():.1g} of their size", todo)
        elif far:
            yield warned(name, seen, "all right if those features say how a picture is stored")
        else:
            yield passed(name, seen)


def raised(name: str, error: BaseException, todo: str = "") -> Check:
    """Return the failed check of what raised `error`."""
    text = " ".join(str(error).split())[:200]
    seen = f"raised {type(error).__name__}" + (f": {text}" if text else "")
    return failed(name, seen, todo or "mend what raises it; `load` and extraction must not fail")
