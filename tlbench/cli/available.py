"""`--backbone all-available`: every backbone that can be run here and now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tlbench.backbones import missing_packages
from tlbench.cli.apart import call_apart
from tlbench.cli.options import ALL
from tlbench.cli.output import ConsoleProgress, print_line, print_warning
from tlbench.errors import TlbenchError
from tlbench.plugins import PluginHost, load_plugins
from tlbench.progress import Progress
from tlbench.weights import AUTO, choose_weights, is_here, weights_request

if TYPE_CHECKING:
    from tlbench.specs import BackboneSpec, WeightsSpec

_FAILURES = 2
"""After so many failures in a row a source of weights is not asked again: it may not answer."""


@dataclass(frozen=True)
class Wish:
    """Which weights the user wants, and where they may come from."""

    weights: str
    cache: Path
    offline: bool


def expand(
    names: Sequence[str], host: PluginHost, plugins: Sequence[Path], wish: Wish
) -> list[str]:
    """Return `names` with `all-available` replaced by all backbones that can be run.

    Those are the backbones, controls among them, whose packages are installed and whose weights
    are on this machine, can be fetched now, or are not needed. The others are said, by reason.
    """
    if ALL not in names:
        return list(names)
    found, left, pending = _sort_out(host, wish)
    for name, problem in _fetch_all(pending, plugins, wish):
        if problem is None:
            found.append(name)
        else:
            left.setdefault("no weights to be had", []).append(name)
    for reason, without in left.items():
        print_line(f"left out, {reason}: {', '.join(sorted(without))}")
    return [n for name in names for n in (sorted(found) if name == ALL else [name])]


def _sort_out(host: PluginHost, wish: Wish) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Return what can be run, what can't, by reason, and what has its weights to fetch first."""
    found: list[str] = []
    pending: list[str] = []
    left: dict[str, list[str]] = {}
    for offer in host.backbones:
        spec = offer.spec
        request = weights_request(spec, wish.cache, True, Progress())
        wanted = _wanted(spec, wish.weights)
        if missing_packages(spec):
            left.setdefault("packages not installed", []).append(spec.name)
        elif not spec.weights and wish.weights in (AUTO, "none"):
            found.append(spec.name)
        elif not wanted:
            left.setdefault(f'no weights "{wish.weights}"', []).append(spec.name)
        elif any(is_here(weights, request, print_warning) for weights in wanted):
            found.append(spec.name)
        elif wish.offline:
            left.setdefault("no weights on this machine", []).append(spec.name)
        else:
            pending.append(spec.name)
    return found, left, pending


def _wanted(spec: BackboneSpec, choice: str) -> list[WeightsSpec]:
    return [w for w in spec.weights if (not w.control if choice == AUTO else w.name == choice)]


def _fetch_all(
    names: Sequence[str], plugins: Sequence[Path], wish: Wish
) -> Iterator[tuple[str, str | None]]:
    """Yield each backbone with what is wrong with its weights, None if they are here now."""
    waiting = list(names)
    while waiting:
        # Apart, since fetching may import a framework, which this process has no memory to spare
        # for, or may crash.
        ended = call_apart(fetch, waiting, plugins, wish)
        yield from ended.answers
        waiting = waiting[len(ended.answers) :]
        if waiting:
            yield waiting.pop(0), str(ended.error)


def fetch(
    names: Sequence[str], plugins: Sequence[Path], wish: Wish
) -> Iterator[tuple[str, str | None]]:
    """Yield each backbone with what is wrong with its weights; what a process of its own does."""
    host, progress = load_plugins(plugins), ConsoleProgress()
    failed: Counter[str] = Counter()
    for name in names:
        spec = host.backbones.find(name).spec
        sources = {_source(weights) for weights in _wanted(spec, wish.weights)}
        if all(failed[source] >= _FAILURES for source in sources):
            yield name, "its source did not answer for others"
            continue
        try:
            choose_weights(spec, wish.weights, wish.cache, offline=False, progress=progress)
        except TlbenchError as error:
            failed.update(sources)
            yield name, error.message
        else:
            failed.clear()
            yield name, None


def _source(weights: WeightsSpec) -> str:
    """The server that weights come from, or the first word of how their source is described."""
    source = weights.source or weights.name
    return urlsplit(source).netloc or source.split()[0]
