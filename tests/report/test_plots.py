"""Figures: what is drawn is what `tlbench.stats` says, and files come out whole and the same."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tlbench.errors import CacheError
from tlbench.report.plot_axes import (
    PAPER_POINT,
    count_scores,
    draw_decision,
    draw_forest,
    draw_histogram,
    draw_reliability,
    draw_roc,
    forest_start,
    sensitivity_band,
    thin,
)
from tlbench.report.plot_curves import MOST_NAMED, to_lines
from tlbench.report.plot_pages import (
    decision_page,
    forest_page,
    reliability_page,
    roc_page,
)
from tlbench.report.plot_text import plain, plot_style, shorten, text_width, wrap
from tlbench.report.plots import Curve, save_plots
from tlbench.stats import (
    auc,
    auc_interval,
    clustered_proportion,
    decision_curve,
    operating_point,
    proportion,
    reliability,
    roc_curve,
)

ALL = ["roc", "forest", "reliability", "decision"]
HOSTILE = ["<script>", "$x_1$", "a & b", "_hidden", '"quoted" \\frac{1}{2} %s {0}', "$"]


def curve(name: str = "net", shift: float = 1.5, *, n: int = 60, **fields: Any) -> Curve:
    rng = np.random.default_rng(sum(map(ord, name)))
    labels = np.arange(n) % 2
    scores = 1 / (1 + np.exp(-shift * (labels - 0.5) - rng.normal(size=n)))
    values: dict[str, Any] = {"groups": None, "cutoff": 0.5, "scores": scores}
    return Curve(name=name, labels=labels, **values | fields)


def many(count: int) -> list[Curve]:
    controls = {count - 1, count - 2} if count > 2 else set()
    return [
        curve(f"net_{i:02d}", 3.0 - 2.5 * i / count, control=i in controls) for i in range(count)
    ]


@pytest.fixture
def axes() -> Iterator[Any]:
    from matplotlib.figure import Figure

    with plot_style():
        yield Figure().add_subplot()


def drawn(axes: Any, gid: str) -> list[NDArray[np.float64]]:
    """The points (2, n) of the lines with this id."""
    return [np.array(line.get_data()) for line in axes.lines if line.get_gid() == gid]


def texts(svg: Path) -> list[str]:
    root = ElementTree.fromstring(svg.read_bytes())
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("count", [1, 2, 3, 13])
def test_png_files_are_images_of_a_size_for_print(tmp_path: Path, count: int) -> None:
    files = save_plots(many(count), tmp_path, title="demo")
    assert files == [tmp_path / f"{name}.png" for name in ALL]
    for file in files:
        with Image.open(file) as image:
            image.load()
            width = image.width / 300 * 25.4
            assert 79 < width < 170
            assert 25 < image.height / 300 * 25.4 < 250
            assert len(image.convert("L").getcolors() or []) > 10


def test_forty_classifiers_still_give_figures(tmp_path: Path) -> None:
    files = save_plots(many(40), tmp_path, formats=["svg"])
    roc, forest, panels, _ = (texts(file) for file in files)
    for file in files:
        height = ElementTree.fromstring(file.read_bytes()).get("height", "")
        assert float(height.removesuffix("pt")) / 72 * 25.4 < 297, "more than a page"
    assert next(text for text in roc if "others, AUC" in text).startswith("30 others")
    # The controls are named among the best.
    assert any(text.startswith("net_39, AUC") for text in roc)
    for name in (f"net_{i:02d}" for i in range(40)):
        assert name in forest
        assert name in panels


def test_files_come_figure_by_figure_in_the_order_of_the_formats(tmp_path: Path) -> None:
    files = save_plots([curve()], tmp_path / "new", formats=("svg", "png", "svg"))
    assert [file.name for file in files[:4]] == ["roc.svg", "roc.png", "forest.svg", "forest.png"]
    assert sorted(files) == sorted((tmp_path / "new").iterdir())


def test_svg_is_the_same_twice_and_carries_no_date(tmp_path: Path) -> None:
    contents = [
        [file.read_bytes() for file in save_plots(many(3), tmp_path / name, formats=("svg", "png"))]
        for name in "ab"
    ]
    assert contents[0] == contents[1]
    assert not any(b"dc:date" in content for content in contents[0])


def test_names_from_outside_are_text(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        files = save_plots(
            [curve(name) for name in HOSTILE], tmp_path, title="$T$ <b>&", formats=("svg", "png")
        )
    for file in files:
        if file.suffix == ".svg":
            found = texts(file)
            assert "$T$ <b>&" in found
            assert b"<script>" not in file.read_bytes()
            for name in HOSTILE:
                assert any(text == name or text.startswith(f"{name}, AUC") for text in found), name


def test_long_names_and_titles_stay_on_the_page(tmp_path: Path) -> None:
    names = ["x" * 400, "many words " * 60, "net_" * 99, "读影 \x00\ud800\u202e\n\U0001f9b4", ""]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_plots([curve(name) for name in names], tmp_path, title="word " * 300)
        lines = to_lines([curve(name) for name in names])
        with plot_style():
            for figure in every_page(lines, "word " * 300):
                check_text_is_on_the_page(figure)


def every_page(lines: Any, title: str = "title") -> list[Any]:
    return [
        roc_page(lines, title, paper_point=True),
        forest_page(lines, title),
        reliability_page(lines, title),
        decision_page(lines, title),
    ]


def boxes(figure: Any) -> dict[str, Any]:
    """Where each text of a figure is, in dots of the file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(300)  # as in the files: letters are hinted wider at fewer dots
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    written = [*figure.texts]
    for axes in figure.axes:
        written += [axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            ticks = axis.get_major_ticks()
            written += [tick.label1 for tick in ticks if tick.label1.get_visible()]
    return {
        f"{number}: {text.get_text()}": text.get_window_extent(canvas.get_renderer())
        for number, text in enumerate(written)
        if text.get_text()
    }


def check_text_is_on_the_page(figure: Any) -> None:
    for text, box in boxes(figure).items():
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.width, text
        assert box.y1 <= figure.bbox.height, text


@pytest.mark.parametrize("count", [1, 2, 4, 8, MOST_NAMED, MOST_NAMED + 1, 21])
def test_all_text_is_on_the_page(count: int) -> None:
    with plot_style():
        for figure in every_page(to_lines(many(count)), "demo, paper2018, seed 0: hold-out"):
            check_text_is_on_the_page(figure)


@pytest.mark.parametrize("count", [1, 3, 5, 13])
def test_no_text_lies_on_other_text(count: int) -> None:
    with plot_style():
        for figure in every_page(to_lines(many(count))):
            for (one, first), (other, second) in combinations(boxes(figure).items(), 2):
                assert not first.padded(-2).overlaps(second.padded(-2)), (one, other)


def test_roc_curves_are_those_of_the_statistics(axes: Any) -> None:
    curves = [curve("a"), curve("b", 0.5), curve("c", cutoff=None)]
    draw_roc(axes, to_lines(curves))
    for one, points in zip(curves, drawn(axes, "curve"), strict=True):
        expected = roc_curve(one.labels, one.scores)
        np.testing.assert_array_equal(points, [expected.fpr, expected.tpr])
    assert not axes.collections, "a band for one or two curves only"


@pytest.mark.parametrize("cutoff", [0.5, 0.0, np.inf, -np.inf])
def test_the_cutoff_is_marked_where_it_lies_on_the_curve(axes: Any, cutoff: float) -> None:
    one = curve(cutoff=cutoff)
    draw_roc(axes, to_lines([one]))
    point = operating_point(one.labels, one.scores, cutoff)
    [marked] = drawn(axes, "cut-off")
    assert point.sensitivity.value is not None
    assert point.specificity.value is not None
    np.testing.assert_allclose(
        marked[:, 0], [1 - point.specificity.value, point.sensitivity.value], rtol=0, atol=1e-15
    )
    expected = roc_curve(one.labels, one.scores)
    distance = np.abs(expected.fpr - marked[0, 0]) + np.abs(expected.tpr - marked[1, 0])
    assert distance.min() < 1e-12


def test_without_a_cutoff_nothing_is_marked(axes: Any) -> None:
    draw_roc(axes, to_lines([curve(cutoff=None)]), paper_point=True)
    assert not drawn(axes, "cut-off")
    [paper] = drawn(axes, "paper")
    assert tuple(paper[:, 0]) == PAPER_POINT == (0.12, 0.90)


def test_the_paper_is_named_only_where_it_is_drawn(tmp_path: Path) -> None:
    for wanted in (True, False):
        [roc, *_] = save_plots([curve()], tmp_path, formats=["svg"], paper_point=wanted)
        assert ("Kim and MacKinnon 2018" in texts(roc)) == wanted


def test_the_band_is_wilsons_interval_of_sensitivity(axes: Any) -> None:
    one = curve()
    roc = roc_curve(one.labels, one.scores)
    x, low, high = sensitivity_band(one, roc, 0.9)
    np.testing.assert_array_equal(x, roc.fpr)
    for k, *limits in zip(roc.tp, low, high, strict=True):
        wilson = proportion(int(k), roc.n_positive, level=0.9)
        assert limits == [wilson.low, wilson.high]
    draw_roc(axes, to_lines([one]), level=0.9)
    [band] = axes.collections
    vertices = band.get_paths()[0].vertices
    assert vertices[:, 1].max() == pytest.approx(high.max())
    assert vertices[:, 1].min() == pytest.approx(low.min())


def test_the_band_allows_for_patients_with_several_cases() -> None:
    patients = np.array([f"p{i // 4}" for i in range(60)], dtype=object)
    one = curve(groups=patients)
    roc = roc_curve(one.labels, one.scores)
    _, low, high = sensitivity_band(one, roc, 0.95)
    positive = one.labels == 1
    for cutoff, *limits in zip(roc.thresholds, low, high, strict=True):
        hits = one.scores[positive] >= cutoff
        expected = clustered_proportion(hits, patients[positive])
        assert limits == [expected.low, expected.high]
    plain_low = sensitivity_band(curve(), roc, 0.95)[1]
    assert (low <= plain_low + 1e-12).all()


def test_long_curves_are_thinned_without_a_visible_change() -> None:
    one = curve(n=20_000)
    roc = roc_curve(one.labels, one.scores)
    kept = thin(roc, 500)
    assert kept.size <= 500
    assert (kept[0], kept[-1]) == (0, roc.fpr.size - 1)
    along = (roc.fpr + roc.tpr)[kept]
    assert np.diff(along).max() < 2 / 499 + 1e-3


def test_forest_rows_are_sorted_and_carry_the_intervals(axes: Any) -> None:
    curves = [curve("low", 0.3), curve("high", 4.0), curve("middle", 1.5, control=True)]
    rows = draw_forest(axes, to_lines(curves, level=0.9, ci="wald"))
    assert [row.name for row in rows] == ["high", "middle", "low"]
    found = zip(rows, drawn(axes, "interval"), drawn(axes, "auc"), strict=True)
    for y, (row, interval, point) in enumerate(found):
        one = row.curve
        expected = auc_interval(one.labels, one.scores, level=0.9, method="wald")
        np.testing.assert_array_equal(interval, [[expected.low, expected.high], [y, y]])
        np.testing.assert_array_equal(point[:, 0], [expected.value, y])
    assert drawn(axes, "chance")[0][0].tolist() == [0.5, 0.5]


def test_forest_says_which_limits_were_used(tmp_path: Path) -> None:
    perfect = curve("perfect", scores=np.arange(60) % 2 * 0.5)
    patients = curve("patients", groups=np.arange(60) // 3)
    files = save_plots([perfect, patients, curve()], tmp_path, formats=["svg"], level=0.995)
    found = texts(files[1])
    text = " ".join(found)
    assert "(99.5% interval)" in found
    assert "DeLong variance or clustered variance (Obuchowski), logit-transformed limits." in text
    assert "* Variance 0 or undefined" in text
    assert sum(line.endswith(")*") for line in found) == 1


def test_the_forest_grows_with_its_rows() -> None:
    with plot_style():
        heights = [
            forest_page(to_lines([curve()] * n), "").get_size_inches()[1] * 25.4 for n in (3, 4, 40)
        ]
    assert heights[1] - heights[0] == pytest.approx(4.2)
    assert heights[2] - heights[1] == pytest.approx(36 * 4.2)


@pytest.mark.parametrize(
    ("scores", "start"), [(np.arange(60) % 2, 0.4), (1 - np.arange(60) % 2, 0.0)]
)
def test_the_forest_axis_holds_every_interval(scores: Any, start: float) -> None:
    lines = to_lines([curve(scores=scores.astype(float))])
    assert forest_start(lines) == start
    assert all(forest_start(lines) <= line.auc.low for line in lines)


def test_reliability_bins_are_those_of_the_statistics(axes: Any) -> None:
    patients = np.arange(60) // 2
    one = curve(groups=patients, scores=np.linspace(0.0, 1.0, 60))
    draw_reliability(axes, one, colour="k", level=0.9)
    expected = reliability(one.labels, one.scores).bins
    [points] = drawn(axes, "reliability")
    np.testing.assert_array_equal(points[0], [b.mean_predicted for b in expected])
    np.testing.assert_array_equal(points[1], [b.observed for b in expected])
    [bars] = axes.collections
    place = np.minimum((one.scores * 10 + 1e-12).astype(int), 9)
    for number, (bar, bin_) in enumerate(zip(bars.get_segments(), expected, strict=True)):
        inside = place == number
        assert np.count_nonzero(inside) == bin_.n
        rate = clustered_proportion(one.labels[inside], patients[inside], level=0.9)
        np.testing.assert_array_equal(bar[:, 1], [rate.low, rate.high])


def test_histogram_counts_every_score_once(axes: Any) -> None:
    one = curve()
    above, below = count_scores(one)
    assert above.sum() == np.sum(one.labels == 1)
    assert below.sum() == np.sum(one.labels == 0)
    draw_histogram(axes, one, longest=9)
    shown = {patch.get_gid(): patch.get_data().values for patch in axes.patches}
    np.testing.assert_array_equal(shown["positive"], above)
    np.testing.assert_array_equal(shown["negative"], -below)


def test_decision_curves_are_those_of_the_statistics(axes: Any) -> None:
    curves = [curve("a"), curve("b", 0.2)]
    draw_decision(axes, to_lines(curves))
    for one, points in zip(curves, drawn(axes, "benefit"), strict=True):
        expected = decision_curve(one.labels, one.scores)
        np.testing.assert_array_equal(points, [expected.thresholds, expected.model])
    [everyone] = drawn(axes, "all")
    np.testing.assert_array_equal(everyone[1], expected.treat_all)
    low, high = axes.get_ylim()
    assert -0.2 < low < 0
    assert 0.5 < high < 0.6


@pytest.mark.parametrize(
    ("scores", "value"),
    [(np.arange(60) % 2, 1.0), (1 - np.arange(60) % 2, 0.0), (np.full(60, 0.5), 0.5)],
    ids=["perfect", "reversed", "constant"],
)
@pytest.mark.parametrize("cutoff", [0.5, np.inf, None])
def test_degenerate_scores(
    tmp_path: Path, scores: NDArray[Any], value: float, cutoff: float | None
) -> None:
    one = curve(scores=scores.astype(np.float64), cutoff=cutoff)
    assert auc(one.labels, one.scores) == value
    files = save_plots([one], tmp_path, formats=["svg"])
    assert len(files) == 4
    assert not any(b"nan" in file.read_bytes().lower() for file in files)


def test_one_case_in_a_class(tmp_path: Path) -> None:
    labels = np.r_[1, np.zeros(9)].astype(np.int64)
    one = Curve("net", labels, np.linspace(0.1, 0.9, 10), np.arange(10), 0.5)
    assert len(save_plots([one], tmp_path, formats=["svg"])) == 4


def test_scores_that_are_no_probabilities_have_no_calibration(tmp_path: Path) -> None:
    logits = curve("logits", scores=np.linspace(-40.0, 60.0, 60), probabilities=False, cutoff=7.0)
    files = save_plots([logits], tmp_path / "one", formats=["svg"])
    assert [file.name for file in files] == ["roc.svg", "forest.svg"]
    files = save_plots([logits, curve()], tmp_path / "two", formats=["svg"])
    assert [file.stem for file in files] == ALL
    assert "logits" not in texts(files[2]) + texts(files[3])


def test_scores_wrongly_called_probabilities_are_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="a probability lies between 0 and 1"):
        save_plots([curve(scores=np.linspace(-4.0, 6.0, 60))], tmp_path / "plots")
    assert not (tmp_path / "plots").exists()


def test_nothing_to_draw_and_unknown_formats(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no curves"):
        save_plots([], tmp_path)
    with pytest.raises(ValueError, match="png, svg, not 'gif'"):
        save_plots([curve()], tmp_path, formats=["gif"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="one class only"):
        save_plots([Curve("net", np.ones(4, np.int64), np.zeros(4), None, None)], tmp_path)


def test_a_folder_that_cant_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheError, match="can't write to"):
        save_plots([curve()], tmp_path / "file")


def test_colour_and_pattern_stay_with_a_classifier() -> None:
    lines = to_lines(many(MOST_NAMED))
    looks = [(line.colour, line.dashes) for line in lines]
    assert len(set(looks)) == MOST_NAMED
    assert all(line.named for line in lines)
    assert {line.colour for line in lines if line.curve.control} == {"#6e6e6e"}
    crowd = to_lines(many(MOST_NAMED + 1))
    assert sum(line.named for line in crowd) == 8 + 2


def test_the_users_own_settings_neither_matter_nor_change(tmp_path: Path) -> None:
    import matplotlib as mpl

    expected = [file.read_bytes() for file in save_plots([curve()], tmp_path, formats=["svg"])]
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "text.parse_math": True}):
        found = [file.read_bytes() for file in save_plots([curve()], tmp_path, formats=["svg"])]
        assert mpl.rcParams["font.size"] == 30
    assert found == expected


def test_text_is_made_to_fit() -> None:
    assert plain("a\tb\n c") == "a b c"
    assert plain("\x07读é") == "\\u0007\\u8bfbé"
    assert shorten("short", 30, 7) == "short"
    cut = shorten("inception_resnet_v2 trained on imagenet21k", 30, 7)
    assert cut.startswith("incep")
    assert cut.endswith("21k")
    assert text_width(cut, 7) <= 30
    assert wrap("net_one net_two", 12, 7, 2) == ["net_one", "net_two"]
    assert wrap("", 12, 7, 2) == []
    broken = wrap("a" * 500, 20, 7, 3)
    assert len(broken) == 3
    assert all(text_width(line, 7) <= 20 for line in broken)
    assert "…" in "".join(broken)


def test_importing_the_module_does_not_import_matplotlib() -> None:
    code = "import sys, tlbench.report.plots; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
