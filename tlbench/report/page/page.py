"""The comparison as one self-contained page: what stands on it, and in which order."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from tlbench import __version__
from tlbench.compare import Compared
from tlbench.report.comparisons import comparison_sheets
from tlbench.report.page.charts import charts_context
from tlbench.report.page.template import FOLDER, render
from tlbench.report.rows import data_words, holdout_words, unit_of


def make_page(compared: Compared) -> str:
    """Return the page of a comparison: one HTML file that fetches nothing from anywhere."""
    from markupsafe import Markup

    context = _context(compared)
    scripts = context["scripts"]
    # Text of ours, never of a record: what is not escaped here is written in this package.
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
    data = compared.data
    sheets = comparison_sheets(data)
    context: dict[str, Any] = {
        "version": __version__,
        "title": f"Comparison of backbones: {data_words(data)}",
        "subtitle": holdout_words(data["holdout"], unit_of(data)),
        "names": list(data["classifiers"]),
        "sections": [
            ("answer", "Answer"),
            ("figures", "Figures"),
            ("cutoff", "Cut-off"),
            ("pairs", "Pairs"),
        ],
        "style": (FOLDER / "page.css").read_text(encoding="utf-8"),
        "scripts": [],
        "answer": {"sentence": "", "sheets": sheets[:2]},
        "pairs": sheets[2:],
    }
    context["charts"] = charts = charts_context(compared)
    context["style"] += charts["style"]
    context["scripts"] += charts["scripts"]
    # cases: context["cases"] = cases_context(compared, ...)
    return context


def _policy(scripts: Sequence[str]) -> str:
    """The content security policy: no network at all, and no script but those of this page."""
    hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
