"""The table of an audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlbench.report.sheets import Estimate, in_line
from tlbench.words import counted

Data = Mapping[str, Any]
Row = tuple[str, str, str]

AUDIT_COLUMNS = ("Check", "", "Found")
_NONE = "none"
_NAMED = 3
_LEAKS = 100
_PARTS = {"bytes": "byte for byte", "pixels": "pixel for pixel", "picture": "nearly"}


def audit_rows(facts: Data) -> list[Row]:
    """Return a row for each check: its name, "LEAK", "warning" or nothing, and what was found."""
    return [
        ("radiographs", "", _radiographs(facts)),
        *(
            [("a run", "warning", f"would refuse this: {facts['refusal']}")]
            if facts["refusal"]
            else []
        ),
        *_leak_rows(facts),
        *_look_alike_rows(facts["look_alikes"]),
        *_shortcut_rows(facts["shortcuts"]),
        *_quality_rows(facts["quality"]),
    ]


def audit_notes(facts: Data) -> list[str]:
    """Return what has to be known to read the table."""
    level = next((each["level"] for each in facts["shortcuts"]), None)
    lines = []
    if level is not None:
        lines.append(
            f"Shortcuts: AUC of the label told from this alone, with its {100 * level:g} % "
            "interval; a warning where all of it lies above 0.5 (of file order on either side). "
            f"Where nothing is behind it, about one check in {round(2 / (1 - level))} warns by "
            "chance."
        )
    if facts["exclusions"]:
        what = "radiograph is" if facts["exclusions"] == 1 else "radiographs are"
        lines.append(
            f"{facts['exclusions']:,} {what} better left out: --write-exclusions FILE writes the "
            "list that --exclude FILE takes."
        )
    return lines


def _radiographs(facts: Data) -> str:
    patients = (
        f" radiographs of {counted(facts['patients'], 'patient')}"
        if facts["patients"]
        else ", no patients named"
    )
    share = facts["quality"]["positive_share"]
    text = f"{facts['radiographs']:,}{patients}; {facts['positives']:,} positive"
    given = "".join(f"; {count:,} given as {name}" for name, count in facts["partitions"].items())
    return f"{text} ({share:.0%}){given}"


def _leak_rows(facts: Data) -> list[Row]:
    leaks = facts["leaks"]
    if not leaks:
        said = (
            "none in the partitions given"
            if facts["partitions"]
            else "none: no partitions given; tlbench's own keep patients and look-alikes together"
        )
        return [("leaks", "", said)]
    rows = [("leaks" if not n else "", "LEAK", leak["text"]) for n, leak in enumerate(leaks)]
    more = len(rows) - _LEAKS
    return rows if more <= 0 else [*rows[:_LEAKS], ("", "LEAK", f"and {more:,} more, in --json")]


def _look_alike_rows(groups: Sequence[Data]) -> list[Row]:
    if not groups:
        return [("look-alikes", "", _NONE)]
    counts = {how: sum(group["how"] == how for group in groups) for how in _PARTS}
    parts = [f"{count:,} {_PARTS[how]}" for how, count in counts.items() if count]
    turned = sum(bool(group["views"]) for group in groups)
    if turned:
        parts[-1] += f"; {turned:,} of them turned, mirrored or enlarged"
    total = sum(len(group["radiographs"]) for group in groups)
    pictures = counted(len(groups), "picture")
    rows = [("look-alikes", "", f"{pictures} in {total:,} radiographs: {', '.join(parts)}")]
    torn = [group["radiographs"] for group in groups if group["contradictory"]]
    if torn:
        named = [" and ".join(f"{r['case']} ({r['label']})" for r in group) for group in torn]
        what = "1 picture has" if len(torn) == 1 else f"{len(torn):,} pictures have"
        rows.append(("label errors", "warning", f"{what} both labels: {_few(named, '; ')}"))
    return rows


def _shortcut_rows(shortcuts: Sequence[Data]) -> list[Row]:
    if not shortcuts:
        return [("shortcuts", "", "not looked for: too few patients of one label")]
    rows = [("shortcuts", "", "AUC of the label from")]
    for each in shortcuts:
        value = in_line(Estimate(each["auc"], each["low"], each["high"]))
        rows.append((f"  {each['name']}", "warning" if each["flagged"] else "", value))
    return rows


def _quality_rows(quality: Data) -> list[Row]:
    unreadable = [f"{each['case']}" for each in quality["unreadable"]]
    rows = [
        _listed("unreadable", unreadable),
        _listed("empty", quality["empty"]),
        _listed("saturated", quality["saturated"]),
        _listed("burnt-in text", quality["text"]),
        _listed("shorter side below 224", quality["small"]),
    ]
    short, long = quality["shorter_side"], quality["longer_side"]
    bits = ", ".join(f"{count:,} of {bits} bit" for bits, count in quality["bits"].items())
    size = (
        f"shorter side {short['least']:,} to {short['most']:,} pixels, median "
        f"{short['median']:,.0f}; longer side {long['least']:,} to {long['most']:,}"
    )
    rows += [("resolution", "", size), ("depth", "", f"{bits}; {quality['colour']:,} in colour")]
    per = quality["images_per_patient"]
    if per is not None:
        text = f"{per['least']} to {per['most']}, median {per['median']:g}"
        rows.append(("images per patient", "", text))
    return rows


def _listed(check: str, cases: Sequence[str]) -> Row:
    if not cases:
        return (check, "", _NONE)
    return (check, "warning", f"{len(cases):,}: {_few(cases, ', ')}")


def _few(names: Sequence[str], between: str) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return between.join(names[:_NAMED]) + more
