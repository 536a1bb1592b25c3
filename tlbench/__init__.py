"""Which pre-trained backbone to build on for a small set of radiographs, and how sure that is."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlbench.audit.findings import audit as audit
    from tlbench.compare import compare as compare
    from tlbench.errors import TlbenchError as TlbenchError
    from tlbench.errors import WeightsError as WeightsError
    from tlbench.evaluate import evaluate as evaluate
    from tlbench.hookspecs import hookimpl as hookimpl
    from tlbench.records import Record as Record
    from tlbench.report.document import make_report as make_report
    from tlbench.run import run as run
    from tlbench.run import run_seeds as run_seeds
    from tlbench.specs import BackboneFamily as BackboneFamily
    from tlbench.specs import BackboneSpec as BackboneSpec
    from tlbench.specs import DatasetSpec as DatasetSpec
    from tlbench.specs import Preprocessing as Preprocessing
    from tlbench.specs import ProtocolSpec as ProtocolSpec
    from tlbench.specs import Radiograph as Radiograph
    from tlbench.specs import WeightsSpec as WeightsSpec

__version__ = "0.1.0"

_HOMES = {
    "BackboneFamily": "tlbench.specs",
    "BackboneSpec": "tlbench.specs",
    "DatasetSpec": "tlbench.specs",
    "Preprocessing": "tlbench.specs",
    "ProtocolSpec": "tlbench.specs",
    "Radiograph": "tlbench.specs",
    "Record": "tlbench.records",
    "TlbenchError": "tlbench.errors",
    "WeightsError": "tlbench.errors",
    "WeightsSpec": "tlbench.specs",
    "audit": "tlbench.audit.findings",
    "compare": "tlbench.compare",
    "evaluate": "tlbench.evaluate",
    "hookimpl": "tlbench.hookspecs",
    "make_report": "tlbench.report.document",
    "run": "tlbench.run",
    "run_seeds": "tlbench.run",
}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604  (names, resolved when asked for)


def __getattr__(name: str) -> Any:
    # `import tlbench` costs nothing: each public name is imported when it is first used.
    if name not in _HOMES:
        raise AttributeError(f"module 'tlbench' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


class _Package(ModuleType):
    """Keeps `tlbench.run` and the like functions when the modules of those names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
