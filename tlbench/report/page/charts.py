"""All figures of a comparison: for the page, and as files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from tlbench.compare import Compared
from tlbench.files import write_whole
from tlbench.report.page.cutoffs import slider_context
from tlbench.report.page.estimate_charts import (
    cost_figures,
    difference_figure,
    forest_figure,
    seeds_figure,
)
from tlbench.report.page.figure import CONFIG, ROW, Figure, compile_chart, on_paper
from tlbench.report.page.probability_charts import probability_figures
from tlbench.report.page.roc_chart import PAPER, PAPER_AUC, roc_figure
from tlbench.report.page.series import Series, series_of
from tlbench.report.page.template import FOLDER

Format = Literal["svg", "png"]

_WIDTH = 640
_PANEL = 180
_SCALE = 3  # pixels of a PNG for each of the figure's
_PAPER: dict[str, Any] = CONFIG | {
    "background": "var(--paper)",
    "padding": 10,
    "font": "sans-serif",
    "title": {"color": "var(--ink)", "fontSize": 15, "anchor": "start", "offset": 12},
}


def charts_context(compared: Compared) -> dict[str, Any]:
    """Return what `charts.html` and `slider.html` show, with their `style` and `scripts`.

    The scripts are Vega's and a small one of ours; neither fetches anything, and neither makes
    code of text, so that a page may forbid both.
    """
    series = series_of(compared)
    return {
        "figures": [_in_page(one) for one in figures_of(series, compared.data)],
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
    files: dict[Path, bytes] = {}
    for figure in figures_of(series_of(compared), compared.data):
        spec = _for_file(figure)
        for kind in formats:
            if kind == "svg":
                content = vl_convert.vega_to_svg(spec).encode()
            else:
                content = vl_convert.vega_to_png(spec, scale=_SCALE)
            files[folder / f"{figure.name}.{kind}"] = content
    for file, content in files.items():
        _write(file, content)
    return list(files)


def _write(file: Path, content: bytes) -> None:
    write_whole(file, lambda stream: stream.write(content))


def figures_of(series: Sequence[Series], data: Any) -> list[Figure]:
    """Return the figures in the order of the page; those that have nothing to show are left out."""
    pairs = [difference_figure(series, data)] if data["pairs"] else []
    seeds = seeds_figure(series)
    return [
        roc_figure(series, data),
        forest_figure(series, data),
        *pairs,
        *probability_figures(series, data),
        *([seeds] if seeds else []),
        *cost_figures(series, data),
    ]


def _in_page(figure: Figure) -> dict[str, Any]:
    grid = figure.shape == "grid"
    return {
        "name": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        "alt": figure.alt,
        "shape": figure.shape,
        "height": figure.height,
        "sheet": figure.sheet,
        "see": figure.see,
        "legend": figure.legend,
        "spec": compile_chart(_sized(figure.chart, figure), figure.data, columns=grid),
    }


def _sized(chart: Any, figure: Figure) -> Any:
    if figure.shape == "grid":
        return chart
    return chart.properties(width=_WIDTH, height=_height(figure))


def _height(figure: Figure) -> int:
    if figure.shape == "matrix":
        return max(12, min(48, 900 // figure.height)) * figure.height + ROW
    return figure.height or _WIDTH - 40


def _for_file(figure: Figure) -> dict[str, Any]:
    grid = figure.shape == "grid"
    chart = figure.with_legend() if figure.with_legend else figure.chart
    chart = chart.properties(title=figure.title)
    if not grid:
        chart = chart.properties(width=_WIDTH - 160, height=min(_height(figure), _WIDTH - 160)
                                 if figure.shape == "square" else _height(figure))  # fmt: skip
    spec = compile_chart(chart, figure.data, columns=grid, config=_PAPER)
    values = {"columns": 3, "child_width": _PANEL, "child_height": _PANEL}
    for signal in spec["signals"]:
        if signal["name"] in values:
            signal["value"] = values[signal["name"]]
    if not grid:
        # A legend takes room of its own, and must not squeeze the figure.
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
