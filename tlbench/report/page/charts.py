"""All figures of a comparison: for the page, and as files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from tlbench.compare import Compared
from tlbench.files import write_whole
from tlbench.report.page.chart import CONFIG, ROW, Chart, compile_chart, on_paper
from tlbench.report.page.cost_charts import cost_charts
from tlbench.report.page.cutoffs import slider_context
from tlbench.report.page.decision_chart import decision_chart
from tlbench.report.page.forest_chart import forest_chart
from tlbench.report.page.pair_chart import pair_chart
from tlbench.report.page.reliability_chart import reliability_chart
from tlbench.report.page.roc_chart import PAPER, PAPER_AUC, roc_chart
from tlbench.report.page.score_chart import score_chart
from tlbench.report.page.seed_chart import seed_chart
from tlbench.report.page.series import Series, series_of
from tlbench.report.page.template import FOLDER
from tlbench.report.page.trust import found_leaks
from tlbench.report.rows import data_words

Format = Literal["svg", "png"]

_WIDTH = 640
_PANEL = 180
_SCALE = 3  # pixels of a PNG for each of the figure's
_PAPER: dict[str, Any] = CONFIG | {
    "background": "var(--paper)",
    "padding": 10,
    "font": "sans-serif",
    "title": {
        "color": "var(--ink)",
        "fontSize": 15,
        "subtitleColor": "var(--ink)",
        "anchor": "start",
        "offset": 12,
    },
}


def charts_context(compared: Compared) -> dict[str, Any]:
    """Return what `charts.html` and `slider.html` show, with their `style` and `scripts`.

    The scripts are Vega's and a small one of ours; neither fetches anything, and neither makes
    code of text, so that a page may forbid both.
    """
    series = series_of(compared)
    return {
        "figures": [_in_page(one) for one in charts_of(series, compared.data)],
        "backbones": [
            {
                "name": one.name,
                "colour": one.colour,
                "dashes": " ".join(map(str, one.dashes)),
                "shown": one.shown,
                "auc": f"{one.classifier['auc']:.3f}",
            }
            for one in series
        ],
        "paper": {"name": PAPER, "auc": PAPER_AUC},
        "slider": slider_context(series, compared.data),
        "style": _text("charts.css"),
        "scripts": [_library(), _text("charts.js")],
    }


def save_charts(
    compared: Compared, folder: Path, formats: Sequence[Format] = ("svg", "png")
) -> list[Path]:
    """Save every figure in every format, light and with its own legend, and return the files.

    All are drawn before the first is written, and each is written whole or not at all. Raises
    ValueError for an unknown format; `CacheError` where `folder` can't be written.
    """
    import vl_convert

    for kind in formats:
        if kind not in get_args(Format):
            raise ValueError(f"format must be one of {', '.join(get_args(Format))}, not {kind!r}")
    leaks = (found_leaks(compared) or {}).get("leaks")
    subtitle = data_words(compared.data) + (": the data leak" if leaks else "")
    files: dict[Path, bytes] = {}
    for chart in charts_of(series_of(compared), compared.data):
        spec = _for_file(chart, subtitle)
        for kind in formats:
            if kind == "svg":
                content = vl_convert.vega_to_svg(spec).encode()
            else:
                content = vl_convert.vega_to_png(spec, scale=_SCALE)
            files[folder / f"{chart.name}.{kind}"] = content
    for file, content in files.items():
        _write(file, content)
    return list(files)


def _write(file: Path, content: bytes) -> None:
    write_whole(file, lambda stream: stream.write(content))


def charts_of(series: Sequence[Series], data: Any) -> list[Chart]:
    """Return the charts in the order of the page; those that have nothing to show are left out."""
    chances = [one for one in series if one.curve.probabilities]
    several = [one for one in series if one.classifier["seeds"]["n_seeds"] > 1]
    return [
        roc_chart(series, data),
        forest_chart(series, data),
        *([pair_chart(series, data)] if data["pairs"] else []),
        score_chart(series, data),
        *([reliability_chart(chances, data), decision_chart(chances, data)] if chances else []),
        *([seed_chart(several)] if several else []),
        *cost_charts(series, data),
    ]


def _in_page(chart: Chart) -> dict[str, Any]:
    grid = chart.shape == "grid"
    drawing = chart.drawing
    if not grid:
        drawing = drawing.properties(width=_WIDTH, height=_height(chart))
    return {
        "name": chart.name,
        "title": chart.title,
        "caption": chart.caption,
        "alt": chart.alt,
        "shape": chart.shape,
        "height": chart.height,
        "sheet": chart.sheet,
        "see": chart.see,
        "legend": chart.legend,
        "spec": compile_chart(drawing, chart.data, columns=grid),
    }


def _height(chart: Chart) -> int:
    if chart.shape == "matrix":
        return max(12, min(48, 900 // chart.height)) * chart.height + ROW
    return chart.height or _WIDTH - 40


def _for_file(chart: Chart, subtitle: str) -> dict[str, Any]:
    grid = chart.shape == "grid"
    drawing = chart.with_legend() if chart.with_legend else chart.drawing
    drawing = drawing.properties(title={"text": chart.title, "subtitle": subtitle})
    if not grid:
        width = _WIDTH - 160
        height = width if chart.shape == "square" else _height(chart)
        drawing = drawing.properties(width=width, height=height)
    spec = compile_chart(drawing, chart.data, columns=grid, config=_PAPER)
    values = {"columns": 3, "child_width": _PANEL, "child_height": _PANEL}
    for signal in spec.get("signals", []):
        if signal["name"] in values:
            signal["value"] = values[signal["name"]]
    if not grid:
        # A legend takes room of its own, and must not squeeze the drawing.
        spec["autosize"] = {"type": "pad"}
    return dict(on_paper(spec))


@cache
def _library() -> str:
    """Vega's libraries as one script; they name nothing of the page but `vegaEmbed`."""
    import vl_convert

    found: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return found.replace("</script", "<\\/script")


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
