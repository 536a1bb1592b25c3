"""The oracle: cases with expected values from independent programs, kept beside the repository.

`TLBENCH_SHARED` names the folder that holds `oracle/`; by default it is `shared` next to the
repository. Where it is missing the tests that need it are skipped.
"""

import base64
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TLBENCH_SHARED", ROOT.parent / "shared"))
CASES = SHARED / "oracle" / "cases"
LEVELS = ("0.90", "0.95", "0.99")

Tolerance = tuple[float, float]  # absolute, relative: either is enough
# The oracle's own suggestions.
AUC: Tolerance = (1e-12, 0.0)
VARIANCE: Tolerance = (0.0, 1e-10)
LIMIT: Tolerance = (1e-10, 0.0)
COVARIANCE: Tolerance = (1e-13, 0.0)
Z: Tolerance = (1e-7, 0.0)
P: Tolerance = (1e-7, 1e-6)
CLOPPER_PEARSON: Tolerance = (1e-9, 0.0)
CLOSED_FORM: Tolerance = (1e-10, 0.0)
REGRESSION: Tolerance = (1e-6, 0.0)
COUNT: Tolerance = (0.0, 0.0)


def case_names() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.json"))


@cache
def load_case(name: str) -> dict[str, Any]:
    case: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    if case["encoding"] == "packed":
        packed = case["packed"]
        case["labels"] = _unpack(packed["labels"])
        case["scores"] = {
            key: [value / packed["divisor"] for value in _unpack(text)]
            for key, text in packed["scores"].items()
        }
    case["scores"] = {key: [float(v) for v in row] for key, row in case["scores"].items()}
    return case


def _unpack(text: str) -> list[int]:
    raw = zlib.decompress(base64.b64decode(text))
    return list(struct.unpack(f"<{len(raw) // 4}i", raw))


def number(value: Any) -> Any:
    """Return an expected number: "NaN" and null mean that the program had none."""
    return (
        {"NaN": None, "Inf": float("inf"), "-Inf": float("-inf")}.get(value, value)
        if isinstance(value, str)
        else value
    )


Quantity = tuple[str, str, str, Any, Tolerance]  # case, subject, key, expected, tolerance


def parametrise(quantities: Callable[[str], Iterator[Quantity]]) -> pytest.MarkDecorator:
    """Parametrise a test with every quantity of every case, or with one that is skipped."""
    found = [
        pytest.param(case, subject, key, expected, tolerance, id=f"{case}-{subject}-{key}")
        for name in case_names()
        for case, subject, key, expected, tolerance in quantities(name)
    ]
    if not found:
        skip = pytest.mark.skip(reason=f"no oracle cases in {CASES}; set TLBENCH_SHARED")
        found = [pytest.param("", "", "", None, COUNT, marks=skip, id="no-oracle")]
    return pytest.mark.parametrize(("case", "subject", "key", "expected", "tolerance"), found)


def assert_close(actual: Any, expected: Any, tolerance: Tolerance) -> None:
    """Assert that a number, a list of numbers, or None is the expected one."""
    if isinstance(expected, list | tuple):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_close(one, other, tolerance)
        return
    wanted = number(expected)
    if wanted is None or actual is None:
        assert actual is None
        assert wanted is None
        return
    if actual == wanted:
        return
    absolute, relative = tolerance
    assert abs(actual - wanted) <= max(absolute, relative * abs(wanted))
