"""Figures for a paper: ROC curves, forest plot, reliability and decision curves, as files.

matplotlib is imported where something is drawn and nowhere else: most commands never do.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from tlbench.files import write_whole
from tlbench.report.plot_curves import Curve, Line, to_lines
from tlbench.report.plot_pages import decision_page, forest_page, reliability_page, roc_page
from tlbench.report.plot_text import plain, plot_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Curve", "Format", "save_plots"]

Format = Literal["png", "svg"]


def save_plots(
    curves: Sequence[Curve],
    folder: Path,
    *,
    level: float = 0.95,
    ci: Literal["logit", "wald"] = "logit",
    title: str = "",
    formats: Sequence[Format] = ("png",),
    paper_point: bool = False,
) -> list[Path]:
    """Save the figures of classifiers on one hold-out and return the files.

    `roc`, `forest` and, for the curves that are probabilities, `reliability` and `decision`, each
    in every format. `title` is shown above each figure, as plain text. All are drawn before the
    first is written, and each file is written whole or not at all. Raises ValueError for no curves,
    an unknown format, one class only, or probabilities that are none; `CacheError` where `folder`
    can't be written.
    """
    if not curves:
        raise ValueError("no curves to draw")
    for kind in formats:
        if kind not in get_args(Format):
            raise ValueError(f"format must be one of {', '.join(get_args(Format))}, not {kind!r}")
    files: dict[Path, bytes] = {}
    with plot_style():
        lines = to_lines(curves, level=level, ci=ci)
        for name, figure in _figures(lines, title, level, paper_point):
            for kind in formats:
                files[folder / f"{name}.{kind}"] = _render(figure, kind, f"{name}: {plain(title)}")
    for file, content in files.items():
        _write(file, content)
    return list(files)


def _figures(
    lines: Sequence[Line], title: str, level: float, paper_point: bool
) -> list[tuple[str, Figure]]:
    figures = [
        ("roc", roc_page(lines, title, level=level, paper_point=paper_point)),
        ("forest", forest_page(lines, title, level=level)),
    ]
    chances = [line for line in lines if line.curve.probabilities]
    if chances:
        figures.append(("reliability", reliability_page(chances, title, level=level)))
        figures.append(("decision", decision_page(chances, title)))
    return figures


def _render(figure: Figure, kind: Format, title: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    # No date and no version: the same results give the same file, byte for byte.
    metadata: dict[str, Any] = {"Title": title.removesuffix(": ")}
    canvas: FigureCanvasAgg | FigureCanvasSVG
    if kind == "png":
        canvas, metadata["Software"] = FigureCanvasAgg(figure), "tlbench"
    else:
        canvas = FigureCanvasSVG(figure)
        metadata |= {"Creator": "tlbench", "Date": None}
    stream = BytesIO()
    canvas.print_figure(stream, format=kind, metadata=metadata)
    return stream.getvalue()


def _write(file: Path, content: bytes) -> None:
    write_whole(file, lambda stream: stream.write(content))
