"""Trust: where the figures come from, as tables and lists that a reader can check."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tlbench.compare import Compared
from tlbench.report.page.facts import (
    Records,
    detail,
    has_given_partitions,
    interval_words,
    model_of,
    partitions_of,
    preprocessing_of,
    source_of,
    weights_of,
)
from tlbench.report.rows import unit_of
from tlbench.report.selections import selection_note
from tlbench.report.sheets import DASH, Cell, Sheet
from tlbench.specs import UNIT_WORDS

Data = Mapping[str, Any]


def trust_context(compared: Compared) -> dict[str, Any]:
    """Return what the section on trust shows."""
    records = {entry.name: entry.record for entry in compared.entries}
    first = next(iter(records.values()))
    return {
        "audit": _audit(_all_records(compared)),
        "data": _data(first),
        "partitions": _partitions(compared.data, records),
        "protocols": _protocols(records),
        "intervals": interval_words(compared.data),
        "sheets": [_backbones(records), _weights(records), _runs(compared), _versions(records)],
        "commands": _commands(compared),
    }


def trust_sheets(compared: Compared) -> list[Sheet]:
    """Return the tables of the section, as papers need them."""
    found = trust_context(compared)
    return [found["partitions"], *found["sheets"]]


def _audit(records: Records) -> dict[str, Any]:
    """What the audits of all records found together."""
    audits = [record["audit"] for record in records.values() if record.get("audit")]
    looked = _audited(records)
    if not looked:
        word = "switched off (--audit off)" if audits else "not part of these runs"
        return {"verdict": f"The audit of the data was {word}.", "passed": None, "found": []}
    leaks = _told(looked, lambda audit: audit.get("leaks", []))
    unseen = [name for name in records if name not in looked]
    verdict = (
        f"Failed: {len(leaks)} {'leak' if len(leaks) == 1 else 'leaks'} between partitions or from "
        "what the weights were trained on."
        if leaks
        else "No leak was found where the data were audited."
        if unseen
        else "Passed: no leak between partitions was found, nor into what the weights have seen."
    )
    if unseen:
        verdict += f" Not audited: {', '.join(unseen)}."
    found = [
        ("Leaks", leaks),
        (
            "Pictures that stand in the data set with both labels",
            _told(looked, lambda audit: [_pair(each) for each in audit.get("contradictions", [])]),
        ),
        (
            "Shortcuts: what else tells the labels apart",
            _told(looked, lambda audit: [_shortcut(each) for each in audit.get("shortcuts", [])]),
        ),
    ]
    found = [(title, lines) for title, lines in found if lines]
    number = max(audit.get("counts", {}).get("look_alikes", 0) for audit in looked.values())
    if number:
        line = "Radiographs of one picture are kept together in one partition."
        if any(has_given_partitions(record) for record in records.values()):
            line = (
                "The data set gives partitions: radiographs of one picture stay where it puts "
                "them, and are a leak where that is in two."
            )
        found.append((f"Pictures that the data set has more than once: {number}", [line]))
    passed = False if leaks else None if unseen else True
    return {"verdict": verdict, "passed": passed, "found": found}


def _audited(records: Records) -> dict[str, Data]:
    """The audits that looked at the data, by the name of their record."""
    audits = {name: record.get("audit") or {} for name, record in records.items()}
    return {name: audit for name, audit in audits.items() if audit and audit.get("mode") != "off"}


def _told(audits: Mapping[str, Data], tell: Callable[[Data], Sequence[str]]) -> list[str]:
    """What the audits tell, each once; by name what not all of them tell."""
    named: dict[str, list[str]] = {}
    for name, audit in audits.items():
        for line in dict.fromkeys(tell(audit)):
            named.setdefault(line, []).append(name)
    return [
        line if len(names) == len(audits) else f"{', '.join(names)}: {line}"
        for line, names in named.items()
    ]


def _pair(cases: Sequence[Any]) -> str:
    return " and ".join(map(str, cases))


def _shortcut(found: Data) -> str:
    return f"{found['name']}: AUC {found['auc']:.3f}"


def _data(record: Data) -> list[tuple[str, str]]:
    """The data set, by what is known of it."""
    patients = record.get("patients")
    rows = [
        ("Data set", source_of(record)),
        ("Subset", record["subset"] or "all of it"),
        ("Taken", " ".join(selection_note(detail(record, "dataset", "selection")))),
        ("Radiographs", _number(record.get("radiographs"))),
        ("Positive", _number(record.get("positives"))),
        ("Patients", "not named by the data set" if patients is None else f"{patients:,}"),
        ("Unreadable files left out", _number(record.get("skipped"))),
        ("Fingerprint", detail(record, "dataset", "fingerprint", "")),
        ("Fingerprint of the hold-out", record["holdout"].get("fingerprint") or ""),
        ("Reference", detail(record, "dataset", "citation", "")),
    ]
    return [(name, str(text)) for name, text in rows if text]


def _number(value: Any) -> str:
    return "" if value is None else f"{value:,}"


def _partitions(data: Data, records: Records) -> Sheet:
    """One row a partition; where backbones differ in their partitions, rows for each kind."""
    kinds: dict[str, tuple[list[str], dict[str, Data]]] = {}
    for name, record in records.items():
        parts = partitions_of(record)
        kinds.setdefault(repr(parts), ([], parts))[0].append(name)
    unit = unit_of(data)
    cells = {UNIT_WORDS[unit].capitalize(): "n", "Positive": "positives"}
    if any(part.get("patients") for _, parts in kinds.values() for part in parts.values()):
        cells["Patients"] = "patients"
    if unit != "image":
        cells["Radiographs"] = "images"
    rows: list[tuple[Cell, ...]] = []
    for names, parts in kinds.values():
        under = "" if len(kinds) == 1 else f"\n{', '.join(names)}"
        for partition, part in parts.items():
            counts = {"images": part["n"]} | dict(part)
            row = (_number(counts.get(key)) or DASH for key in cells.values())
            rows.append((partition + under, *row))
    columns = ("Partition", *cells)
    notes = [f"Hold-out: {data['holdout'].get('rule') or 'rule not kept'}."]
    return Sheet("partitions", "Partitions", columns, rows, notes)


def _protocols(records: Records) -> list[dict[str, Any]]:
    """Each protocol once: its title, its steps and where it comes from."""
    found: dict[str, dict[str, Any]] = {}
    for record in records.values():
        title = detail(record, "protocol", "title", "")
        found.setdefault(
            record["protocol"],
            {
                "name": record["protocol"],
                "title": title,
                "steps": list(detail(record, "protocol", "steps", ())),
                "reference": detail(record, "protocol", "reference", ""),
            },
        )
    return list(found.values())


def _backbones(records: Records) -> Sheet:
    columns = ("Backbone", "What it is", "Input", "Engine", "Plugin")
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            model_of(record) or DASH,
            preprocessing_of(record) or DASH,
            _engine(record),
            _plugin(record),
        )
        for name, record in records.items()
    ]
    return Sheet("networks", "Backbones", columns, rows)


def _engine(record: Data) -> str:
    engine = detail(record, "features", "engine")
    if not engine:
        return DASH
    version = str(engine.get("version", "")).partition("/")[0]
    text = f"{engine.get('name', '')} {version}\n{engine.get('precision', '')}"
    check = detail(record, "features", "self_check")
    if not check or check.get("least_cosine") is None:
        return text
    least = f"least cosine {check['least_cosine']:.4f}"
    if check.get("passed"):
        return f"{text}, {least} to float32"
    return f"{text}, for {check.get('precision')} failed its check: {least}"


def _plugin(record: Data) -> str:
    plugin, origin = (detail(record, "backbone", name, "") for name in ("plugin", "origin"))
    digest = detail(record, "backbone", "plugin_sha256", "")
    parts = [f"{plugin} ({origin})" if origin else plugin]
    return "\n".join([*parts, f"sha256 {digest[:12]}…"] if digest else parts) or DASH


def _weights(records: Records) -> Sheet:
    columns = (
        "Backbone",
        "Weights, and what they were trained on",
        "Licence",
        "Source",
        "Checksum",
    )
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            weights_of(record) or DASH,
            detail(record, "weights", "licence") or DASH,
            detail(record, "weights", "source") or DASH,
            _checksum(record),
        )
        for name, record in records.items()
    ]
    return Sheet("weights", "Weights", columns, rows)


def _checksum(record: Data) -> str:
    digest = detail(record, "weights", "sha256")
    return f"sha256 {digest}" if digest else DASH


def _runs(compared: Compared) -> Sheet:
    """One row a run, every seed with its own: when, how long, how much memory."""
    columns = ("Backbone", "Run", "Seed", "Ended (UTC)", "Time", "Features made", "Memory")
    rows: list[tuple[Cell, ...]] = []
    for entry in compared.entries:
        for seed, record in entry.seeds.items():
            tested = " (tested)" if len(entry.seeds) > 1 and seed == entry.seed else ""
            rows.append(
                (
                    entry.name,
                    record["run"],
                    f"{seed}{tested}",
                    str(record["created"])[:16].replace("T", " "),
                    _seconds(record.get("seconds")),
                    _made(record.get("extraction")),
                    _memory(record.get("memory_mb")),
                )
            )
    notes = [
        "Time of the whole run, and the largest memory of its process. Where features were found "
        "in the cache, the time says little."
    ]
    return Sheet("runs", "Runs: time and memory", columns, rows, notes)


def _made(extraction: Data | None) -> str:
    if not extraction or extraction.get("images") is None:
        return DASH
    if not extraction["images"]:
        return "none: from the cache"
    made = f"of {extraction['images']:,} radiographs in {_seconds(extraction.get('seconds'))}"
    reading = extraction.get("reading_seconds")
    return f"{made}, {_seconds(reading)} of them reading" if reading else made


def _seconds(value: float | None) -> str:
    return DASH if value is None else f"{value:.1f} s"


def _memory(value: float | None) -> str:
    return DASH if value is None else f"{value:,.0f} MB"


def _versions(records: Records) -> Sheet:
    """One column of versions for each kind of environment, named by its backbones."""
    kinds: dict[str, tuple[list[str], Data]] = {}
    for name, record in records.items():
        machine = record.get("machine") or {}
        found = {
            **(record.get("versions") or {}),
            "git commit": record.get("git_commit"),
            "system": machine.get("system"),
            "processor": machine.get("processor"),
            "cores": machine.get("cores"),
        }
        kept = {key: str(value) for key, value in found.items() if value is not None}
        kinds.setdefault(repr(kept), ([], kept))[0].append(name)
    heads = (
        ["All backbones"] if len(kinds) == 1 else [", ".join(names) for names, _ in kinds.values()]
    )
    keys = dict.fromkeys(key for _, kept in kinds.values() for key in kept)
    rows: list[tuple[Cell, ...]] = [
        (key, *(kept.get(key, DASH) for _, kept in kinds.values())) for key in keys
    ]
    return Sheet("versions", "Versions and machine", ("", *heads), rows)


def _commands(compared: Compared) -> list[str]:
    """Every command line once, as a shell takes it."""
    commands = [
        record.get("command") for entry in compared.entries for record in entry.seeds.values()
    ]
    return list(dict.fromkeys(shlex.join(map(str, each)) for each in commands if each))


def found_leaks(compared: Compared) -> Data | None:
    """Return the leaks that the audits of all compared runs found; None where none looked."""
    looked = _audited(_all_records(compared))
    return {"leaks": _told(looked, lambda audit: audit.get("leaks", []))} if looked else None


def _all_records(compared: Compared) -> dict[str, Data]:
    """Every record of a comparison, those of other seeds too."""
    return {
        entry.name if len(entry.seeds) == 1 else f"{entry.name} seed {seed}": record
        for entry in compared.entries
        for seed, record in entry.seeds.items()
    }
