"""Intel's libraries, imported so that they can't report their use."""

from __future__ import annotations

import logging
import sys
from typing import Any

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """Return the module `openvino`, unable to report its use.

    Merely importing it sends an event to its makers, unless the package that does so is missing.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]
    import openvino

    return openvino


def import_nncf() -> Any:
    """Return the module `nncf`, unable to report its use.

    It would report every graph it quantises; and importing it changes what Python's `logging`
    makes loggers of, which is put back.
    """
    if "nncf" in sys.modules:
        return sys.modules["nncf"]
    loggers, absent = logging.getLoggerClass(), object()
    kept: Any = sys.modules.get(_TELEMETRY, absent)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        import nncf
    finally:
        logging.setLoggerClass(loggers)
        if kept is absent:
            del sys.modules[_TELEMETRY]
        else:
            sys.modules[_TELEMETRY] = kept
    return nncf
