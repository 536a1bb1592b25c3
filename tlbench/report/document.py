"""A comparison as a document: the page, or its tables as Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from tlbench.compare import Compared, compare
from tlbench.files import write_whole
from tlbench.records import Record
from tlbench.report.comparisons import comparison_sheets
from tlbench.report.formats import markdown_text, to_latex, to_markdown

if TYPE_CHECKING:
    from tlbench.plugins import PluginHost
    from tlbench.progress import Progress
    from tlbench.report.page.sources import CasesRequest

Format = Literal["html", "markdown", "latex"]


def make_report(
    runs: Sequence[str | Record] = (),
    *,
    output: str | Path = "report.html",
    format: Format = "html",
    figures: str | Path | None = None,
    images: bool = True,
    heatmaps: bool = False,
    data_root: str | Path | None = None,
    positive: str | None = None,
    manifest: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    cache: str | Path | None = None,
    offline: bool = False,
    plugins: Sequence[str | Path] = (),
    **options: Any,
) -> Path:
    """Compare records that share a hold-out, write the report to `output` and return it.

    `runs` and the other `options` are those of `compare`. `figures` is a folder that gets every
    figure as SVG and PNG. `images` shows cases as thumbnails, and
    `heatmaps` what their scores come from; `data_root`, `positive`, `manifest` and `columns` say
    where the radiographs are, as they did for the run, `plugins` are files that offer who reads
    them. The file is written whole or not at all. Raises `DataError` where hold-outs differ or the
    radiographs are not those measured, `CacheError` where the file can't be written.
    """
    from tlbench.plugins import load_plugins
    from tlbench.report.page.sources import CasesRequest

    request = CasesRequest(
        images=images,
        heatmaps=heatmaps,
        data_root=None if data_root is None else Path(data_root),
        positive=positive,
        manifest=None if manifest is None else Path(manifest),
        columns=columns or {},
        cache=None if cache is None else Path(cache),
        offline=offline,
    )
    host = load_plugins([Path(file) for file in plugins])
    file = Path(output)
    compared = compare(runs, **options)
    if figures is not None:
        from tlbench.report.page.charts import save_charts

        save_charts(compared, Path(figures))
    save_report(compared, file, format, request, host)
    return file


def save_report(
    compared: Compared,
    file: Path,
    format: Format = "html",
    cases: CasesRequest | None = None,
    host: PluginHost | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the report of a comparison to `file`, whole or not at all."""
    content = report_text(compared, format, cases, host, progress).encode()
    write_whole(file, lambda stream: stream.write(content))


def report_text(
    compared: Compared,
    format: Format = "html",
    cases: CasesRequest | None = None,
    host: PluginHost | None = None,
    progress: Progress | None = None,
) -> str:
    """Return the report as text; raises ValueError for an unknown format.

    HTML is the whole page, whose gallery `cases`, `host` and `progress` are for. Markdown has its
    words and all its tables. LaTeX has the tables of figures, in the style of `booktabs`; what is
    mostly words stays out.
    """
    if format == "html":
        from tlbench.report.page.page import make_page

        return make_page(compared, cases, host, progress)
    if format == "markdown":
        return _markdown(compared)
    if format == "latex":
        from tlbench.report.page.trust import trust_sheets

        return to_latex([*comparison_sheets(compared.data), trust_sheets(compared)[0]])
    raise ValueError(f"format must be one of {', '.join(get_args(Format))}, not {format!r}")


def _markdown(compared: Compared) -> str:
    from tlbench.report.page.answer import answer_sentences, answer_warnings
    from tlbench.report.page.checklist import checklist_sheets
    from tlbench.report.page.trust import found_leaks, trust_sheets

    data = compared.data
    records = {entry.name: entry.record for entry in compared.entries}
    words = "\n\n".join(markdown_text(sentence) for sentence in answer_sentences(data))
    sheets = [
        *comparison_sheets(data, warnings=False),
        *trust_sheets(compared),
        *checklist_sheets(data, records),
    ]
    warnings = "".join(
        f"- **{markdown_text(title)}** {markdown_text(' '.join(lines))}\n"
        for title, lines in answer_warnings(data, found_leaks(compared))
    )
    return f"{words}\n\n{warnings}\n{to_markdown(sheets)}"
