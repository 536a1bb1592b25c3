"""The checklists of reporting guidelines, filled as far as records go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlbench.report.page.facts import Records, list_facts
from tlbench.report.page.guidelines import ALL, GUIDELINES, Guideline, Item
from tlbench.report.sheets import DASH, Sheet

COLUMNS = ("Item", "Topic", "From the record", "Authors add")


def checklist_sheets(
    data: Mapping[str, Any], records: Records, more: Mapping[str, str] | None = None
) -> list[Sheet]:
    """Return one table for each guideline; `more` has facts that the records do not hold."""
    facts = list_facts(data, records) | dict(more or {})
    return [_sheet(guideline, facts) for guideline in GUIDELINES]


def _sheet(guideline: Guideline, facts: Mapping[str, str]) -> Sheet:
    rows = [_row(item, facts) for item in guideline.items]
    filled = sum(row[2] != DASH and row[3] == DASH for row in rows)
    partly = sum(row[2] != DASH and row[3] != DASH for row in rows)
    name = guideline.name.lower().replace(" ", "-").replace("+", "-")
    notes = [
        f"Of {len(rows)} rows the record fills {filled}, and {partly} in part. Topics are in our "
        f"own words: submit the published form. {guideline.citation}"
    ]
    title = f"{guideline.name}: {guideline.scope}"
    return Sheet(f"checklist-{name}", title, COLUMNS, [(*row,) for row in rows], notes)


def _row(item: Item, facts: Mapping[str, str]) -> tuple[str, str, str, str]:
    number, topic, names, missing = item
    told = " ".join(_closed(facts[name]) for name in names if facts.get(name))
    return number, topic, told or DASH, (missing or DASH) if told else ALL


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
