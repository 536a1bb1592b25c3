"""Any image model in an ONNX file as a backbone: `onnx:FILE`, run by ONNX Runtime.

Listing imports nothing heavy: a file is opened when it is asked for.
"""

from __future__ import annotations

from tlbench.hookspecs import hookimpl
from tlbench.specs import BackboneFamily, BackboneSpec


def _make(argument: str) -> BackboneSpec:
    from tlbench_onnx.family import make

    return make(argument)


@hookimpl
def tlbench_register_families() -> list[BackboneFamily]:
    """Return the family `onnx`."""
    return [
        BackboneFamily(
            name="onnx",
            title="any ONNX image model",
            argument="FILE",
            make=_make,
            packages=("onnxruntime",),
            install='pip install "tlbench[onnx]"',
        )
    ]
