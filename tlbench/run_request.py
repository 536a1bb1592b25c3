"""What a user asks of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlbench.errors import TlbenchError
from tlbench.features.engines.choose import AUTO
from tlbench.features.extract import CACHED_AS
from tlbench.preparation import order_steps
from tlbench.registry import unknown
from tlbench.specs import DataChoice, Unit

AUDITS = ("strict", "warn", "off")
UNITS = ("image", "study", "patient")


@dataclass(frozen=True, kw_only=True)
class RunRequest(DataChoice):
    """What a user asks for; see `tlbench.run.run` for the fields.

    `unit` None is what the data set's labels belong to.
    """

    backbone: str
    protocol: str = "paper2018"
    weights: str = "auto"
    engine: str = AUTO
    precision: str = AUTO
    cached_as: str = "float32"
    prepare: tuple[str, ...] = ()
    unit: Unit | None = None
    audit: str = "strict"
    seed: int = 0
    repeats: int = 1
    level: float = 0.95
    ci: Literal["logit", "wald"] = "logit"
    results: Path = Path("results")
    cache: Path | None = None
    offline: bool = False
    skip_unreadable: bool = False
    force: bool = False


def check_request(request: RunRequest) -> None:
    """Raise `TlbenchError` for a choice that nobody offers or a number that can't be."""
    if isinstance(request.seed, bool) or not isinstance(request.seed, int) or request.seed < 0:
        raise TlbenchError(f'seed "{request.seed}" is not a whole number of 0 or more', "e.g. 0")
    repeats = request.repeats
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise TlbenchError(f'repeats "{repeats}" is not a whole number of 1 or more', "e.g. 10")
    if not 0 < request.level < 1:
        raise TlbenchError(f'level "{request.level}" does not lie between 0 and 1', "e.g. 0.95")
    if request.ci not in ("logit", "wald"):
        raise TlbenchError(f'ci "{request.ci}" is neither "logit" nor "wald"', "logit is usual")

    if request.cached_as not in CACHED_AS:
        raise unknown("cached_as", request.cached_as, list(CACHED_AS), "float32 is usual")
    order_steps(request.prepare)
    if request.audit not in AUDITS:
        raise unknown("audit", request.audit, list(AUDITS), "strict is usual")
    check_unit(request.unit)


def check_unit(unit: str | None) -> None:
    """Raise `UnknownNameError` for a unit that scores can't be of; None is the data set's own."""
    if unit not in (None, *UNITS):
        raise unknown("unit", str(unit), list(UNITS), "leave out --unit")
