"""`tlbench compare` and `tlbench evaluate` as a user meets them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tlbench
from tests.radiographs import make_folder

ROOT = Path(__file__).parents[2]
BLOCKS = ROOT / "plugins" / "examples" / "blocks.py"


def tlb(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tlbench", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    pictures = make_folder(folder / "pictures")
    for protocol in ("linear-probe", "paper2018"):
        tlbench.run(
            "blocks", plugins=[BLOCKS], dataset="folder", data_root=pictures, protocol=protocol,
            cache=folder / "cache", results=folder / "results",
        )  # fmt: skip
    return folder / "results"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "readers.csv"
    rows = [(1, 0.9, 0.8), (1, 0.8, 0.3), (0, 0.3, 0.2), (0, 0.6, 0.7), (1, 0.55, 0.4), (0, 0.1, 0)]
    path.write_text("label,A & B,<b>\n" + "".join(f"{y},{a},{b}\n" for y, a, b in rows))
    return path


def test_compare_prints_tables_within_80_columns(results: Path) -> None:
    done = tlb("compare", "--results", results)
    assert done.returncode == 0, done.stderr
    for part in (
        "blocks linear-probe",
        "blocks paper2018",
        "Every pair",
        "80 % power",
        "No control",
    ):
        assert part in " ".join(done.stdout.split())
    assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 80


def test_all_formats_carry_the_same_figures(results: Path) -> None:
    data = json.loads(tlb("compare", "--results", results, "--json").stdout)
    texts = {
        name: tlb("compare", "--results", results, "--format", name).stdout
        for name in ("table", "markdown", "csv", "latex", "json")
    }
    assert json.loads(texts["json"]) == data
    rows = [row for row in csv.reader(io.StringIO(texts["csv"])) if row and row[0] == "backbones"]
    for row, (name, classifier) in zip(rows, data["classifiers"].items(), strict=True):
        assert row[1].startswith(name)
        assert float(row[2]) == classifier["auc"]
        for text in ("table", "markdown", "latex"):
            assert f"{classifier['auc']:.3f}" in texts[text]
            assert f"{classifier['ci']['high']:.3f}" in texts[text]


def test_neither_imports_a_framework(results: Path, file: Path) -> None:
    heavy = ("tensorflow", "keras", "sklearn", "statsmodels", "matplotlib")
    for args in (["compare", "--results", results], ["evaluate", file]):
        code = (
            "import sys\nsys.argv = ['tlbench', *sys.argv[1:]]\n"
            "from tlbench.cli.main import main\n"
            "try:\n    main()\n"
            f"finally:\n    print([m for m in {heavy} if m in sys.modules], file=sys.stderr)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, args)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == "[]\n"


def test_evaluate_prints_names_as_text(file: Path) -> None:
    done = tlb("evaluate", file)
    assert done.returncode == 0, done.stderr
    assert "A & B" in done.stdout
    assert "<b>" in done.stdout
    assert "readers.csv: 6 cases, 3 positive" in done.stdout


def test_evaluate_json_has_what_others_read(file: Path) -> None:
    data = json.loads(
        tlb("evaluate", file, "--json", "--cutoff", "youden", "--cutoff", "sensitivity=0.9").stdout
    )
    found = data["classifiers"]["A & B"]
    assert found["auc"] == pytest.approx(8 / 9)
    assert {"method", "level", "low", "high"} <= set(found["ci"])
    assert {"low", "high"} <= set(found["ci_wald"])
    assert found["variance_method"] == "delong"
    assert set(found["cutoffs"]) == {"youden", "sensitivity=0.9"}
    point = found["cutoffs"]["youden"]
    assert {"cutoff", "ties", "tp", "fp", "tn", "fn"} <= set(point)
    for rate in ("sensitivity", "specificity", "ppv", "npv", "accuracy"):
        assert {"value", "low", "high"} <= set(point[rate])
    assert {"slope", "intercept"} <= set(found["calibration"])
    (pair,) = data["pairs"]
    wanted = {"a", "b", "difference", "variance", "low", "high", "z", "p", "p_holm", "p_bh"}
    assert wanted | {"mcnemar"} <= set(pair)
    assert {"sensitivity", "specificity", "accuracy"} == set(pair["mcnemar"])


def test_plots_are_saved(results: Path, file: Path, tmp_path: Path) -> None:
    done = tlb("evaluate", file, "--plots", tmp_path / "plots")
    assert done.returncode == 0, done.stderr
    names = ["decision.png", "forest.png", "reliability.png", "roc.png"]
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == names
    done = tlb("compare", "--results", results, "--plots", tmp_path / "two", "--plot-format", "svg")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "two" / "roc.svg").read_text().count("blocks") >= 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["evaluate", "nothing.csv"], 'can\'t read "nothing.csv"'),
        (["compare", "nothing"], 'unknown run "nothing"'),
        (["compare"], "no runs to compare"),
    ],
)
def test_mistakes_are_one_line_and_a_hint(args: list[str], message: str, tmp_path: Path) -> None:
    done = tlb(*args, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 1
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second.startswith("hint: ")


def test_a_wrong_cutoff_is_an_error_with_the_rules(file: Path) -> None:
    done = tlb("evaluate", file, "--cutoff", "yuoden")
    assert done.returncode == 1
    assert 'cut-off "yuoden" is neither a number nor a rule' in done.stderr
