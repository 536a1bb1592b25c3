"""`tlbench data show`: counts, contact sheet, and the user's own look-up."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from tests.radiographs import make_folder
from tests.shared_data import find_shared
from tlbench.cli.main import app
from tlbench.datasets.counts import count_radiographs, known_words
from tlbench.datasets.table import Table
from tlbench.errors import DataError, UnknownNameError
from tlbench.images import prepare
from tlbench.specs import Radiograph


@pytest.fixture
def wrists(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "wrists", per_class=30)


def show(*words: object) -> str:
    done = CliRunner().invoke(app, ["data", "show", *map(str, words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0
    return done.stdout


def tones(sheet: Path) -> NDArray[np.uint8]:
    with Image.open(sheet) as picture:
        return np.asarray(picture.convert("L"))


def facts(*words: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(show(*words, "--json"))
    return answer


def by_name(answer: dict[str, Any]) -> dict[tuple[str, str], tuple[int, int, int | None]]:
    return {
        (c["word"], c["value"]): (c["radiographs"], c["positives"], c["patients"])
        for c in answer["counts"]
    }


def test_counts_are_those_that_a_run_would_draw(wrists: Path) -> None:
    answer = facts("folder", "--data-root", wrists, "--no-sheet", "--seed", 3)
    counts = by_name(answer)
    assert counts["all", ""] == (60, 30, None)
    assert counts["partition", "hold-out"] == (12, 6, None)
    assert sum(counts["partition", p][0] for p in ("train", "validation", "test")) == 48
    assert (answer["sheet"], answer["synthetic"]) == (None, False)


def test_too_few_to_split_are_counted_all_the_same(tmp_path: Path) -> None:
    make_folder(tmp_path / "wrists", per_class=2)
    answer = facts("folder", "--data-root", tmp_path / "wrists", "--no-sheet")
    assert list(by_name(answer)) == [("all", "")]


def test_the_sheet_shows_what_a_backbone_gets(wrists: Path, tmp_path: Path) -> None:
    sheet, cases = tmp_path / "sheet.png", tmp_path / "cases.csv"
    words = ["--data-root", wrists, "--sheet", sheet, "--cases", cases, "--per-class", 7]
    show("folder", *words, "--backbone", "mobilenet_v2")
    with cases.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 60
    tiles = {row["tile"]: row for row in rows if row["tile"]}
    assert tiles.keys() == {f"{c} {n}" for c in ("positive", "negative") for n in range(1, 8)}
    picture = tones(sheet)
    for tile, row in tiles.items():
        folder = {"positive": "fracture", "negative": "no_fracture"}[tile.partition(" ")[0]]
        assert Path(row["path"]).parent.name == folder
        pixels = prepare(Path(row["path"]), (224, 224))
        windows = np.lib.stride_tricks.sliding_window_view(picture, (224, 224))
        corners = np.argwhere((windows[:, :, 0, :9] == pixels[0, :9]).all(axis=2))
        assert sum((windows[y, x] == pixels).all() for y, x in corners) == 1


def test_case_names_stand_on_the_sheet_only_if_asked_for(wrists: Path, tmp_path: Path) -> None:
    """Without them the sheet does not depend on how the files are called."""

    def drawn(name: str, *words: str) -> bytes:
        show("folder", "--data-root", wrists, "--sheet", tmp_path / name, *words)
        return (tmp_path / name).read_bytes()

    before, named = drawn("a.png"), drawn("b.png", "--names")
    for file in wrists.rglob("*.png"):
        file.rename(file.with_name(f"{file.stem} of a patient.png"))
    assert drawn("c.png") == before
    assert drawn("d.png", "--names") != named
    assert named != before


def test_an_unreadable_file_gives_way_to_another(wrists: Path, tmp_path: Path) -> None:
    files = sorted((wrists / "fracture").glob("*.png"))
    for file in files[2:]:
        file.write_bytes(b"not an image")
    cases = tmp_path / "cases.csv"
    show("folder", "--data-root", wrists, "--sheet", tmp_path / "sheet.png", "--cases", cases)
    rows = list(csv.DictReader(cases.read_text().splitlines()))
    tiles = {row["tile"]: row["path"] for row in rows if row["tile"].startswith("positive")}
    assert tiles.keys() == {"positive 1", "positive 2"}
    assert set(tiles.values()) == {str(file) for file in files[:2]}


def test_the_default_file_bears_the_data_sets_name(
    wrists: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert facts("folder", "--data-root", wrists)["sheet"] == "folder-contact-sheet.png"
    with Image.open(tmp_path / "folder-contact-sheet.png") as picture:
        assert picture.format == "PNG"


def test_the_default_sheet_is_drawn_anew_in_the_folder_of_the_data(
    wrists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(wrists)
    for _ in range(2):
        show("folder", "--data-root", ".", "--per-class", 1)


def test_misspelt_names_are_found_before_anything_is_read(wrists: Path) -> None:
    for words in (["foldr"], ["folder", "--backbone", "mobilnet_v2"]):
        with pytest.raises(UnknownNameError, match="unknown"):
            show(*words, "--data-root", wrists)


@pytest.mark.parametrize("unit", ["study", "patient"])
def test_a_unit_that_nobody_names_is_refused(wrists: Path, unit: str) -> None:
    with pytest.raises(DataError, match=f"60 of 60 radiographs name no {unit}") as caught:
        show("folder", "--data-root", wrists, "--no-sheet", "--unit", unit)
    assert "--unit image" in str(caught.value.hint)
    with pytest.raises(UnknownNameError, match='unknown unit "studies"'):
        show("folder", "--data-root", wrists, "--no-sheet", "--unit", "studies")


def test_columns_that_are_asked_for_are_counted_or_refused(wrists: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    lines = [
        f"{path.relative_to(tmp_path)},{int(path.parent.name == 'fracture')},{path.stem[-1]},,0"
        for path in sorted(wrists.rglob("*.png"))
    ]
    table.write_text("\n".join(["path,label,site,remark,metal", *lines]) + "\n")
    words = ["manifest", "--manifest", table, "--no-sheet"]
    counts = by_name(facts(*words, "--by", "site", "--by", "remark", "--by", "metal"))
    assert counts["site", "3"] == (6, 3, None)
    assert counts["remark", "not stated"] == (60, 30, None)
    assert counts["metal", "1"] == (0, 0, None)
    with pytest.raises(UnknownNameError) as caught:
        show(*words, "--by", "site", "--by", "sight")
    assert caught.value.message == 'unknown column "sight"; there are metal, remark, site'
    assert caught.value.hint
    with pytest.raises(UnknownNameError, match="the data set has none"):
        show("folder", "--data-root", wrists, "--no-sheet", "--by", "site")


def test_sixteen_bit_radiographs_are_drawn_too(tmp_path: Path) -> None:
    for name in ("fracture", "no_fracture"):
        (tmp_path / name).mkdir()
        pixels = np.linspace(0, 65535, 80 * 80).astype(np.uint16).reshape(80, 80)
        for number in range(3):
            pixels[0, 0] = number
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    show("folder", "--data-root", tmp_path, "--sheet", tmp_path / "sheet.png")
    assert len(np.unique(tones(tmp_path / "sheet.png"))) > 200


def test_the_real_wrists_are_counted_by_what_the_card_names() -> None:
    root = find_shared("fracatlas")
    answer = facts("fracatlas", "--data-root", root, "--subset", "wrist_lateral", "--no-sheet")
    counts = by_name(answer)
    assert counts["all", ""] == (188, 80, None)
    assert counts["cast_or_splint", "1"] == (20, 20, None)
    assert counts["lateral", "1"] == (188, 80, None)
    assert ("leg", "1") not in counts
    assert counts["fracture_centres_xy", "76 values"] == (80, 80, None)


def radiograph(number: int, **metadata: str) -> Radiograph:
    case = f"{number:03d}"
    return Radiograph(case, Path(case), number % 2, f"p{number // 3}", metadata)


def make_table(radiographs: list[Radiograph]) -> Table:
    return Table(tuple(radiographs), tuple(r.case for r in radiographs))


def test_words_are_counted_by_value_patient_and_label() -> None:
    table = make_table(
        [radiograph(i, view=("AP", "lateral", "")[i % 3], age=str(i)) for i in range(12)]
    )
    counts = {(c.word, c.value): c for c in count_radiographs(table, known_words(None))}
    assert counts.keys() == {
        ("all", ""),
        ("radiographs of a patient", "3"),
        ("view", "AP"),
        ("view", "lateral"),
        ("view", "not stated"),
        ("age", "0 to 11, median 5.5"),
    }
    lateral = counts["view", "lateral"]
    assert (lateral.radiographs, lateral.positives, lateral.patients) == (4, 2, 4)


def test_columns_of_the_users_own_are_shown_only_if_asked_for() -> None:
    table = make_table([radiograph(i, name=f"name {i % 2}", mrn=str(i)) for i in range(30)])
    unasked = count_radiographs(table, known_words(None))
    assert not any("name" in count.word + count.value for count in unasked)
    assert {count.word for count in unasked} == {"all", "radiographs of a patient"}
    asked = count_radiographs(table, ["name", "mrn"])
    assert [count.value for count in asked if count.word == "name"] == ["name 0", "name 1"]
    assert [count.value for count in asked if count.word == "mrn"] == ["30 values"]


def test_help_is_light() -> None:
    code = (
        "import sys\nfrom tlbench.cli.main import app\n"
        "try: app(['data', 'show', '--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'PIL', 'pooch', 'requests', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
