"""The comparison as one self-contained page: what stands on it, and in which order."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from tlbench import __version__
from tlbench.compare import Compared
from tlbench.plugins import PluginHost
from tlbench.progress import Progress
from tlbench.records import Record
from tlbench.report.comparisons import comparison_sheets
from tlbench.report.page.answer import answer_context
from tlbench.report.page.cases import cases_context
from tlbench.report.page.charts import charts_context
from tlbench.report.page.checklist import checklist_sheets
from tlbench.report.page.citations import bibtex
from tlbench.report.page.sources import CasesRequest
from tlbench.report.page.template import FOLDER, render
from tlbench.report.page.trust import found_leaks, trust_context
from tlbench.report.rows import data_words, holdout_words, unit_of


def make_page(
    compared: Compared,
    cases: CasesRequest | None = None,
    host: PluginHost | None = None,
    progress: Progress | None = None,
) -> str:
    """Return the page of a comparison: one HTML file that fetches nothing from anywhere.

    `cases` says what the gallery of cases shows and where its radiographs are, `host` offers who
    reads them. Raises what `cases_context` raises.
    """
    from markupsafe import Markup

    context = _context(compared)
    context["cases"] = cases_context(compared, cases, host, progress)
    context["sections"] = _sections(context)
    wants_maps = cases is not None and cases.heatmaps
    context["checklist"] = checklist_sheets(
        compared.data, _records(compared), _CASES | (_HEAT_MAPS if wants_maps else {})
    )
    scripts = context["scripts"]
    # Style and scripts are text of this package, never of a record: they alone are not escaped.
    return render(
        "page.html",
        context
        | {
            "style": Markup(context["style"]),
            "scripts": [Markup(script) for script in scripts],
            "policy": _policy(scripts),
        },
    )


def _context(compared: Compared) -> dict[str, Any]:
    data, records = compared.data, _records(compared)
    tables = comparison_sheets(data)[1:]
    charts = charts_context(compared)
    return {
        "version": __version__,
        "title": f"Comparison of backbones: {data_words(data)}",
        "subtitle": holdout_words(data["holdout"], unit_of(data)),
        "runs": sum(len(entry.seeds) for entry in compared.entries),
        "style": _text("page.css") + _text("cases.css") + charts["style"],
        "scripts": [_text("page.js"), *charts["scripts"]],
        "charts": charts,
        "answer": answer_context(data, found_leaks(compared)),
        "tables": [(sheet.name, _HEADINGS[sheet.name], sheet) for sheet in tables],
        "trust": trust_context(compared),
        "bibtex": bibtex(data, records),
    }


def _records(compared: Compared) -> dict[str, Record]:
    return {entry.name: entry.record for entry in compared.entries}


_HEADINGS = {"scores": "Calibration", "pairs": "Every pair"}
# What the page itself answers of a guideline.
_CASES = {"cases": "Errors, close calls and disagreements are listed under Cases."}
_HEAT_MAPS = {"heat_maps": "Heat maps of the cases, with how they were made, stand under Cases."}


def _sections(context: dict[str, Any]) -> list[tuple[str, str]]:
    """What the contents list: the sections that are there, by id and name."""
    return [
        ("answer", "Answer"),
        ("figures", "Figures"),
        ("cutoff", "Cut-off"),
        *((name, heading) for name, heading, _ in context["tables"]),
        ("cases", "Cases"),
        ("trust", "Trust"),
        ("checklist", "Checklist"),
        ("citations", "Citations"),
    ]


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """The content security policy: no network at all, and no script but those of this page."""
    hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
