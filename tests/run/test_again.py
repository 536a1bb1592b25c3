"""Runs that were finished, interrupted or changed: what is made anew, and that it is the same."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlbench
from tests.listener import Listener
from tests.radiographs import BLOCKS
from tlbench.features import rows
from tlbench.protocols import logistic


def test_the_same_command_returns_the_finished_record_at_once(evaluate) -> None:
    listener = Listener()
    first = evaluate()
    stamp = (first.folder / "record.json").stat().st_mtime_ns
    again = evaluate(progress=listener)
    assert dict(again) == dict(first)
    assert (first.folder / "record.json").stat().st_mtime_ns == stamp
    assert any("finished already" in line for line in listener.lines)
    evaluate(force=True)
    assert (first.folder / "record.json").stat().st_mtime_ns != stamp


def test_a_record_answers_only_for_the_choice_of_radiographs_it_tells_of(
    evaluate, spoilt: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "left out.csv"
    names = ["fracture/000.png", "no_fracture/002.png", "no_fracture/003.png"]
    listed.write_text("".join(f"{name}\n" for name in ["case", *names]))
    skipping = evaluate(data_root=spoilt, skip_unreadable=True)
    choosing = evaluate(data_root=spoilt, exclude=listed)
    assert skipping["holdout"]["fingerprint"] == choosing["holdout"]["fingerprint"]
    assert (skipping["skipped"], choosing["skipped"]) == (3, 0)
    assert choosing["details"]["dataset"]["selection"]["exclude"]["left_out"] == 3
    for name in names:
        (spoilt / name).unlink()
    plain = evaluate(data_root=spoilt)
    assert plain["details"]["dataset"]["selection"]["exclude"] is None
    assert len({record["run"] for record in (skipping, choosing, plain)}) == 3


def test_predictions_are_the_same_bytes_from_cold_and_warm_caches(evaluate, tmp_path: Path) -> None:
    def predictions(**options: Any) -> bytes:
        return (evaluate(force=True, **options).folder / "predictions.csv").read_bytes()

    cold = predictions()
    assert predictions() == cold
    assert predictions(cache=tmp_path / "another cache", results=tmp_path / "elsewhere") == cold
    assert predictions(seed=1) != cold


@pytest.mark.parametrize("protocol", ["paper2018", "linear-probe"])
def test_a_seed_is_the_same_alone_and_among_others(evaluate, tmp_path: Path, protocol: str) -> None:
    alone = [evaluate(protocol=protocol, seed=seed, results=tmp_path / "a") for seed in (3, 4, 5)]
    together = evaluate(protocol=protocol, seed=3, repeats=3, results=tmp_path / "b")
    own = ("created", "extraction", "seconds", "memory_mb", "command")
    for one, other in zip(alone, together, strict=True):
        assert {k: one[k] for k in one if k not in own} == {
            k: other[k] for k in other if k not in own
        }
        for name in ("predictions.csv", "run.log"):
            assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()
        with (
            np.load(one.folder / "top_layer.npz") as a,
            np.load(other.folder / "top_layer.npz") as b,
        ):
            assert all(np.array_equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("protocol", ["paper2018", "linear-probe"])
def test_features_too_large_for_memory_give_the_same_bits(
    evaluate, tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = evaluate(protocol=protocol)
    monkeypatch.setattr(rows, "memory_share", lambda: 0)
    monkeypatch.setattr(logistic, "KEPT_BYTES", 0)
    again = evaluate(protocol=protocol, results=tmp_path / "mapped")
    assert again["top_layer"] == record["top_layer"]
    for name in ("predictions.csv", "run.log"):
        assert (again.folder / name).read_bytes() == (record.folder / name).read_bytes()


def test_of_several_seeds_only_those_not_finished_are_run(evaluate) -> None:
    middle = evaluate(seed=1)
    listener = Listener()
    records = evaluate(repeats=3, progress=listener)
    assert [record["seed"] for record in records] == [0, 1, 2]
    assert dict(records[1]) == dict(middle)
    assert sum("finished already" in line for line in listener.lines) == 1


def test_seeds_that_were_finished_stay_when_the_rest_is_interrupted(
    evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("tlbench.run")  # the name `tlbench.run` is its function
    save, saved = module.save_record, []

    def interrupted(*args: Any) -> tlbench.Record:
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(save(*args))
        return saved[-1]

    monkeypatch.setattr(module, "save_record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(repeats=5)
    monkeypatch.undo()
    assert len(list((tmp_path / "results").glob("*/record.json"))) == 2
    stamps = [(record.folder / "record.json").stat().st_mtime_ns for record in saved]
    records = evaluate(repeats=5)
    assert len(records) == 5
    assert [(r.folder / "record.json").stat().st_mtime_ns for r in records[:2]] == stamps


def test_the_first_of_several_runs_reads_and_says_for_how_long(evaluate) -> None:
    first, second = (evaluate(cached_as=kind)["extraction"] for kind in ("float32", "float16"))
    assert 0 < first["reading_seconds"] < first["seconds"]
    assert second["reading_seconds"] == 0 < second["seconds"]
    assert first["images"] == second["images"] > 0


def test_an_interrupted_extraction_goes_on_from_there(
    evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backbone stops half way; the next run makes only what is missing, to the same end."""
    plugin = Path(__file__).parents[1] / "plugins" / "files" / "counting.py"
    calls = tmp_path / "calls"
    monkeypatch.setenv("COUNTING_FILE", str(calls))
    undisturbed = evaluate(
        plugins=[plugin], backbone="counting", cache=tmp_path / "a", results=tmp_path / "b"
    )
    batches = calls.stat().st_size
    calls.unlink()
    monkeypatch.setenv("COUNTING_STOP", "9")
    with pytest.raises(KeyboardInterrupt):
        evaluate(plugins=[plugin], backbone="counting")
    monkeypatch.delenv("COUNTING_STOP")
    record = evaluate(plugins=[plugin], backbone="counting")
    first, second = ((r.folder / "predictions.csv").read_bytes() for r in (undisturbed, record))
    assert first == second
    # Eight batches were finished and kept, the ninth was lost and run again.
    assert batches > 20
    assert calls.stat().st_size == batches + 1


def test_a_changed_plugin_does_not_meet_its_old_features(evaluate, tmp_path: Path) -> None:
    source = BLOCKS.read_text()
    plugin = tmp_path / "mine.py"
    plugin.write_text(source)
    first = evaluate(plugins=[plugin])
    plugin.write_text(source.replace("blocks.mean(axis=(2, 4))", "blocks.max(axis=(2, 4))"))
    second = evaluate(plugins=[plugin])
    spaces = [r["details"]["features"]["digest"] for r in (first, second)]
    assert spaces[0] != spaces[1]
    assert [p.score for p in first.predictions()] != [p.score for p in second.predictions()]


def test_preparation_is_another_run_with_features_of_its_own(evaluate, tmp_path: Path) -> None:
    plain = evaluate()
    prepared = evaluate(prepare=("pad", "clahe"))
    assert prepared["extraction"]["images"] == plain["extraction"]["images"] > 0
    assert prepared["details"]["features"]["preparation"] == ["clahe", "pad"]
    assert plain["details"]["features"]["preparation"] == []
    assert "-clahe_pad-" in prepared["run"]
    scores = [np.array([p.score for p in r.predictions()]) for r in (plain, prepared)]
    assert np.abs(scores[0] - scores[1]).max() > 1e-6
    again = evaluate(prepare=["clahe", "pad"])  # the order of names makes no difference
    assert again["run"] == prepared["run"]
    names = {entry.name for entry in tlbench.compare(results=tmp_path / "results").entries}
    assert names == {"blocks as read", "blocks clahe+pad"}


def test_a_cache_in_half_precision_takes_half_the_room(evaluate, tmp_path: Path) -> None:
    whole = evaluate(cache=tmp_path / "whole")
    half = evaluate(cache=tmp_path / "half", cached_as="float16")
    assert whole["run"] != half["run"]
    sizes = [
        sum(np.load(file)["row"].nbytes for file in (tmp_path / name / "features").rglob("*.npy"))
        for name in ("whole", "half")
    ]
    assert sizes[1] * 2 == sizes[0]
    scores = [np.array([p.score for p in r.predictions()]) for r in (whole, half)]
    assert 0 < np.abs(scores[0] - scores[1]).max() < 0.01
    assert half["details"]["features"]["cached_as"] == "float16"
