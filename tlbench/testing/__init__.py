"""For plugin authors: does a backbone keep its promises? On the command line `plugins check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlbench.progress import Progress
    from tlbench.specs import BackboneSpec
    from tlbench.testing.report import Report


def check_backbone(
    backbone: str | BackboneSpec,
    *,
    weights: str = "auto",
    plugins: Sequence[Path] = (),
    cache: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Return what a backbone was found to do, check by check.

    `backbone` is a name, or a spec that no plugin offers yet; the checks in a fresh process need
    a name. `plugins` are files as with `--plugin`. Raises a `TlbenchError` only where there is
    nothing to check: an unknown name, or weights that can't be had. Whatever the backbone itself
    raises becomes a failed check.
    """
    # pytest imports this package when it starts, whether or not a test uses it.
    from tlbench.testing.check import run_checks

    return run_checks(backbone, weights, tuple(plugins), cache, offline=offline, progress=progress)
