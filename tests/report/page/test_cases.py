"""The gallery of a comparison: what its records and radiographs give, and what it can't show."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tlbench
from tests.radiographs import make_folder
from tests.report.page.comparisons import changed, reference, renamed
from tests.report.page.reading import Page
from tests.shared_data import find_shared
from tests.studies import PLUGIN, make_rows, write_pictures, write_table
from tlbench.compare import Compared, compare
from tlbench.datasets.table import fingerprint_image
from tlbench.errors import DataError, TlbenchError
from tlbench.plugins import load_plugins
from tlbench.progress import Progress
from tlbench.records import Record, load_record
from tlbench.report.page.cases import cases_context
from tlbench.report.page.sources import CasesRequest
from tlbench.report.page.template import render

FILES = Path(__file__).parents[2] / "plugins" / "files"
PLUGINS = [
    FILES / "tiny_keras.py",
    FILES / "tiny_heads.py",
    Path(__file__).parents[3] / "plugins" / "examples" / "blocks.py",
]
BACKBONES = ("tiny", "projected", "blocks", "flat")


class Listener(Progress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, line: str) -> None:
        self.warnings.append(line)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures"), per_class=40)


@pytest.fixture(scope="module")
def results(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for backbone in BACKBONES:
        tlbench.run(
            backbone=backbone,
            protocol="linear-probe",
            plugins=PLUGINS,
            dataset="folder",
            data_root=pictures,
            engine="auto" if backbone == "blocks" else "tensorflow",
            results=folder / "results",
            cache=folder / "cache",
        )
    return folder / "results"


@pytest.fixture
def own_pictures(pictures: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pictures, tmp_path / "copy"))


def all_records(results: Path) -> list[Record]:
    return [load_record(file.parent) for file in sorted(results.glob("*/record.json"))]


def rewritten(
    record: Record, folder: Path, change: Callable[[dict[str, str]], dict[str, str]]
) -> Record:
    """A copy of a record, in a folder within `folder`, whose predictions are changed."""
    copy = Path(shutil.copytree(record.folder, folder / record["run"]))
    with (copy / "predictions.csv").open(newline="") as stream:
        rows = [change(row) for row in csv.DictReader(stream)]
    with (copy / "predictions.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return load_record(copy)


def gallery(compared: Compared, plugins: Sequence[Path] = PLUGINS, **request: Any) -> Page:
    """The cases as a page shows them."""
    progress = request.pop("progress", None)
    host = load_plugins(plugins)
    context = cases_context(compared, CasesRequest(**request), host, progress)
    page = Page(render("cases.html", {"cases": context}))
    assert not page.unbalanced
    return page


def drawn(page: Page) -> list[str]:
    """What a screen reader hears of each picture."""
    return [e.attributes["aria-label"] for e in page.all("svg") if "aria-label" in e.attributes]


def names(page: Page) -> list[str]:
    return [e.text.strip() for e in page.all("p") if e.attributes.get("class") == "name"]


def test_every_case_shown_follows_from_the_predictions(results: Path, pictures: Path) -> None:
    compared = compare(results=results)
    page = gallery(compared, data_root=pictures)
    expected = []
    for entry in compared.entries:
        cutoff = entry.record["operating_point"]["cutoff"]
        held = [row for row in entry.record.predictions() if row.partition == "hold-out"]
        held.sort(key=lambda row: row.case)
        missed = [row for row in held if row.label == 1 and row.score < cutoff]
        alarms = [row for row in held if row.label == 0 and row.score >= cutoff]
        point = entry.record["operating_point"]
        assert (len(missed), len(alarms)) == (point["fn"], point["fp"])
        expected += sorted(missed, key=lambda row: row.score)[:6]
        expected += sorted(alarms, key=lambda row: -row.score)[:6]
        expected += sorted(held, key=lambda row: abs(row.score - cutoff))[:4]
        said = f"{len(missed)} false negatives, {len(alarms)} false positives"
        assert f"cut-off {cutoff:.3f}: {said}" in page.text_of("cases")
    assert names(page)[-len(expected) :] == [row.case for row in expected]
    heard = drawn(page)
    assert len(heard) == len(names(page))
    assert not any(row.case in label for row in expected for label in heard)
    for row, label in zip(expected, heard[-len(expected) :], strict=True):
        outcome, score, cutoff = re.fullmatch(
            r"((?:true|false) (?:positive|negative)), score ([\d.]+), cut-off ([\d.]+)", label
        ).groups()  # type: ignore[union-attr]
        assert float(score) == pytest.approx(row.score, abs=6e-4)
        assert (float(score) >= float(cutoff)) == ("positive" in outcome)
        assert (outcome in ("true positive", "false negative")) == (row.label == 1)


def test_each_radiograph_is_in_the_page_once(results: Path, pictures: Path) -> None:
    page = gallery(compare(results=results), data_root=pictures)
    held = [e.attributes for e in page.all("image") if "id" in e.attributes]
    used = {e.attributes["href"] for e in page.all("use")}
    assert {f"#{each['id']}" for each in held} == used
    assert len({each["href"] for each in held}) == len(held) == len(set(names(page)))
    assert len(page.all("use")) > len(held)


def test_how_many_are_not_shown_is_said(results: Path, tmp_path: Path) -> None:
    blind = [
        rewritten(record, tmp_path, lambda row: row | {"score": "0.0"})
        for record in all_records(results)[:2]
    ]
    text = gallery(compare(blind)).text_of("cases")
    assert blind[0]["holdout"]["positives"] == 8
    assert text.count("8 cases, the furthest below the cut-off first. ") == 2
    assert text.count("and 2 more") == 2
    assert "0 false positives" in text
    assert "None." in text


@pytest.mark.parametrize("options", [{"images": False}, {}])
def test_without_radiographs_there_are_names_and_scores(results: Path, options: Any) -> None:
    page = gallery(compare(results=results), **options)
    assert names(page)
    assert not page.all("svg")
    assert ("--data-root DIR" in page.text_of("cases")) == (not options)


@pytest.mark.parametrize(
    ("positive", "words"),
    [(None, {"fracture", "no fracture"}), ("fracture", {"fracture", "no fracture"}),
     ("no_fracture", {"no_fracture", "not no_fracture"})],
)  # fmt: skip
def test_labels_are_called_what_the_user_calls_them(
    results: Path, positive: str | None, words: set[str]
) -> None:
    page = gallery(compare(results=results), positive=positive, images=False)
    said = {e.text.strip() for e in page.all("p") if e.attributes.get("class") == "label"}
    assert said == words


def test_a_missing_and_another_file_are_shown_without_a_picture(
    results: Path, own_pictures: Path
) -> None:
    compared = compare(results=results)
    lost, other = compared.holdout.cases[:2]
    (own_pictures / lost).unlink()
    Image.fromarray(np.zeros((72, 72), dtype=np.uint8)).save(own_pictures / other)
    listener = Listener()
    page = gallery(compared, data_root=own_pictures, progress=listener)
    text = page.text_of("cases")
    n = len(compared.holdout.cases)
    for why in ("the file is missing", "the file is not the one that was measured"):
        line = f"Shown without a picture, for {why}: 1 of {n} radiographs."
        assert line in text
        assert line in listener.warnings
    shown = [name for name in names(page) if name in (lost, other)]
    assert len(drawn(page)) == len(names(page)) - len(shown)


def test_a_file_that_cant_be_read_is_one_line(
    results: Path, own_pictures: Path, tmp_path: Path
) -> None:
    """Its bytes are those that were measured, but here they can't be read any more."""

    def refer(row: dict[str, str]) -> dict[str, str]:
        digest = hashlib.sha256((own_pictures / row["case"]).read_bytes()).hexdigest()
        return row | {"fingerprint": fingerprint_image(digest)}

    for file in own_pictures.rglob("*.png"):
        file.write_bytes(f"no picture {file.name} {file.parent.name}".encode())
    records = [rewritten(record, tmp_path, refer) for record in all_records(results)]
    page = gallery(compare(records), data_root=own_pictures)
    assert names(page)
    assert not page.all("use")
    assert "for the file can't be read: " in page.text_of("cases")


def test_a_wrong_folder_is_noticed(results: Path, tmp_path: Path) -> None:
    compared = compare(results=results)
    others = make_folder(tmp_path / "others", per_class=40, size=70)
    with pytest.raises(DataError, match="not those that these runs measured"):
        gallery(compared, data_root=others)
    few = make_folder(tmp_path / "few", per_class=1)
    for case in compared.holdout.cases:
        (few / case).unlink(missing_ok=True)
    for folder in ("fracture", "no_fracture"):
        Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(few / folder / "another.png")
    with pytest.raises(DataError, match="none of the 16 radiographs of the hold-out is there"):
        gallery(compared, data_root=few)
    with pytest.raises(DataError, match="does not exist"):
        gallery(compared, data_root=tmp_path / "nowhere")


def test_records_without_fingerprints_are_checked_as_a_whole(
    results: Path, own_pictures: Path, tmp_path: Path
) -> None:
    def forget(row: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in row.items() if name != "fingerprint"}

    compared = compare([rewritten(record, tmp_path, forget) for record in all_records(results)])
    assert drawn(gallery(compared, data_root=own_pictures))
    (own_pictures / compared.holdout.cases[0]).write_bytes(b"another")
    with pytest.raises(DataError, match="not those that these runs measured"):
        gallery(compared, data_root=own_pictures)


def test_scores_of_studies_show_the_first_images_of_each(tmp_path: Path) -> None:
    rows = make_rows()
    write_pictures(tmp_path / "data", rows)
    write_table(tmp_path / "data", rows)
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN)
    plugins = [*PLUGINS, plugin]
    record = tlbench.run(
        backbone="blocks",
        plugins=plugins,
        protocol="linear-probe",
        dataset="studies",
        data_root=tmp_path / "data",
        results=tmp_path / "results",
        cache=tmp_path / "cache",
    )
    images: dict[str, list[str]] = {}
    for row in record.predictions():
        if row.partition == "hold-out":
            images.setdefault(str(row.unit), []).append(row.case)
    assert {len(each) for each in images.values()} == {1, 2, 3}
    page = gallery(compare([record]), plugins, data_root=tmp_path / "data")
    first = {each[0]: each for each in images.values()}
    shown = names(page)
    assert set(shown) <= set(first)
    heard = drawn(page)
    assert len(heard) == sum(len(first[name]) for name in shown)
    counts = [len(first[name]) for name in shown]
    assert sum("image 2 of 2" in each for each in heard) == counts.count(2) > 0
    assert sum("image 3 of 3" in each for each in heard) == counts.count(3) > 0
    assert "The studies of the hold-out" in page.text_of("cases")
    by_case = {row.case: row.score for row in record.unit_predictions()}
    first_of_each = [h for h in heard if "image 2" not in h and "image 3" not in h]
    for name, label in zip(shown, first_of_each, strict=True):
        assert f"score {by_case[name]:.3f}" in label


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'


def test_names_of_cases_and_backbones_are_text(results: Path, tmp_path: Path) -> None:
    evil = [
        renamed(
            rewritten(record, tmp_path, lambda row: row | {"case": EVIL + row["case"]}),
            f"{EVIL}{i}",
        )
        for i, record in enumerate(all_records(results)[:2])
    ]
    page = gallery(compare(evil))
    assert not page.all("script")
    assert not page.all("img")
    assert names(page)
    assert all(name.startswith(EVIL) for name in names(page))
    assert sum(EVIL in each.text for each in page.all("summary")) == 2


def test_heat_maps_lie_over_the_pictures_and_say_what_they_are(
    results: Path, pictures: Path, tmp_path: Path
) -> None:
    compared = compare(results=results)
    listener = Listener()
    cache = results.parent / "cache"
    page = gallery(compared, data_root=pictures, heatmaps=True, cache=cache, progress=listener)
    text = page.text_of("cases")
    assert "Exact class activation map of 12 × 12 places" in text
    assert "Grad-CAM of 8 × 12 places" in text
    assert 'No heat maps: backbone "blocks" is no network of Keras.' in text
    assert 'No heat maps: backbone "flat" has no layer with rows and columns' in text
    assert len(listener.warnings) == 2
    # In float32 the maps add up to the scores: nothing has to be said of a drift.
    assert "the run's scores differ" not in text
    heat = [e for e in page.all("image") if e.attributes.get("class") == "heat"]
    assert len(heat) == sum("with a heat map" in label for label in drawn(page)) > 0
    assert [e.attributes["id"] for e in page.all("input")] == ["show-heat"]
    assert [e.attributes["for"] for e in page.all("label")] == ["show-heat"]


def test_heat_maps_that_no_backbone_can_have_are_an_error(results: Path, pictures: Path) -> None:
    compared = compare(results=results)
    blocks = [entry.record for entry in compared.entries if entry.name == "blocks"]
    with pytest.raises(TlbenchError, match="is no network of Keras"):
        gallery(compare(blocks), data_root=pictures, heatmaps=True)
    for options in ({}, {"images": False, "data_root": pictures}):
        with pytest.raises(DataError, match="heat maps need the radiographs"):
            gallery(compared, heatmaps=True, **options)


def test_maps_that_explain_other_scores_are_left_out(
    results: Path, pictures: Path, tmp_path: Path
) -> None:
    (tiny,) = [e.record for e in compare(results=results).entries if e.name == "tiny"]
    turned = rewritten(
        tiny, tmp_path, lambda row: row | {"score": str(1 - float(row["score"]) ** 3)}
    )
    with pytest.raises(DataError, match="add up to other scores than the record's"):
        gallery(compare([turned]), data_root=pictures, heatmaps=True)


def test_weights_from_a_file_and_other_weights_are_told(
    results: Path, pictures: Path, tmp_path: Path
) -> None:
    (tiny,) = [e.record for e in compare(results=results).entries if e.name == "tiny"]

    def from_a_file(data: dict[str, Any]) -> None:
        data["details"]["weights"]["title"] = "file mine.h5"

    def others(data: dict[str, Any]) -> None:
        data["details"]["weights"]["sha256"] = "0" * 64

    for change, line in ((from_a_file, "holds no paths"), (others, "are another file")):
        with pytest.raises(TlbenchError, match=line):
            gallery(compare([changed(tiny, change)]), data_root=pictures, heatmaps=True)


def test_marked_fractures_and_peaks_of_real_radiographs(tmp_path: Path) -> None:
    record = tlbench.run(
        backbone="tiny",
        plugins=PLUGINS,
        protocol="linear-probe",
        dataset="fracatlas",
        subset="wrist_lateral",
        data_root=find_shared("fracatlas"),
        engine="tensorflow",
        results=tmp_path / "results",
        cache=tmp_path / "cache",
    )
    held = [row for row in record.predictions() if row.partition == "hold-out"]
    middle = float(np.median([row.score for row in held]))
    found = sum(row.label == 1 and row.score >= middle for row in held)
    assert found > 3

    def cut(data: dict[str, Any]) -> None:
        data["operating_point"]["cutoff"] = middle

    compared = compare([changed(record, cut)])
    options = {"heatmaps": True, "cache": tmp_path / "cache"}
    page = gallery(compared, data_root=find_shared("fracatlas"), **options)
    marked = [label for label in drawn(page) if "fracture marked" in label]
    assert len(marked) == len(page.all("g")) > 0
    # Every fracture of this subset is marked.
    assert all(("fracture marked" in h) == h.startswith(("true p", "false n")) for h in drawn(page))
    assert f"of {found} true positives with a marked fracture" in page.text_of("cases")


def test_the_gallery_of_the_reference_runs_stays_small() -> None:
    compared = reference()
    assert len(compared.holdout.cases) == 100
    page = gallery(compared, (), data_root=find_shared("fracatlas"))
    shown = [e for e in page.all("image") if e.attributes.get("id", "").startswith("radiograph-")]
    assert len(shown) > 50
    # Overlays come on top, of a few kB for each of up to 16 cases a backbone.
    assert sum(len(e.attributes["href"]) for e in shown) < 1_000_000
