"""The comparison of records, made by small real runs on real radiographs' stand-ins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlbench
from tests.radiographs import make_folder
from tlbench.compare import Compared, compare
from tlbench.errors import DataError, UnknownNameError
from tlbench.records import load_record
from tlbench.stats import compare_aucs

BLOCKS = Path(__file__).parents[1] / "plugins" / "examples" / "blocks.py"
VARIANTS = """
from dataclasses import replace
import numpy as np
from tlbench import BackboneSpec, Preprocessing, hookimpl

def variant(name, seed, **fields):
    def load(_file):
        mix = np.random.default_rng(seed).standard_normal((4096, 32)).astype(np.float32)
        def extract(pixels):
            flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
            return np.maximum(flat @ mix / 64, 0)
        return extract
    return BackboneSpec(name, name, 32, Preprocessing((64, 64)), load=load, **fields)

@hookimpl
def tlbench_register_backbones():
    return [variant("mix-a", 1), variant("mix-b", 2), variant("noise", 3, control=True)]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four backbones, one of them a control, one with three seeds; and a run on other data."""
    folder = tmp_path_factory.mktemp("compared")
    plugin = folder / "variants.py"
    plugin.write_text(VARIANTS)
    pictures = make_folder(folder / "pictures", per_class=80)
    common: dict[str, Any] = {
        "plugins": [BLOCKS, plugin],
        "dataset": "folder",
        "protocol": "linear-probe",
        "cache": folder / "cache",
    }
    for name in ("blocks", "mix-a", "mix-b", "noise"):
        tlbench.run(name, data_root=pictures, results=folder / "results", **common)
    for seed in (1, 2):
        tlbench.run("blocks", data_root=pictures, seed=seed, results=folder / "results", **common)
    other = make_folder(folder / "other", per_class=70)
    tlbench.run("blocks", data_root=other, results=folder / "other results", **common)
    return folder / "results"


@pytest.fixture(scope="module")
def compared(results: Path) -> Compared:
    return compare(results=results)


def test_backbones_are_ranked_and_pairs_tested(compared: Compared) -> None:
    data = compared.data
    assert set(data["classifiers"]) == {"blocks", "mix-a", "mix-b", "noise"}
    aucs = [classifier["auc"] for classifier in data["classifiers"].values()]
    assert aucs == sorted(aucs, reverse=True)
    assert len(data["pairs"]) == 6
    holdout = compared.holdout
    again = compare_aucs(
        holdout.labels,
        {entry.name: holdout.scores[entry.record["run"]] for entry in compared.entries},
        groups=holdout.groups,
    )
    assert [pair["p_holm"] for pair in data["pairs"]] == [pair.p_holm for pair in again.pairs]
    assert data["detectable"]["power"] == 0.8
    json.dumps(data, allow_nan=False)


def test_figures_are_those_of_the_records(compared: Compared) -> None:
    for classifier in compared.data["classifiers"].values():
        record = next(e.record for e in compared.entries if e.record["run"] == classifier["run"])
        assert classifier["auc"] == record["auc"]["value"]
        assert classifier["ci"]["low"] == record["auc"]["low"]
        for mine, theirs in (
            ("validation", "operating_point"),
            ("optimistic", "operating_point_optimistic"),
        ):
            point = classifier["cutoffs"][mine]
            assert point["cutoff"] == record[theirs]["cutoff"]
            assert point["sensitivity"]["low"] == record[theirs]["sensitivity"]["low"]


def test_seeds_stand_apart_and_only_the_lowest_is_tested(compared: Compared) -> None:
    blocks = compared.data["classifiers"]["blocks"]
    assert blocks["seed"] == 0
    assert blocks["seeds"]["seeds"] == [0, 1, 2]
    assert len(blocks["seeds"]["aucs"]) == 3
    assert blocks["seeds"]["sd"] == pytest.approx(np.std(blocks["seeds"]["aucs"], ddof=1))
    names = {pair[side] for pair in compared.data["pairs"] for side in ("a", "b")}
    assert names == {"blocks", "mix-a", "mix-b", "noise"}


def test_controls_are_marked_and_judged(compared: Compared) -> None:
    data = compared.data
    assert [name for name, c in data["classifiers"].items() if c["control"]] == ["noise"]
    assert {item["backbone"] for item in data["controls"]} == {"blocks", "mix-a", "mix-b"}
    for item in data["controls"]:
        assert item["beaten"] == (item["difference"] > 0 and item["p_holm"] < 0.05)


def test_runs_can_be_named(results: Path, compared: Compared) -> None:
    runs = [entry.record["run"] for entry in compared.entries[:2]]
    assert len(compare(runs, results=results).data["classifiers"]) == 2
    with pytest.raises(UnknownNameError, match="unknown run"):
        compare([runs[0], "nothing"], results=results)


def test_one_run_is_compared_with_nothing(results: Path, compared: Compared) -> None:
    data = compare([compared.entries[0].record["run"]], results=results).data
    assert data["pairs"] == []
    assert data["detectable"] is None


def test_other_holdouts_are_refused_with_the_reason(results: Path) -> None:
    other = next((results.parent / "other results").iterdir())
    records = [load_record(path) for path in (*sorted(results.iterdir())[:2], other)]
    with pytest.raises(DataError) as caught:
        compare(records)
    assert "3 runs do not share a hold-out" in caught.value.message
    assert "2 on folder (32 radiographs" in caught.value.message
    assert "1 on folder (28 radiographs" in caught.value.message
    assert "tlbench list runs" in str(caught.value.hint)


def test_nothing_to_compare_is_said(tmp_path: Path, results: Path) -> None:
    with pytest.raises(DataError, match="no runs to compare"):
        compare(results=tmp_path)
    with pytest.raises(DataError, match="no runs to compare"):
        compare(results=results, dataset="fracatlas")


def test_namesakes_are_told_apart(results: Path, tmp_path: Path) -> None:
    """The same backbone by another protocol stands beside itself under a longer name."""
    folder = results.parent
    tlbench.run(
        "blocks", plugins=[BLOCKS], dataset="folder", data_root=folder / "pictures",
        cache=folder / "cache", results=tmp_path,
    )  # fmt: skip
    records = [load_record(next(tmp_path.iterdir()))]
    records += [r for r in map(load_record, sorted(results.iterdir())) if r["backbone"] == "blocks"]
    names = set(compare(records).data["classifiers"])
    assert names == {"blocks paper2018", "blocks linear-probe"}


def test_predictions_that_are_not_the_records_are_refused(results: Path, tmp_path: Path) -> None:
    import shutil

    copies = []
    for path in sorted(results.iterdir())[:2]:
        shutil.copytree(path, tmp_path / path.name)
        copies.append(load_record(tmp_path / path.name))
    file = copies[1].folder / "predictions.csv"
    lines = file.read_text().splitlines(keepends=True)
    held = [p.case for p in copies[0].predictions() if p.partition == "hold-out"]
    lines = [line for line in lines if not line.startswith(held[0])]
    file.write_text("".join(lines))
    with pytest.raises(DataError, match="are not those of its record"):
        compare(copies)


def test_image_statistics_is_a_control_to_beat(results: Path, tmp_path: Path) -> None:
    from tlbench.report.comparisons import comparison_sheets

    folder = results.parent
    tlbench.run(
        "image_statistics", dataset="folder", data_root=folder / "pictures",
        protocol="linear-probe", cache=folder / "cache", results=tmp_path,
    )  # fmt: skip
    control = load_record(next(tmp_path.iterdir()))
    blocks = next(r for r in map(load_record, sorted(results.iterdir())) if r["seed"] == 0)
    data = compare([control, blocks]).data
    (judged,) = data["controls"]
    assert (judged["backbone"], judged["control"]) == ("blocks", "image_statistics")
    warned = "blocks is not shown to beat the control image_statistics"
    assert judged["beaten"] != any(warned in note for note in comparison_sheets(data)[0].notes)
    alone = comparison_sheets(compare([blocks]).data)[0].notes
    assert any("add --backbone image_statistics" in note for note in alone)


def test_runs_on_other_data_are_told_apart_though_they_share_a_hold_out(tmp_path: Path) -> None:
    make_folder(tmp_path)
    parts = ["train"] * 36 + ["validation"] * 8 + ["test"] * 8 + ["hold-out"] * 8
    rows = [
        f"{name}/{i:03d}.png,{label},{part}"
        for label, name in enumerate(("no_fracture", "fracture"))
        for i, part in enumerate(parts)
    ]
    manifest = tmp_path / "list.csv"
    manifest.write_text("\n".join(["path,label,partition", *rows]) + "\n")
    options = {
        "plugins": [BLOCKS], "dataset": "manifest", "manifest": manifest, "results": tmp_path / "r",
        "protocol": "linear-probe", "cache": tmp_path / "cache",
    }  # fmt: skip
    whole = tlbench.run("blocks", **options)
    listed = tmp_path / "out.csv"
    listed.write_text("case\n" + "\n".join(f"fracture/{i:03d}.png" for i in range(5)) + "\n")
    part = tlbench.run("blocks", exclude=listed, **options)
    assert whole["holdout"]["fingerprint"] == part["holdout"]["fingerprint"]
    names = list(compare(results=tmp_path / "r").data["classifiers"])
    assert len(names) == 2
    assert all(name.startswith("blocks data ") for name in names)
