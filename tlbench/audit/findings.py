"""`tlbench audit`: a data set looked through for leaks, shortcuts and odd files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlbench import __version__
from tlbench.audit.alike import Group
from tlbench.audit.gate import find_shortcuts_once, join_alike
from tlbench.audit.kept import find_once
from tlbench.audit.leaks import Leak, find_leaks, find_seen
from tlbench.audit.quality import describe_quality, find_texts
from tlbench.backbones import find_backbone
from tlbench.datasets.table import Table, read_table
from tlbench.environment import cache_folder
from tlbench.errors import DataError
from tlbench.features.reading import read_radiographs
from tlbench.features.signatures import SignatureStore
from tlbench.plugins import load_plugins
from tlbench.progress import Progress
from tlbench.protocols.given import number_given
from tlbench.protocols.partition import PARTITIONS, straddling
from tlbench.protocols.shipped import PAPER2018
from tlbench.scores import plan_seed
from tlbench.specs import DataChoice, DatasetSpec, WeightsSpec


@dataclass(frozen=True)
class Findings:
    """What an audit found; `table` are the radiographs that can be read, look-alikes joined.

    `unreadable` are pairs of a case and a reason; `refusal` is why `paper2018` can't be run on
    them, None where it can.
    """

    choice: DataChoice
    table: Table
    unreadable: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]
    leaks: tuple[Leak, ...]
    shortcuts: tuple[dict[str, Any], ...]
    quality: Mapping[str, Any]
    refusal: str | None
    seconds: float

    def describe(self) -> dict[str, Any]:
        """Return all of it as JSON values: what `tlbench audit --json` prints."""
        table = self.table
        return {
            "tlbench": __version__,
            "dataset": self.choice.dataset,
            "subset": self.choice.subset,
            "fingerprint": table.fingerprint,
            "radiographs": len(table),
            "positives": int(table.labels.sum()),
            "patients": table.count_patients(),
            "partitions": dict(Counter(r.partition for r in table.radiographs if r.partition)),
            "refusal": self.refusal,
            "leaks": [
                {"kind": leak.kind, "text": leak.text, "radiographs": self._named(leak.rows)}
                for leak in self.leaks
            ],
            "look_alikes": [
                {
                    "how": group.how,
                    "views": list(group.views),
                    "contradictory": group.contradictory,
                    "radiographs": self._named(group.rows),
                }
                for group in self.groups
            ],
            "shortcuts": list(self.shortcuts),
            "quality": {
                "unreadable": [{"case": c, "reason": why} for c, why in self.unreadable],
                **self.quality,
            },
            "exclusions": len(self.exclusions()),
            "seconds": round(self.seconds, 3),
        }

    def _named(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        radiographs = [self.table.radiographs[row] for row in rows]
        return [{"case": r.case, "label": r.label, "partition": r.partition} for r in radiographs]

    def exclusions(self) -> list[tuple[str, str]]:
        """Return the cases to leave out, and why: what is left has no look-alikes and no leaks.

        Of radiographs that show one picture the first is kept, none where labels contradict each
        other; a patient in several partitions keeps the one with most of their radiographs.
        """
        out = dict(self.unreadable)
        for group in self.groups:
            cases = [self.table.radiographs[row].case for row in group.rows]
            if group.contradictory:
                out |= dict.fromkeys(cases, "the same picture has both labels")
            else:
                out |= dict.fromkeys(cases[1:], f'the same picture as "{cases[0]}"')
        return sorted((out | self._torn_patients(out)).items())

    def _torn_patients(self, gone: Mapping[str, str]) -> dict[str, str]:
        rows = [i for i, r in enumerate(self.table.radiographs) if r.case not in gone]
        left = replace(
            self.table,
            radiographs=tuple(self.table.radiographs[row] for row in rows),
            digests=tuple(self.table.digests[row] for row in rows),
            alike=(),
        )
        out: dict[str, str] = {}
        for number in straddling(left.groups, left.given):
            members = [left.radiographs[row] for row in np.flatnonzero(left.groups == number)]
            sizes = Counter(r.partition for r in members if r.partition is not None)
            order = {name: place for place, name in enumerate(PARTITIONS)}
            kept = max(sizes, key=lambda name: (sizes[name], order.get(name, -1)))
            why = f"the same patient is in {kept}"
            out |= {r.case: why for r in members if r.partition not in (None, kept)}
        return out


def audit(
    dataset: str = "demo",
    *,
    backbones: Sequence[str] = (),
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    strict_plugins: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Findings:
    """Look through a data set for leaks, shortcuts and odd files.

    `backbones` are looked at as well: whether weights of theirs declare to have seen these
    radiographs. `options` are those of `run` that choose radiographs, such as `data_root` and
    `subset`. Raises `TlbenchError` for what a user can mend.
    """
    for name in ("data_root", "manifest", "exclude"):
        if options.get(name) is not None:
            options[name] = Path(options[name])
    host = load_plugins([Path(file) for file in plugins], strict=strict_plugins)
    spec = host.datasets.find(dataset).spec
    choice = DataChoice(dataset=dataset, **options)
    weights = [each for name in backbones for each in find_backbone(host, name).spec.weights]
    folder = Path(cache or cache_folder())
    return look_through(spec, choice, folder, progress or Progress(), weights)


def look_through(
    spec: DatasetSpec,
    choice: DataChoice,
    cache: Path,
    progress: Progress,
    weights: Sequence[WeightsSpec] = (),
) -> Findings:
    """Audit the radiographs that `choice` takes of a data set; what can't be read is left out.

    What the `weights` have seen of them is a leak.
    """
    began = time.perf_counter()
    table = read_table(spec, choice, cache, progress)
    if table.gives_partitions:
        number_given(table.given)  # what is wrong with them is said at once, as by a run
    signatures = SignatureStore(cache, progress)
    reading = read_radiographs(table.files, signatures, progress)
    unreadable = tuple(
        (r.case, reading.unreadable[digest].reason)
        for r, digest in zip(table.radiographs, table.digests, strict=True)
        if digest in reading.unreadable
    )
    if len(unreadable) == len(table):
        raise DataError(f"none of the {len(table)} radiographs can be read", unreadable[0][1])
    table, groups = join_alike(table.without(reading.unreadable), signatures, progress)
    seen = [leak for w in weights for leak in find_seen(table, spec.name, w.name, w.seen)]
    shortcuts = find_shortcuts_once(table, signatures, spec.reveals_label)
    quality = describe_quality(table, signatures.read(table.digests))
    texts = set(
        find_once(
            signatures.folder,
            "text",
            sorted(table.files),
            ("text.py",),
            lambda: find_texts(table.files, progress),
        )
    )
    with_text = [
        r.case for r, d in zip(table.radiographs, table.digests, strict=True) if d in texts
    ]
    return Findings(
        choice,
        table,
        unreadable,
        tuple(groups),
        (*find_leaks(table, groups), *seen),
        tuple(shortcuts),
        {**quality, "text": with_text},
        _refusal(table),
        time.perf_counter() - began,
    )


def _refusal(table: Table) -> str | None:
    """Why the reference protocol can't split the radiographs: too few, one label, one patient."""
    try:
        plan_seed(table, PAPER2018, 0, table.labels_of)
    except DataError as error:
        return error.message
    return None
