"""`tlbench report` and `tlbench compare --html` as a user meets them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.page.comparisons import REFERENCE, record_of
from tests.report.page.reading import Page

ROOT = Path(__file__).parents[2]
ONE, OTHER = (record_of(name)["run"] for name in ("mobilenet_v2", "image_statistics"))


def tlb(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tlbench", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def here(tmp_path: Path) -> dict[str, object]:
    """An empty folder to work in, with the committed runs as results."""
    paths = {"PYTHONPATH": str(ROOT), "TLBENCH_RESULTS": str(REFERENCE)}
    return {"cwd": tmp_path, "env": os.environ | paths}


def test_the_page_is_written_and_named(tmp_path: Path, here: dict[str, object]) -> None:
    done = tlb("report", ONE, OTHER, **here)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.startswith("saved report.html (")
    page = Page((tmp_path / "report.html").read_text())
    assert not page.unbalanced
    assert len(page.table("fracatlas: hold-out").rows) == 2
    assert (tmp_path / "report.html").stat().st_size < 5_000_000


def test_compare_writes_the_same_page(tmp_path: Path, here: dict[str, object]) -> None:
    assert tlb("report", ONE, "--output", "a.html", **here).returncode == 0
    done = tlb("compare", ONE, "--html", "b.html", **here)
    assert done.returncode == 0, done.stderr
    assert "mobilenet_v2" in done.stdout
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_tables_go_to_stdout_or_to_a_file(tmp_path: Path, here: dict[str, object]) -> None:
    for name, mark in (("markdown", "| --- |"), ("latex", "\\toprule")):
        done = tlb("report", ONE, OTHER, "--format", name, **here)
        assert (done.returncode, done.stderr) == (0, "")
        assert mark in done.stdout
        saved = tlb("report", ONE, OTHER, "--format", name, "-o", "tables", **here)
        assert saved.stdout == ""
        assert (tmp_path / "tables").read_text().strip() == done.stdout.strip()


def test_the_table_of_the_cases_is_not_replaced(tmp_path: Path, here: dict[str, object]) -> None:
    (tmp_path / "t.csv").write_text("path,label\n")
    done = tlb("report", ONE, "--manifest", "t.csv", "-o", "t.csv", **here)
    assert done.returncode == 1
    assert done.stderr.startswith('error: "t.csv" is part of the data: it is not replaced\n')
    assert (tmp_path / "t.csv").read_text() == "path,label\n"


def test_figures_are_saved_beside_it(tmp_path: Path, here: dict[str, object]) -> None:
    done = tlb("report", ONE, OTHER, "--figures", "figures", **here)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"roc.svg", "roc.png"} <= names
    assert {name[:-4] for name in names if name.endswith(".svg")} == {
        name[:-4] for name in names if name.endswith(".png")
    }
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["report", "nothing"], 'unknown run "nothing"'),
        (["report", "--dataset", "nothing"], "no runs to compare"),
        (["report", ONE, "--output", "."], "can't write to"),
        (["report", ONE, "--data-root", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_line_and_a_hint(
    args: list[str], message: str, tmp_path: Path, here: dict[str, object]
) -> None:
    done = tlb(*args, **here)
    assert (done.returncode, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second.startswith("hint: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["no predictions", "no hold-out", "a later schema"])
def test_a_damaged_record_is_one_line(harm: str, tmp_path: Path, here: dict[str, object]) -> None:
    folder = tmp_path / "results" / ONE
    shutil.copytree(REFERENCE / ONE, folder)
    record = json.loads((folder / "record.json").read_text())
    if harm == "no predictions":
        (folder / "predictions.csv").unlink()
    elif harm == "no hold-out":
        del record["holdout"]["n"]
    else:
        record["schema"] = 99
    (folder / "record.json").write_text(json.dumps(record))
    done = tlb("report", ONE, "--results", "results", **here)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_nothing_heavy_is_imported_and_no_network_reached(
    tmp_path: Path, here: dict[str, object]
) -> None:
    heavy = ("tensorflow", "keras", "torch", "sklearn", "statsmodels", "matplotlib", "openvino")
    code = (
        "import socket, sys\nsys.argv = ['tlbench', *sys.argv[1:]]\n"
        "def refuse(*_): raise RuntimeError('a connection')\n"
        "socket.socket.connect = refuse\n"
        "from tlbench.cli.main import main\n"
        f"try:\n    main()\nfinally:\n    print([m for m in {heavy} if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "report", ONE, OTHER],
        capture_output=True, text=True, check=False, **here,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
