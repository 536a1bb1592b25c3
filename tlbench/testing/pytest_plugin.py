"""What plugin authors get in their own tests: the fixture `check_backbone`.

pytest imports this when it starts, in every project: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tlbench.specs import BackboneSpec
    from tlbench.testing.report import Report


@pytest.fixture
def check_backbone() -> Callable[..., Report]:
    """Check a backbone as `tlbench plugins check` does, and fail with the report if it fails.

    Takes what `tlbench.testing.check_backbone` takes and returns the report.
    """

    def check(backbone: str | BackboneSpec, **options: Any) -> Report:
        from tlbench import testing

        report = testing.check_backbone(backbone, **options)
        if not report.passed:
            pytest.fail(str(report), pytrace=False)
        return report

    return check
