"""The gate before every run: a look through the data, and what becomes of leaks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tlbench.audit.alike import Group, find_alike, group_alike
from tlbench.audit.kept import find_once
from tlbench.audit.leaks import Leak, find_leaks, find_seen
from tlbench.datasets.table import Table
from tlbench.errors import DataError
from tlbench.features.signatures import SignatureStore
from tlbench.progress import Progress
from tlbench.protocols.partition import PARTITIONS
from tlbench.specs import DatasetSpec
from tlbench.words import counted

NAMED = 5
"""So many leaks are named one by one."""
SHORTCUT_SOURCES = (
    "shortcuts.py",
    *(f"../{name}.py" for name in ("blocks", "patients", "streams")),
    *(f"../protocols/{name}.py" for name in ("logistic", "partition")),
    *(f"../stats/{name}.py" for name in ("clustered", "inputs", "interval", "reference", "roc")),
    "../stats/units.py",
)
"""What decides shortcuts, beside the signatures: their folder is named after what decides them."""


@dataclass(frozen=True)
class Audited:
    """What a run knows of its data: the table with look-alikes joined, and what was found.

    `shortcuts` are dicts as `tlbench.audit.shortcuts.Shortcut` has them. With mode "off" nothing
    was looked for.
    """

    mode: str
    table: Table
    groups: tuple[Group, ...] = ()
    leaks: tuple[Leak, ...] = ()
    shortcuts: tuple[dict[str, Any], ...] = ()

    @property
    def contradictions(self) -> list[Group]:
        """The groups whose radiographs have both labels."""
        return [group for group in self.groups if group.contradictory]

    def describe(self) -> dict[str, Any]:
        """Return what a record keeps."""
        if self.mode == "off":
            return {"mode": "off"}
        found: dict[str, list[Any]] = {
            "leaks": [leak.text for leak in self.leaks],
            "look_alikes": [_cases(self.table, group) for group in self.groups],
            "contradictions": [_cases(self.table, group) for group in self.contradictions],
            "shortcuts": [_short(each) for each in self.shortcuts if each["flagged"]],
        }
        counts = {name: len(each) for name, each in found.items()}
        kept = {name: found[name] for name in ("leaks", "contradictions", "shortcuts")}
        return {"mode": self.mode, "counts": counts, **kept}

    def warnings(self) -> list[str]:
        """Return what a reader of figures has to know, leaks first."""
        if self.mode == "off":
            return ["the data were not audited (--audit off)"]
        lines = []
        if self.leaks:
            lines.append(f"leaks in the data: {_several([leak.text for leak in self.leaks], 3)}")
        known = [group for group in self.groups if group.how != "bytes"]
        if known:
            count = sum(len(group.rows) for group in known)
            line = f"{count} radiographs show pictures that the data set has more than once"
            # Where the data set gives partitions, they stay where it puts them.
            drawn = not any(self.table.given)
            lines.append(line + ("; those of one picture are kept together" if drawn else ""))
        if self.contradictions:
            pairs = [" and ".join(_quoted(_cases(self.table, g))) for g in self.contradictions]
            what = "1 picture stands" if len(pairs) == 1 else f"{len(pairs):,} pictures stand"
            lines.append(f"{what} in the data set with both labels: {_several(pairs, 3)}")
        flagged = [each for each in self.shortcuts if each["flagged"]]
        if flagged:
            flagged.sort(key=lambda each: -abs(each["auc"] - 0.5))
            told = [f"{each['name']} (AUC {each['auc']:.2f})" for each in flagged]
            lines.append(f"shortcuts tell labels apart: {_several(told, 3)}")
        return lines


def audit_run(
    table: Table,
    signatures: SignatureStore,
    *,
    mode: str,
    dataset: DatasetSpec,
    weights: tuple[str, Sequence[str]],
    progress: Progress,
) -> Audited:
    """Return what a run has to know of its data; raise `DataError` for leaks in mode "strict".

    `weights` are the name of the weights and what they have `seen`. All radiographs must have
    signatures; what was found is kept beside these.
    """
    if mode == "off":
        return Audited(mode, table)
    table, groups = join_alike(table, signatures, progress)
    leaks = find_leaks(table, groups) + find_seen(table, dataset.name, *weights)
    for leak in leaks[:NAMED] if len(leaks) > 1 or mode != "strict" else ():
        progress.warn(f"leak: {leak.text}")
    if leaks and mode == "strict":
        raise leak_error(leaks)
    shortcuts = find_shortcuts_once(table, signatures, dataset.reveals_label)
    return Audited(mode, table, tuple(groups), tuple(leaks), tuple(shortcuts))


def join_alike(
    table: Table, signatures: SignatureStore, progress: Progress
) -> tuple[Table, list[Group]]:
    """Return the table with radiographs of one picture joined, and the groups of these."""
    found = find_alike(table, signatures, progress)
    joined = replace(table, alike=tuple(sorted((each.first, each.second) for each in found)))
    return joined, group_alike(joined, found)


def join_known(table: Table, cache: Path, progress: Progress) -> Table:
    """Return the table as a run joins it, where its radiographs have been read before.

    Else it comes back as it is, with a warning: nothing is read for this.
    """
    if set(table.given) == set(PARTITIONS):  # what is given stays as it is, and nothing is drawn
        return table
    signatures = SignatureStore(cache, progress)
    if signatures.missing(table.files):
        progress.warn(
            "partitions may change a little: which radiographs show the same picture is known "
            "only after `tlbench audit` or a run"
        )
        return table
    return join_alike(table, signatures, progress)[0]


def find_shortcuts_once(
    table: Table, signatures: SignatureStore, reveals_label: Collection[str]
) -> list[dict[str, Any]]:
    """Return the shortcuts of a data set, found once and kept in the cache."""

    def search() -> list[dict[str, Any]]:
        from tlbench.audit.shortcuts import find_shortcuts

        kept = signatures.read(table.digests)
        return [asdict(each) for each in find_shortcuts(table, kept, reveals_label)]

    metadata = [sorted(r.metadata.items()) for r in table.radiographs]
    decides = [table.fingerprint, table.groups.tolist(), metadata, sorted(reveals_label)]
    found: list[dict[str, Any]] = find_once(
        signatures.folder, "shortcuts", decides, SHORTCUT_SOURCES, search
    )
    return found


def leak_error(leaks: Sequence[Leak]) -> DataError:
    """Return the error for leaks that stand; its hint says what to do about them."""
    if all(leak.kind == "training data" for leak in leaks):
        mend = "take other weights"
    else:
        mend = "`tlbench audit --write-exclusions FILE` lists what to leave out by --exclude FILE"
    return DataError(
        f"{counted(len(leaks), 'leak')} in the data: {_several([leak.text for leak in leaks], 1)}",
        f"{mend}; --audit warn goes on and marks what comes of it",
    )


def _cases(table: Table, group: Group) -> list[str]:
    return [table.radiographs[row].case for row in group.rows]


def _quoted(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _several(texts: Sequence[str], most: int) -> str:
    more = f"; and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


def _short(shortcut: dict[str, Any]) -> dict[str, Any]:
    return {name: shortcut[name] for name in ("name", "auc", "low", "high")}
