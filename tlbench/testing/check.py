"""All checks of one backbone, in order; whatever it raises becomes a failed row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from inspect import unwrap
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.backbones import find_backbone
from tlbench.environment import cache_folder
from tlbench.plugins import load_plugins
from tlbench.progress import Progress
from tlbench.specs import BackboneSpec
from tlbench.testing import child, declared, features, scale
from tlbench.testing.features import raised
from tlbench.testing.manners import Watch, check_frozen, weights_digest
from tlbench.testing.report import Check, Report
from tlbench.testing.subject import Case, Subject
from tlbench.weights import choose_weights


def run_checks(
    backbone: str | BackboneSpec,
    weights: str,
    plugins: tuple[Path, ...],
    cache: Path | None,
    *,
    offline: bool,
    progress: Progress | None,
) -> Report:
    """Return the report; see `tlbench.testing.check_backbone`."""
    progress = progress or Progress()
    case = _find(backbone, weights, plugins, cache or cache_folder(), offline, progress)
    rows = tuple(_rows(case, progress))
    return Report(case.spec.name, case.weights.name, rows)


def _find(
    backbone: str | BackboneSpec,
    weights: str,
    plugins: tuple[Path, ...],
    cache: Path,
    offline: bool,
    progress: Progress,
) -> Case:
    name = backbone if isinstance(backbone, str) else None
    if isinstance(backbone, str):
        backbone = find_backbone(load_plugins(plugins), backbone).spec
    # The host shelters calls into plugins: what it would mend or hide is what is looked for here.
    backbone = replace(backbone, load=unwrap(backbone.load))
    chosen = choose_weights(backbone, weights, cache, offline=offline, progress=progress)
    return Case(backbone, chosen, cache, name, plugins)


def _rows(case: Case, progress: Progress) -> Iterator[Check]:
    progress.say(f"checking {case.spec.name} with weights {case.weights.name}")
    watch, loaded = Watch(keras=case.keras), _Loaded()
    with watch.watching():
        first = list(_guarded("loads", lambda: loaded.load(case)))
        if loaded.subject is not None:
            first += _guarded("feature size", loaded.extract)
    yield from first
    yield from watch.checks()
    yield from _guarded("metadata", lambda: [declared.check_metadata(case)])
    yield from _guarded("checksum", lambda: [declared.check_checksum(case)])
    subject = loaded.subject
    if subject is None:
        return
    yield from _guarded("parameters", lambda: [declared.check_parameters(subject)])
    found = loaded.features
    if found is None:
        return
    yield from _guarded("finite", lambda: features.check_values(found))
    if not np.isfinite(found).all():
        return
    yield from _guarded("same twice", lambda: features.check_repeatable(subject, found))
    yield from _guarded("kinds of pixels", lambda: features.check_kinds(subject))
    progress.say("comparing input scales")
    yield from _guarded(scale.NAME, lambda: scale.check_scale(subject))
    if case.keras:
        yield from _guarded("frozen", lambda: [check_frozen(subject, loaded.digest)])
    progress.say("loading it in a fresh process, without a network")
    yield from _guarded("same in a fresh process", lambda: child.check_fresh(case, found))


class _Loaded:
    """The backbone once it is loaded, and its features once they are usable."""

    def __init__(self) -> None:
        self.subject: Subject | None = None
        self.features: Any = None
        self.digest = ""

    def load(self, case: Case) -> list[Check]:
        self.subject = Subject(case)
        if case.keras:
            self.digest = weights_digest(self.subject.model)
        return []

    def extract(self) -> list[Check]:
        assert self.subject is not None
        check, self.features = features.check_shape(self.subject)
        return [check]


def _guarded(name: str, check: Callable[[], Iterable[Check]]) -> list[Check]:
    made: list[Check] = []
    try:
        made.extend(check())
    except (Exception, SystemExit) as error:
        made.append(raised(name, error))
    return made
