"""The figures of the page: what they show is what the comparison says, in words too."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.report.page.comparisons import (
    changed,
    compared,
    forty,
    record_of,
    reference,
    regrouped,
    renamed,
    rescored,
)
from tlbench.compare import Compared
from tlbench.errors import CacheError
from tlbench.report.page.charts import charts_context, charts_of, save_charts
from tlbench.report.page.series import series_of
from tlbench.report.sheets import estimate
from tlbench.stats import (
    clustered_proportion,
    decision_curve,
    operating_point,
    reliability,
    roc_curve,
)

ALL = ["roc", "forest", "differences", "scores", "reliability", "decision"]
ALL += ["speed", "size", "memory"]


@cache
def context() -> dict[str, Any]:
    return charts_context(reference())


def names_of(found: Compared) -> list[str]:
    return [chart.name for chart in charts_of(series_of(found), found.data)]


def rows_of(name: str, source: str) -> list[dict[str, Any]]:
    (chart,) = [c for c in charts_of(series_of(reference()), reference().data) if c.name == name]
    return list(chart.data[source])


def test_every_figure_has_a_title_a_caption_and_words_from_the_data() -> None:
    figures = context()["figures"]
    assert [figure["name"] for figure in figures] == ALL
    best = next(iter(reference().data["classifiers"]))
    for figure in figures:
        assert figure["title"]
        assert len(figure["caption"]) > 80
        assert figure["sheet"] or figure["see"] in ("answer", "pairs")
    (roc, forest) = figures[:2]
    auc = reference().data["classifiers"][best]["auc"]
    assert f"{auc:.3f} ({best})" in roc["alt"]
    assert all(f"{c['auc']:.3f}" in forest["alt"] for c in reference().data["classifiers"].values())


def test_intervals_and_bands_are_said_to_be_what_they_are() -> None:
    captions = {figure["name"]: figure["caption"] for figure in context()["figures"]}
    assert "95 % interval of sensitivity at each specificity, pointwise" in captions["roc"]
    assert "Kim and MacKinnon 2018 on other radiographs" in captions["roc"]
    assert "AUC 0.954" in captions["roc"]
    for name in ("forest", "differences", "reliability", "speed", "size"):
        assert "95 % interval" in captions[name], name
    assert "No intervals are drawn" in captions["decision"]


def test_drawings_are_valid_and_take_all_colours_from_the_page() -> None:
    for chart in charts_of(series_of(reference()), reference().data):
        chart.drawing.to_dict()
        if chart.with_legend:
            chart.with_legend().to_dict()
    for figure in [*context()["figures"], context()["slider"]]:
        text = json.dumps(figure["spec"], allow_nan=False)
        # What Vega-Lite draws in its own blue, on white or in black would be lost in the dark.
        assert not re.search(r'"#[0-9a-f]{3,6}"|"white"|"black"', text, re.IGNORECASE), figure
        css = (Path(__file__).parents[3] / "tlbench/report/page/templates/page.css").read_text()
        for variable in set(re.findall(r"var\((--[\w-]+)\)", text)):
            assert f"{variable}:" in css


def test_the_points_of_the_curves_are_all_cut_offs_with_their_counts() -> None:
    points = rows_of("roc", "points")
    for one in series_of(reference()):
        own = [row for row in points if row["name"] == one.name]
        curve = roc_curve(one.curve.labels, one.curve.scores)
        assert [(row["tp"], row["fp"]) for row in own] == list(zip(curve.tp, curve.fp, strict=True))
        assert all(row["tp"] + row["fn"] == row["fp"] + row["tn"] == 50 for row in own)
        assert own[0]["cutoff"] == "nobody"
        assert own[5]["cutoff"] == f"{curve.thresholds[5]:.4g}"
    for row in rows_of("roc", "cutoffs"):
        at = reference().data["classifiers"][row["name"]]["cutoffs"]["validation"]
        assert (row["tp"], row["fp"], row["tn"], row["fn"]) == (
            at["tp"], at["fp"], at["tn"], at["fn"],
        )  # fmt: skip


def test_the_paper_is_a_point_of_reference() -> None:
    (paper,) = rows_of("roc", "paper")
    assert (paper["x"], paper["y"]) == (0.12, 0.9)
    assert context()["paper"] == {"name": "Kim and MacKinnon 2018", "auc": 0.954}


def test_the_band_of_the_table_is_the_band_of_the_figure() -> None:
    sheet = context()["figures"][0]["sheet"]
    bands = rows_of("roc", "bands")
    for row in sheet.rows:
        (drawn,) = [b for b in bands if b["name"] == row[0] and b["x"] == pytest.approx(0.1)]
        assert (row[2].low, row[2].high) == pytest.approx((drawn["low"], drawn["high"]), abs=1e-4)


def test_the_matrix_has_each_pair_twice_better_less_worse() -> None:
    rows = rows_of("differences", "rows")
    pairs = reference().data["pairs"]
    assert len(rows) == 2 * len(pairs) == 72
    cells = {(row["row"].split()[0], row["column"]): row for row in rows}
    assert len(cells) == 72
    ranking = reference().data["ranking"]
    for pair in pairs:
        i, j = sorted(ranking.index(pair[key]) + 1 for key in "ab")
        assert cells[str(i), str(j)]["long"].endswith(f"{abs(pair['difference']):.3f}")
        assert cells[str(j), str(i)]["p"] == f"{pair['p_holm']:.3f}"
        assert cells[str(i), str(j)]["told"] == (pair["p_holm"] < 0.05)


def test_reliability_decision_and_histograms_are_those_of_the_statistics() -> None:
    bins, curves, bars = (
        rows_of("reliability", "bins"), rows_of("decision", "curves"), rows_of("scores", "bars")
    )  # fmt: skip
    for one in series_of(reference()):
        labels, scores = one.curve.labels, one.curve.scores
        own = [row for row in bins if row["name"] == one.name]
        expected = reliability(labels, scores).bins
        assert [(r["n"], r["observed"]) for r in own] == [(b.n, b.observed) for b in expected]
        inside = (scores >= expected[0].low) & (scores < expected[0].high)
        limits = clustered_proportion(labels[inside] == 1, one.curve.groups[inside])
        assert (own[0]["low"], own[0]["high"]) == (limits.low, limits.high)
        drawn = [row["y"] for row in curves if row["name"] == one.name]
        assert drawn == pytest.approx(decision_curve(labels, scores).model, abs=1e-5)
        for kind, label in (("positive", 1), ("negative", 0)):
            mine = [row for row in bars if row["name"] == one.name and row["kind"] == kind]
            assert sum(row["n"] for row in mine) == (labels == label).sum()


def test_looks_tell_42_backbones_apart_and_controls_are_grey() -> None:
    series = series_of(compared(forty()))
    looks = [(one.colour, one.dashes) for one in series]
    assert len(set(looks)) == 40
    assert [one.colour for one in series if one.curve.control] == ["var(--series-8)"] * 2
    # Too many to tell apart at once: the best and the controls are shown at first.
    shown = [one for one in series if one.shown]
    assert len(shown) == 10
    assert [one.rank for one in shown if not one.curve.control] == list(range(1, 9))


def test_cut_offs_of_the_slider_are_all_there_are_and_the_chosen_one() -> None:
    data = context()["slider"]["data"]
    assert data["z"] == pytest.approx(1.959964, abs=1e-6)
    for one, stops in zip(series_of(reference()), data["backbones"], strict=True):
        labels, scores = one.curve.labels, one.curve.scores
        *finite, last = stops["cutoffs"]
        assert last is None
        assert finite == sorted({*scores.tolist(), one.curve.cutoff})
        assert stops["cutoffs"][stops["start"]] == one.curve.cutoff
        for stop, (cutoff, tp, fp) in enumerate(
            zip(stops["cutoffs"], stops["tp"], stops["fp"], strict=True)
        ):
            point = operating_point(
                labels, scores, math.inf if cutoff is None else cutoff, groups=one.curve.groups
            )
            assert (point.tp, point.fp) == (tp, fp)
            for name, sizes in stops["sizes"].items():
                rate = getattr(point, name)
                assert sizes[stop] == pytest.approx(rate.effective_n or rate.n), (name, cutoff)


def test_where_every_radiograph_is_of_another_patient_sizes_are_left_out(tmp_path: Path) -> None:
    found = compared([regrouped(record_of("mobilenet_v2"), tmp_path / "one", 1)])
    slider = charts_context(found)["slider"]
    assert slider["data"]["backbones"][0]["sizes"] is None
    assert slider["clusters"] is None
    point = found.data["classifiers"]["mobilenet_v2"]["cutoffs"]["validation"]["sensitivity"]
    limits = slider["numbers"]["rates"]["sensitivity"]
    assert (limits.low, limits.high) == (point["low"], point["high"])


def test_the_slider_starts_with_the_numbers_of_the_comparison() -> None:
    slider = context()["slider"]
    best = reference().data["classifiers"][slider["names"][0]]["cutoffs"]["validation"]
    for rate in ("sensitivity", "specificity", "ppv", "npv"):
        found = slider["numbers"]["rates"][rate]
        shown = estimate(best[rate])
        assert (found.value, found.low, found.high) == (shown.value, shown.low, shown.high)
    assert slider["prevalence"] == "50"
    assert slider["clusters"] == "some pictures are there more than once"


def test_patients_with_several_radiographs_widen_limits(tmp_path: Path) -> None:
    found = compared([regrouped(record_of("mobilenet_v2"), tmp_path / "one", 3)])
    slider = charts_context(found)["slider"]
    (stops,) = slider["data"]["backbones"]
    assert all(len(sizes) == len(stops["cutoffs"]) for sizes in stops["sizes"].values())
    assert max(stops["sizes"]["sensitivity"]) <= 50
    point = found.data["classifiers"]["mobilenet_v2"]["cutoffs"]["validation"]["sensitivity"]
    limits = slider["numbers"]["rates"]["sensitivity"]
    assert (limits.low, limits.high) == (point["by_patient"]["low"], point["by_patient"]["high"])


def test_one_backbone_has_no_pairs_and_one_seed_no_spread() -> None:
    assert names_of(compared([record_of("mobilenet_v2")])) == [
        "roc", "forest", "scores", "reliability", "decision",
    ]  # fmt: skip


def test_seeds_are_shown_apart(tmp_path: Path) -> None:
    record = record_of("mobilenet_v2")
    noise = np.random.default_rng(0)
    seeds = [record] + [
        rescored(
            record, tmp_path / str(seed), lambda _label, old: min(1.0, old * noise.uniform(0.7, 1)),
            seed=seed, run=f"seed-{seed}",
        )
        for seed in (1, 2)
    ]  # fmt: skip
    found = compared([*seeds, record_of("image_statistics")])
    (chart,) = [c for c in charts_of(series_of(found), found.data) if c.name == "seeds"]
    assert [row["seed"] for row in chart.data["rows"]] == [0, 1, 2]
    assert [row["tested"] for row in chart.data["rows"]] == [True, False, False]
    assert "no confidence interval" in chart.caption
    assert len(chart.sheet.rows) == 1


def test_scores_that_are_no_probabilities_have_no_calibration(tmp_path: Path) -> None:
    record = rescored(record_of("mobilenet_v2"), tmp_path / "logits", lambda _l, old: 20 * old - 3)
    assert names_of(compared([record])) == ["roc", "forest", "scores"]
    both = compared([renamed(record, "logits"), record_of("inception_v3")])
    assert "reliability" in names_of(both)


def test_perfect_scores_and_a_cut_off_that_nobody_reaches(tmp_path: Path) -> None:
    def unreached(data: dict[str, Any]) -> None:
        data["operating_point"]["cutoff"] = None

    perfect = rescored(
        record_of("mobilenet_v2"), tmp_path / "perfect", lambda y, old: (y + old) / 2
    )
    found = compared([changed(perfect, unreached)])
    context = charts_context(found)
    assert context["slider"]["numbers"]["cutoff"] == "nobody"
    assert context["slider"]["numbers"]["rates"]["ppv"].value is None
    (stops,) = context["slider"]["data"]["backbones"]
    assert stops["cutoffs"][stops["start"]] is None
    assert "calls nobody positive" in context["figures"][2]["caption"]
    for figure in context["figures"]:
        json.dumps(figure["spec"], allow_nan=False)


def test_costs_are_those_of_the_records() -> None:
    def from_cache(data: dict[str, Any]) -> None:
        data["memory_mb"] = 512.0
        data["extraction"] = {"images": 0, "seconds": None}

    names = ("mobilenet_v2", "efficientnet_lite0")
    records = [changed(record_of(name), from_cache) for name in names]
    found = compared(records)
    charts = {c.name: c for c in charts_of(series_of(found), found.data)}
    # No features were made: the time says nothing.
    assert "speed" not in charts
    assert [row["cost"] for row in charts["memory"].data["rows"]] == [512.0, 512.0]
    sizes = {row["name"]: row["cost"] for row in charts["size"].data["rows"]}
    parameters = records[0]["details"]["backbone"]["parameters"]
    assert sizes["mobilenet_v2"] == parameters / 1e6

    def without_reading(data: dict[str, Any]) -> None:
        del data["extraction"]["reading_seconds"]

    older = [
        changed(record_of(name), without_reading)
        for name in ("efficientnet_lite0", "mobilenet_v2_torch")
    ]
    one = compared([records[0], *older])
    charts = {c.name: c for c in charts_of(series_of(one), one.data)}
    shown = {row["name"]: row["cost"] for row in charts["speed"].data["rows"]}
    made = {entry.name: entry.record["extraction"] for entry in one.entries if entry.name in shown}
    assert shown == {
        name: pytest.approx(found["images"] / found["seconds"]) for name, found in made.items()
    }
    assert len(shown) == 2
    assert "of the backbones had" in charts["speed"].caption
    assert "2 of the records do not tell reading apart" in charts["speed"].caption


def test_speed_does_not_tell_who_read_the_radiographs() -> None:
    """Of two runs one after another the first reads, and the other finds the pixels kept."""

    def made(seconds: float, reading: float) -> dict[str, Any]:
        return {"images": 1000, "seconds": seconds, "reading_seconds": reading}

    first = changed(record_of("mobilenet_v2"), extraction=made(60.0, 20.0))
    second = changed(record_of("efficientnet_lite0"), extraction=made(40.0, 0.0))
    found = compared([first, second])
    (chart,) = [c for c in charts_of(series_of(found), found.data) if c.name == "speed"]
    assert [row["cost"] for row in chart.data["rows"]] == [25.0, 25.0]
    assert "tell reading apart" not in chart.caption


def test_files_are_whole_light_and_named_after_the_figures(tmp_path: Path) -> None:
    found = compared([record_of("mobilenet_v2"), renamed(record_of("inception_v3"), "<b> & 'c'")])
    files = save_charts(found, tmp_path / "new")
    assert sorted(files) == sorted((tmp_path / "new").iterdir())
    assert {file.stem for file in files} == set(names_of(found))
    for file in files:
        if file.suffix == ".png":
            with Image.open(file) as image:
                image.load()
                assert min(image.size) > 500
        else:
            text = file.read_text()
            ElementTree.fromstring(text)
            assert "var(--" not in text
            assert "<b>" not in text
    assert "&lt;b&gt; &amp; 'c'" in (tmp_path / "new" / "roc.svg").read_text()


@pytest.mark.parametrize("leaks", [[], ["a and b show the same picture"]])
def test_files_are_titled_and_say_what_data_they_show(tmp_path: Path, leaks: list[str]) -> None:
    audit = {"mode": "warn", "counts": {}, "leaks": leaks}
    synthetic = changed(record_of("mobilenet_v2"), audit=audit, synthetic=True, subset="hand")
    found = compared([synthetic])
    save_charts(found, tmp_path, formats=("svg",))
    for chart in charts_of(series_of(found), found.data):
        root = ElementTree.parse(tmp_path / f"{chart.name}.svg").getroot()
        texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
        assert chart.title in texts
        assert "fracatlas hand (synthetic)" + (": the data leak" if leaks else "") in texts


def test_an_unknown_format_or_folder_leaves_nothing(tmp_path: Path) -> None:
    found = compared([record_of("mobilenet_v2")])
    with pytest.raises(ValueError, match="format must be one of svg, png"):
        save_charts(found, tmp_path / "new", formats=("gif",))  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    with pytest.raises(CacheError):
        save_charts(found, tmp_path / "file" / "new", formats=("svg",))
