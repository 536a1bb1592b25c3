"""Controls: what can be told from a radiograph without looking at what it shows."""

from __future__ import annotations

from pathlib import Path

from tlbench.hookspecs import hookimpl
from tlbench.specs import BackboneSpec, Preprocessing

_SIZE = 48
"""The histogram's 32 bins, 10 numbers on brightness, 6 on size and colour."""


def _load(_file: Path | None) -> object:
    from tlbench_controls.image_statistics import describe_images

    return describe_images


@hookimpl
def tlbench_register_backbones() -> list[BackboneSpec]:
    """Return the control `image_statistics`."""
    return [
        BackboneSpec(
            name="image_statistics",
            title="Image statistics (histogram, moments, size; no network)",
            feature_size=_SIZE,
            preprocessing=Preprocessing(size=None),
            load=_load,
            parameters=0,
            reference="tlbench's own",
            licence="Apache-2.0",
            control=True,
        )
    ]
