"""The hooks a plugin may implement; each takes little and returns what it offers."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from tlbench.specs import BackboneFamily, BackboneSpec, DatasetSpec, ProtocolSpec, RunFinished

hookspec = pluggy.HookspecMarker("tlbench")
hookimpl = pluggy.HookimplMarker("tlbench")


@hookspec
def tlbench_register_backbones() -> Iterable[BackboneSpec]:  # type: ignore[empty-body]
    """Return the backbones this plugin offers."""


@hookspec
def tlbench_register_families() -> Iterable[BackboneFamily]:  # type: ignore[empty-body]
    """Return the families of backbones this plugin makes on demand, such as `onnx:FILE`."""


@hookspec
def tlbench_register_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Return the data sets this plugin can read."""


@hookspec
def tlbench_register_protocols() -> Iterable[ProtocolSpec]:  # type: ignore[empty-body]
    """Return the protocols this plugin defines."""


@hookspec
def tlbench_run_finished(event: RunFinished) -> None:
    """Observe a finished run; a failure here is reported and never fails the run."""
