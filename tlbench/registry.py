"""Names and what they stand for: who offered it, what clashes, what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tlbench.errors import PluginError, UnknownNameError


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Spec = TypeVar("Spec", bound=_Named)


@dataclass(frozen=True)
class Source:
    """Where a plugin comes from.

    `origin` is what a person would look for (a distribution and its version, or a file), `digest`
    the SHA-256 of its Python sources, so that a changed plugin can't meet its own stale features.
    """

    plugin: str
    origin: str
    digest: str


@dataclass(frozen=True)
class Offer(Generic[Spec]):
    """A spec together with the plugin that offers it."""

    spec: Spec
    source: Source


class Registry(Generic[Spec]):
    """The offers of one kind, by name; `kind` is the word for one of them in messages.

    `lost` names the plugins that were left out: one of them may have offered what is sought.
    """

    def __init__(self, kind: str, plural: str, lost: Sequence[str] = ()) -> None:
        self.kind = kind
        self.plural = plural
        self._lost = lost
        self._offers: dict[str, Offer[Spec]] = {}

    def check(self, specs: Iterable[Spec], source: Source) -> None:
        """Raise `PluginError` where a name is taken, naming both plugins."""
        seen: set[str] = set()
        for spec in specs:
            taken = self._offers.get(spec.name)
            if taken is not None or spec.name in seen:
                other = taken.source if taken else source
                raise PluginError(
                    f'{self.kind} "{spec.name}" is offered twice: by "{other.plugin}" '
                    f'({other.origin}) and by "{source.plugin}" ({source.origin})',
                    f"rename one, or leave one out: TLBENCH_BLOCK_PLUGINS={source.plugin}",
                )
            seen.add(spec.name)

    def add(self, spec: Spec, source: Source) -> None:
        """Add one offer whose name has been checked."""
        self._offers[spec.name] = Offer(spec, source)

    def find(self, name: str) -> Offer[Spec]:
        """Return the offer called `name`, or raise `UnknownNameError` with the nearest names."""
        if name in self._offers:
            return self._offers[name]
        error = unknown(self.kind, name, self._offers, f"see `tlbench list {self.plural}`")
        if self._lost:
            error.hint = f"{error.hint}; plugins left out, with reasons: `tlbench list plugins`"
        raise error

    def __iter__(self) -> Iterator[Offer[Spec]]:
        return iter(sorted(self._offers.values(), key=lambda offer: offer.spec.name))

    def __len__(self) -> int:
        return len(self._offers)


def unknown(kind: str, name: str, known: Iterable[str], otherwise: str) -> UnknownNameError:
    """Return the error for an unknown name, with "did you mean" where a known one is near."""
    near = difflib.get_close_matches(name, list(known), n=2, cutoff=0.6)
    hint = (
        "did you mean " + " or ".join(f'"{match}"' for match in near) + "?" if near else otherwise
    )
    return UnknownNameError(f'unknown {kind} "{name}"', hint)
