"""The comparison of backbones: several records on the same hold-out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.comparison import Choices, CutoffUsed, compare_classifiers, describe_classifier
from tlbench.errors import DataError
from tlbench.measures import finite, shared_warnings
from tlbench.records import Prediction, Record, get_record, list_records
from tlbench.specs import UNIT_WORDS
from tlbench.stats import choose_cutoff, spread_over_seeds


@dataclass(frozen=True)
class Entry:
    """A backbone in a comparison: its records by seed, and the seed that is tested."""

    name: str
    seeds: dict[int, Record]
    seed: int

    @property
    def record(self) -> Record:
        """The record that is tested."""
        return self.seeds[self.seed]


@dataclass(frozen=True)
class Holdout:
    """The shared hold-out: units in order, labels (n,), patients (n,), scores by record name."""

    cases: list[str]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    scores: dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Compared:
    """A comparison: `data` is what JSON shows, the rest what plots need."""

    data: dict[str, Any]
    entries: list[Entry]
    holdout: Holdout

    def _repr_html_(self) -> str:
        from tlbench.report.html import comparison_to_html

        return comparison_to_html(self.data)


def compare(
    runs: Sequence[str | Record] = (),
    *,
    results: str | Path = "results",
    dataset: str | None = None,
    subset: str | None = None,
    protocol: str | None = None,
    unit: str | None = None,
    warn: Callable[[str], None] = lambda _line: None,
    level: float = 0.95,
    ci: Literal["logit", "wald"] = "logit",
) -> Compared:
    """Compare records that share a hold-out, from their predictions alone.

    Without `runs`, all records in `results` are compared, those of `dataset`, `subset`,
    `protocol` and `unit` where given. Of several seeds of one backbone one is tested, the lowest
    that all share, never several as if independent; their spread stands apart. Raises `DataError`
    where hold-outs differ, saying how, or what belongs together in them.
    """
    asked = {"dataset": dataset, "subset": subset, "protocol": protocol, "unit": unit}
    records = _find(runs, Path(results), asked, warn)
    check_shared(records)
    entries = sorted(_entries(records), key=lambda e: (-e.record["auc"]["value"], e.name))
    holdout = _read_holdout(records)
    choices = Choices(level=level, ci=ci)
    return Compared(finite(_compare(entries, holdout, choices)), entries, holdout)


def _find(
    runs: Sequence[str | Record],
    results: Path,
    asked: Mapping[str, str | None],
    warn: Callable[[str], None],
) -> list[Record]:
    if runs:
        found = [run if isinstance(run, Record) else get_record(results, run) for run in runs]
        return list({record["run"]: record for record in found}.values())
    found = [
        record
        for record in list_records(results, warn)
        if all(value in (None, record[name]) for name, value in asked.items())
    ]
    if not found:
        raise DataError(
            f'no runs to compare in "{results}"', "make some with `tlbench run`, or see --results"
        )
    return found


def check_shared(records: Sequence[Record]) -> None:
    """Raise `DataError` unless all records were measured on the same hold-out."""
    by_holdout: dict[str, list[Record]] = {}
    for record in records:
        by_holdout.setdefault(record["holdout"]["fingerprint"], []).append(record)
    if len(by_holdout) == 1:
        return
    parts = []
    for group in by_holdout.values():
        first = group[0]
        names = " ".join(x for x in (first["dataset"], first["subset"]) if x)
        data = first["details"]["dataset"]["fingerprint"][:8]
        what = UNIT_WORDS[first["unit"]]
        parts.append(f"{len(group)} on {names} ({first['holdout']['n']} {what}, data {data})")
    raise DataError(
        f"these {len(records)} runs do not share a hold-out: {', '.join(parts)}",
        "name runs that do (`tlbench list runs`), or narrow them with --dataset, --subset, --unit",
    )


def _entries(records: Sequence[Record]) -> list[Entry]:
    """One entry a backbone, weights, protocol, preparation and data, named as briefly as can be.

    Runs on other data may share a hold-out: what is left out may all have been for training.
    """
    kinds: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        # The digest tells apart two versions of a plugin, or two files of one name.
        features = record["details"]["features"]
        steps = "+".join(features.get("preparation", [])) or "as read"
        key = (
            record["backbone"],
            record["weights"],
            record["protocol"],
            steps,
            f"data {record['details']['dataset']['fingerprint'][:6]}",
            _audit_words(record),
            features["digest"][:6],
        )
        kinds.setdefault(key, []).append(record)
    entries = []
    for kind, group in kinds.items():
        group.sort(key=lambda record: record["created"])
        # Of several records of one seed (other levels, say) the scores are the same: one will do.
        seeds = dict(sorted({record["seed"]: record for record in group}.items()))
        entries.append(Entry(_name(kind, list(kinds)), seeds, min(seeds)))
    return _with_shared_seed(entries)


def _with_shared_seed(entries: list[Entry]) -> list[Entry]:
    """Test all at the lowest seed they share; where there is none, each at its own lowest."""
    shared = set.intersection(*(set(entry.seeds) for entry in entries))
    return [replace(entry, seed=min(shared)) for entry in entries] if shared else entries


def _name(key: tuple[str, ...], keys: Sequence[tuple[str, ...]]) -> str:
    """The backbone, with as much more as tells it from its namesakes."""
    same = [other for other in keys if other[0] == key[0]]
    parts = [key[0], *(key[i] for i in range(1, 6) if len({other[i] for other in same}) > 1)]
    if sum(other[:6] == key[:6] for other in same) > 1:
        parts.append(key[6])
    return " ".join(part for part in parts if part)


def _audit_words(record: Record) -> str:
    """What an audit says that decides the partitions: nothing where it passed."""
    audit = record.get("audit") or {}
    if audit.get("leaks"):
        return "with leaks"
    return "audit off" if audit.get("mode") == "off" else ""


def _read_holdout(records: Sequence[Record]) -> Holdout:
    first: list[Prediction] = []
    groups = np.empty(0, dtype=np.int64)
    scores = {}
    for record in records:
        held = [p for p in record.unit_predictions() if p.partition == "hold-out"]
        held.sort(key=lambda p: p.case)
        grouping = _number_patients(held)
        if not first:
            first, groups = held, grouping
        if [(p.case, p.label) for p in held] != [(p.case, p.label) for p in first]:
            raise DataError(
                f'the predictions of run "{record["run"]}" are not those of its record',
                "run it anew with --force",
            )
        if not np.array_equal(grouping, groups):
            raise DataError(
                "these runs share a hold-out, but not which of its radiographs belong together: "
                "not all looked for copies",
                "run them anew with the same --audit",
            )
        scores[record["run"]] = np.array([p.score for p in held])
    return Holdout(
        [p.case for p in first],
        np.array([p.label for p in first], dtype=np.int64),
        groups,
        scores,
    )


def _number_patients(held: Sequence[Prediction]) -> NDArray[np.int64]:
    """Number patients (n,) as they first appear: their names change with the rest of the data."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(p.patient, len(numbers)) for p in held], dtype=np.int64)


def _compare(entries: Sequence[Entry], holdout: Holdout, choices: Choices) -> dict[str, Any]:
    labels, groups = holdout.labels, holdout.groups
    scores = {entry.name: holdout.scores[entry.record["run"]] for entry in entries}
    cutoffs = {entry.name: _cutoffs(entry, labels, scores[entry.name]) for entry in entries}
    classifiers = {
        entry.name: _head(entry, holdout)
        | describe_classifier(labels, scores[entry.name], groups, cutoffs[entry.name], choices)
        for entry in entries
    }
    fixed = {name: found["validation"] for name, found in cutoffs.items()}
    compared = compare_classifiers(labels, scores, groups, fixed, choices.level)
    first = entries[0].record
    return {
        "dataset": first["dataset"],
        "subset": first["subset"],
        "selection": first["details"]["dataset"].get("selection"),
        "synthetic": first["synthetic"],
        "unit": first["unit"],
        "holdout": first["holdout"],
        "level": choices.level,
        "classifiers": {name: classifiers[name] for name in compared["ranking"]},
        **compared,
        "controls": _beaten(entries, compared, choices.level),
        "warnings": shared_warnings({entry.name: entry.record for entry in entries}),
    }


def _head(entry: Entry, holdout: Holdout) -> dict[str, Any]:
    record = entry.record
    seeds = [holdout.scores[r["run"]] for r in entry.seeds.values()]
    spread = asdict(spread_over_seeds(holdout.labels, np.stack(seeds)))
    return {
        "run": record["run"],
        "backbone": record["backbone"],
        "weights": record["weights"],
        "weights_title": record["details"]["weights"]["title"],
        "protocol": record["protocol"],
        "seed": record["seed"],
        "control": record["control"],
        "converged": record["top_layer"].get("converged"),
        "seeds": spread | {"seeds": list(entry.seeds)},
    }


def _cutoffs(
    entry: Entry, labels: NDArray[np.int64], scores: NDArray[np.float64]
) -> dict[str, CutoffUsed]:
    point = entry.record["operating_point"]
    # A record writes a cut-off that nobody reaches as null.
    value = math.inf if point["cutoff"] is None else point["cutoff"]
    own = choose_cutoff(labels, scores, "youden")
    return {
        "validation": CutoffUsed(value, point["ties"], point["chosen_on"]),
        "optimistic": CutoffUsed(own.value, own.ties, "hold-out"),
    }


def _beaten(
    entries: Sequence[Entry], compared: Mapping[str, Any], level: float
) -> list[dict[str, Any]]:
    """For each backbone and each control: whether it is shown to be better."""
    control = {entry.name: entry.record["control"] for entry in entries}
    out = []
    for pair in compared["pairs"]:
        if control[pair["a"]] == control[pair["b"]]:
            continue
        turned = control[pair["a"]]
        backbone, rival = (pair["b"], pair["a"]) if turned else (pair["a"], pair["b"])
        difference = -pair["difference"] if turned else pair["difference"]
        out.append(
            {
                "backbone": backbone,
                "control": rival,
                "difference": difference,
                "p_holm": pair["p_holm"],
                "beaten": difference > 0 and pair["p_holm"] < 1 - level,
            }
        )
    return out
