"""`tlbench data check`: what is there compared with the card, on real and on small folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.datasets.figshares import Figshare, fracatlas_files, make_zip, serve
from tests.dicom.files import write_dicom
from tests.radiographs import make_folder
from tests.shared_data import find_shared
from tlbench.cli.main import app
from tlbench.datasets.check import has_sound_header
from tlbench.datasets.fetch import Source, fetch
from tlbench.datasets.figshare import API
from tlbench.errors import DataError
from tlbench.progress import Progress


def check(*words: object) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the command and return its exit code and its findings by name."""
    done = CliRunner().invoke(app, ["data", "check", *map(str, words), "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    facts = json.loads(done.stdout)
    assert facts["passed"] == (done.exit_code == 0)
    return done.exit_code, {finding["what"]: finding for finding in facts["findings"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small FracAtlas, as published and unpacked."""
    for name, content in fracatlas_files().items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "FracAtlas"


def test_the_real_part_of_fracatlas_is_whole_but_fewer() -> None:
    code, found = check("fracatlas", "--data-root", find_shared("fracatlas"))
    assert code == 1
    summary = {what: (f["expected"], f["found"], f["result"]) for what, f in found.items()}
    assert summary == {
        "columns of dataset.csv": (13, 13, "ok"),
        "radiographs": (4083, 1245, "fewer"),
        "fractures": (717, 370, "fewer"),
        "images in the table": (1245, 1245, "ok"),
        "images beside it": (None, 0, "ok"),
        "sound image headers": (1245, 1245, "ok"),
        "found by tlbench": (None, 1245, "ok"),
    }


def lose(root: Path) -> None:
    (root / "images/Fractured/IMG0000001.jpg").unlink()


def add(root: Path) -> None:
    (root / "images/Fractured/IMG9999999.jpg").write_bytes(
        (root / "images/Fractured/IMG0000001.jpg").read_bytes()
    )


def damage(root: Path) -> None:
    (root / "images/Fractured/IMG0000001.jpg").write_bytes(b"<html>")


def cut_columns(root: Path) -> None:
    table = root / "dataset.csv"
    table.write_text(table.read_text().replace("hardware", "metal"))


def lose_table(root: Path) -> None:
    (root / "dataset.csv").unlink()


def break_table(root: Path) -> None:
    (root / "dataset.csv").write_bytes(b"\xff\xfe\0")


@pytest.mark.parametrize(
    ("change", "what", "result", "names"),
    [
        (lose, "images in the table", "missing", ["IMG0000001.jpg"]),
        (add, "images beside it", "extra", ["IMG9999999.jpg"]),
        (damage, "sound image headers", "damaged", ["images/Fractured/IMG0000001.jpg"]),
        (cut_columns, "columns of dataset.csv", "missing", ["hardware"]),
        (lose_table, "table dataset.csv", "missing", ["dataset.csv"]),
        (break_table, "table dataset.csv", "damaged", ["dataset.csv"]),
    ],
)
def test_what_is_wrong_is_one_finding_with_names(
    root: Path, change: Callable[[Path], None], what: str, result: str, names: list[str]
) -> None:
    change(root)
    code, found = check("fracatlas", "--data-root", root)
    assert code == 1  # the card expects thousands
    assert (found[what]["result"], found[what]["names"]) == (result, names)
    others = {"images in the table", "images beside it", "sound image headers"} - {what}
    assert all(found[other]["result"] == "ok" for other in others if other in found)


def test_a_table_has_one_line_for_each_kind(root: Path) -> None:
    for number in range(1, 24, 2):
        (root / f"images/Fractured/IMG{number:07d}.jpg").unlink()
    done = CliRunner().invoke(app, ["data", "check", "fracatlas", "--data-root", str(root)])
    assert done.exit_code == 1
    (line,) = [line for line in done.stdout.splitlines() if "images in the table" in line]
    assert line.split()[4:7] == ["24", "12", "missing"]
    assert "and 9 more" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_extra_images_alone_are_no_failure(tmp_path: Path) -> None:
    make_folder(tmp_path / "wrists", per_class=3)
    code, found = check("folder", "--data-root", tmp_path / "wrists")
    assert code == 0
    assert (found["radiographs"]["found"], found["fractures"]["found"]) == (6, 3)
    assert found["sound image headers"]["result"] == "ok"


def test_a_folder_that_its_reader_refuses_says_why(tmp_path: Path) -> None:
    make_folder(tmp_path / "wrists", per_class=3)
    (tmp_path / "wrists" / "fracture").rename(tmp_path / "wrists" / "group b")
    code, found = check("folder", "--data-root", tmp_path / "wrists")
    assert code == 1
    assert found["found by tlbench"]["result"] == "refused"
    assert "group b" in found["found by tlbench"]["reason"]


def test_without_a_folder_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="say where it is"):
        check("fracatlas")
    with pytest.raises(DataError, match="is no folder"):
        check("fracatlas", "--data-root", tmp_path / "nowhere")


def test_what_was_fetched_is_compared_with_its_receipt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    with serve(Figshare({"FracAtlas.zip": make_zip(fracatlas_files())})) as server:
        monkeypatch.setenv(API, server.url)
        fetch("fracatlas", Source(22363012, 6, {"FracAtlas.zip": "."}), root, Progress())
    _, found = check("fracatlas", "--data-root", root)
    assert found["files in receipt.json"]["result"] == "ok"
    assert found["of these as fetched"]["result"] == "ok"
    image = root / "images/Fractured/IMG0000003.jpg"
    image.write_bytes(image.read_bytes()[:-1] + b"x")
    (root / "images/Fractured/IMG0000001.jpg").unlink()
    _, found = check("fracatlas", "--data-root", root)
    lost, changed = found["files in receipt.json"], found["of these as fetched"]
    assert (lost["result"], lost["names"]) == ("missing", ["images/Fractured/IMG0000001.jpg"])
    assert (changed["expected"], changed["found"]) == (24, 23)
    assert (changed["result"], changed["names"]) == (
        "changed",
        ["images/Fractured/IMG0000003.jpg"],
    )
    (root / "receipt.json").write_text("{}")
    with pytest.raises(DataError, match="is no receipt"):
        check("fracatlas", "--data-root", root)


def test_a_header_tells_whether_a_file_is_an_image(tmp_path: Path) -> None:
    file = tmp_path / "x"
    for content, expected in (
        (fracatlas_files()["FracAtlas/images/Fractured/IMG0000001.jpg"], True),
        (bytes(128) + b"DICM", False),
        (b"", False),
        (b"\x89PNG\r\n", False),
        (b"GIF89a" + bytes(100), False),
    ):
        file.write_bytes(content)
        assert has_sound_header(file) is expected
    picture = np.zeros((4, 5), np.uint16)
    assert has_sound_header(write_dicom(tmp_path / "one.dcm", picture, bits=12))
    several = write_dicom(tmp_path / "several.dcm", picture, bits=12, NumberOfFrames=3)
    assert not has_sound_header(several)
    assert not has_sound_header(tmp_path / "nowhere")
