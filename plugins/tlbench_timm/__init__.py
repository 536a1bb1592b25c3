"""Every model of the library timm as a backbone: `timm:NAME`, run by PyTorch.

Listing imports nothing heavy: timm and PyTorch are imported when a model is asked for.
"""

from __future__ import annotations

from tlbench.hookspecs import hookimpl
from tlbench.specs import BackboneFamily, BackboneSpec


def _make(argument: str) -> BackboneSpec:
    from tlbench_timm.family import make

    return make(argument)


@hookimpl
def tlbench_register_families() -> list[BackboneFamily]:
    """Return the family `timm`."""
    return [
        BackboneFamily(
            name="timm",
            title="any model of timm, run by PyTorch",
            argument="NAME",
            make=_make,
            packages=("timm", "torch", "torchvision"),
            install='pip install "tlbench[timm]"',
        )
    ]
