"""A figure before it is shown: a drawing in Vega-Lite, with the words that belong to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tlbench.report.page.template import FOLDER
from tlbench.report.sheets import Sheet

Row = dict[str, Any]
Shape = Literal["square", "wide", "rows", "grid", "matrix"]

ROW = 24
"""The height of a row of a figure that has one for each backbone."""

NARROW = "room < 600"
"""The Vega expression that tells a phone."""

CONFIG: dict[str, Any] = {
    # The figure as a whole is described by its alt text and its table: its marks are not read out.
    "aria": False,
    "font": "system-ui, sans-serif",
    "padding": 2,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink)",
        "domainColor": "var(--ink-soft)",
        "tickColor": "var(--ink-soft)",
        "gridColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "header": {"labelColor": "var(--ink)", "labelFontSize": 12},
    "legend": {
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink)",
        "labelLimit": 400,
        "labelFontSize": 12,
    },
    "text": {"color": "var(--ink)", "fontSize": 12},
}


@dataclass(frozen=True, eq=False)
class Chart:
    """One figure: `drawing` is Altair's, of the rows in `data`; `alt` and `caption` are plain text.

    `sheet` holds its numbers, or `see` names the section of the page that does. `height` is in
    pixels; a "square" is as high as it is wide, a "grid" has panels side by side. With `legend`
    the page draws one, with a switch for each backbone; `with_legend` makes the drawing with
    a legend of its own, for files.
    """

    name: str
    title: str
    caption: str
    alt: str
    drawing: Any
    data: Mapping[str, Sequence[Row]]
    shape: Shape
    height: int = 0
    sheet: Sheet | None = None
    see: str | None = None
    legend: bool = False
    with_legend: Callable[[], Any] | None = None


def drawing_of(name: str) -> Any:
    """Return a drawing, without marks yet, of the rows that `Chart.data` has under `name`."""
    import altair

    return altair.Chart(altair.NamedData(name=name))


def names_axis(names: Sequence[str]) -> Any:
    """Return the axis of a drawing with a row for each name, in their order.

    Such a drawing needs the parameter that `room_parameter` gives.
    """
    import altair as alt

    limit = alt.expr(f"{NARROW} ? 150 : 300")
    axis = alt.Axis(labelLimit=limit, ticks=False, domain=False)
    return alt.Y("name:N", title=None, sort=list(names), axis=axis)


def room_parameter() -> Any:
    """Return the parameter that says how many pixels wide the page has room; the page sets it."""
    import altair as alt

    return alt.param(name="room", value=700)


def compile_chart(
    drawing: Any,
    data: Mapping[str, Sequence[Row]],
    *,
    columns: bool = False,
    config: Mapping[str, Any] = CONFIG,
) -> dict[str, Any]:
    """Return the Vega specification of an Altair drawing with its rows by name.

    Rows are put in afterwards: Altair would copy and check each many times. It checks the parts of
    a drawing as they are made; checking the whole anew would only take time. With `columns` the
    number of panels side by side becomes a signal of that name.
    """
    import vl_convert

    spec: dict[str, Any] = vl_convert.vegalite_to_vega(
        drawing.to_dict(validate=False), config=dict(config)
    )
    # Where the schema is published is of no use to a page that fetches nothing.
    del spec["$schema"]
    # Without one in the configuration it is white, in the dark too.
    if "background" not in config:
        del spec["background"]
    for source in spec["data"]:
        if source["name"] in data:
            source["values"] = list(data[source["name"]])
    if columns:
        _free_columns(spec)
        spec["autosize"] = {"type": "pad", "resize": True}
    else:
        spec["autosize"] = {"type": "fit", "contains": "padding"}
    return spec


def _free_columns(spec: dict[str, Any]) -> None:
    """Let a signal say how many panels stand side by side: Vega-Lite itself takes a number only."""
    fixed = spec["layout"]["columns"]
    spec["layout"]["columns"] = {"signal": "columns"}
    spec["signals"].append({"name": "columns", "value": fixed})
    for source in spec["data"]:
        if source["name"] in ("facet_domain_row", "facet_domain_column"):
            stop = source["transform"][0]["stop"]
            stop["signal"] = re.sub(rf"\b{fixed}\b", "columns", stop["signal"])


def on_paper(value: Any) -> Any:
    """Return a specification with the page's light colours in place of its style's variables."""
    return _replace(value, _light_colours())


def _replace(value: Any, colours: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replace(item, colours) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, colours) for item in value]
    variable = re.fullmatch(r"var\(--([\w-]+)\)", value) if isinstance(value, str) else None
    return colours.get(variable[1], value) if variable else value


def _light_colours() -> dict[str, str]:
    css = (FOLDER / "page.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{6})", css)
    # Light comes first in the file; what is said again is for the dark.
    return dict(reversed(found))
