"""The tables of `tlbench data check` and `tlbench data show`."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.datasets.check import Finding
from tlbench.datasets.counts import Count
from tlbench.words import few

FINDING_COLUMNS = ("", "expected", "found", "result", "")
COUNT_COLUMNS = ("", "", "radiographs", "positive", "negative", "patients")


def finding_rows(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """Return a row for each finding, which ends in its first few names or its reason."""
    return [
        (
            finding.what,
            _number(finding.expected),
            _number(finding.found),
            finding.result,
            finding.reason or few(list(finding.names)),
        )
        for finding in findings
    ]


def count_rows(counts: Sequence[Count]) -> list[tuple[str, ...]]:
    """Return a row for each count; each word stands once, before the first of its values."""
    rows: list[tuple[str, ...]] = []
    before = ""
    for count in counts:
        rows.append(
            (
                count.word if count.word != before else "",
                count.value,
                f"{count.radiographs:,}",
                f"{count.positives:,}",
                f"{count.radiographs - count.positives:,}",
                _number(count.patients),
            )
        )
        before = count.word
    return rows


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
