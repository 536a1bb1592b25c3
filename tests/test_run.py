"""Whole runs through the Python door, with a small real backbone."""

from __future__ import annotations

import csv
import json
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlbench
from tests.radiographs import make_folder
from tlbench.errors import DataError, PluginError, TlbenchError, UnknownNameError, WeightsError
from tlbench.features import rows
from tlbench.progress import Progress
from tlbench.protocols import logistic
from tlbench.protocols.shipped import PAPER2018
from tlbench.stats import auc_interval, operating_point

BLOCKS = Path(__file__).parents[1] / "plugins" / "examples" / "blocks.py"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def evaluate(pictures: Path, tmp_path: Path):
    def call(**options: Any) -> tlbench.Record:
        defaults: dict[str, Any] = {
            "backbone": "blocks",
            "plugins": [BLOCKS],
            "dataset": "folder",
            "data_root": pictures,
            "results": tmp_path / "results",
            "cache": tmp_path / "cache",
        }
        return (tlbench.run_seeds if "repeats" in options else tlbench.run)(**(defaults | options))

    return call


class Listener(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers_in(item)]
    if isinstance(value, list):
        return [n for item in value for n in numbers_in(item)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("protocol", ["paper2018", "linear-probe", "paper2018-leaky"])
def test_a_run_leaves_a_record_that_can_be_checked(evaluate, protocol: str) -> None:
    record = evaluate(protocol=protocol)
    names = sorted(path.name for path in record.folder.iterdir())
    assert names == ["predictions.csv", "record.json", "run.log", "top_layer.npz"]
    stored = json.loads((record.folder / "record.json").read_text())
    assert stored == dict(record)
    assert all(math.isfinite(n) for n in numbers_in(stored))

    held = [p for p in record.predictions() if p.partition == "hold-out"]
    labels = np.array([p.label for p in held])
    scores = np.array([p.score for p in held])
    assert record["holdout"]["n"] == len(held) == 24
    assert record["holdout"]["positives"] == labels.sum() == 12
    again = auc_interval(labels, scores)
    assert record["auc"]["value"] == again.value
    assert (record["auc"]["low"], record["auc"]["high"]) == (again.low, again.high)
    assert (record["auc"]["method"], record["auc"]["variance_method"]) == ("logit", "delong")
    for name in ("operating_point", "operating_point_optimistic"):
        point = record[name]
        check = operating_point(labels, scores, point["cutoff"])
        assert (point["tp"], point["fn"], point["fp"], point["tn"]) == (
            check.tp,
            check.fn,
            check.fp,
            check.tn,
        )
        assert point["sensitivity"]["low"] == check.sensitivity.low
    assert 0.5 < record["auc"]["value"] <= 1


def test_the_record_has_what_others_read(evaluate) -> None:
    record = evaluate()
    head = {"run", "backbone", "weights", "dataset", "protocol", "seed"}
    assert head | {"holdout", "auc", "operating_point"} <= set(record)
    assert record["backbone"] == "blocks"
    assert record["weights"] == "none"
    assert record["operating_point"]["rule"] == "youden"
    assert record["operating_point"]["chosen_on"] == "validation"
    assert record["operating_point_optimistic"]["chosen_on"] == "hold-out"
    protocol = record["details"]["protocol"]
    assert protocol["steps"] == list(PAPER2018.steps)
    assert protocol["parameters"] == dict(PAPER2018.parameters)
    assert len(protocol["training_views"]) == 8
    history = record["top_layer"]
    assert len(history["step"]) == len(history["loss"]) == len(history["validation_loss"]) == 41


def test_the_cutoff_comes_from_validation_alone(evaluate) -> None:
    record = evaluate()
    validation = [p for p in record.predictions() if p.partition == "validation"]
    positives = sum(p.label for p in validation)
    negatives = len(validation) - positives

    def youden(cutoff: float) -> float:
        hits = sum(p.score >= cutoff and p.label == 1 for p in validation)
        alarms = sum(p.score >= cutoff and p.label == 0 for p in validation)
        return hits / positives - alarms / negatives

    chosen = record["operating_point"]["cutoff"]
    assert chosen in {p.score for p in validation}
    assert youden(chosen) == pytest.approx(max(youden(p.score) for p in validation))


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


def test_predictions_are_the_same_bytes_from_cold_and_warm_caches(evaluate, tmp_path: Path) -> None:
    def predictions(**options: Any) -> bytes:
        return (evaluate(force=True, **options).folder / "predictions.csv").read_bytes()

    cold = predictions()
    assert predictions() == cold
    assert predictions(cache=tmp_path / "another cache", results=tmp_path / "elsewhere") == cold
    assert predictions(seed=1) != cold


def test_seeds_share_the_holdout(evaluate) -> None:
    first, second = evaluate(seed=0), evaluate(seed=1)
    assert first["holdout"]["fingerprint"] == second["holdout"]["fingerprint"]
    assert first["run"] != second["run"]


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


def test_only_training_radiographs_are_augmented(evaluate, tmp_path: Path) -> None:
    """Counts the views in the cache: eight of each training radiograph, one of all others."""
    record = evaluate()
    shards = [np.load(f) for f in (tmp_path / "cache" / "features").rglob("*.npy")]
    rows = sum(len(shard) for shard in shards)
    parts = record["partitions"]
    others = sum(parts[name]["n"] for name in ("validation", "test", "hold-out"))
    assert rows == 8 * parts["train"]["n"] + others


def test_the_leak_is_shown_beside_the_clean_score(evaluate) -> None:
    record = evaluate(protocol="paper2018-leaky")
    leaky, clean = record["internal_test"], record["internal_test_without_leak"]
    outside = record["radiographs"] - record["holdout"]["n"]
    assert leaky["n"] == pytest.approx(0.1 * 8 * outside, abs=3)
    assert clean == evaluate()["internal_test"]
    assert any("train and in test" in line for line in record["warnings"])


def test_no_patient_id_leaves_the_run(tmp_path: Path, evaluate) -> None:
    plugin = tmp_path / "ward.py"
    plugin.write_text(
        "from pathlib import Path\n"
        "from tlbench import DatasetSpec, Radiograph, hookimpl\n"
        "def read(request):\n"
        "    files = sorted(request.root.rglob('*.png'))\n"
        "    return [Radiograph(f'{i:03d}', f, int(f.parent.name == 'fracture'),\n"
        "            f'SECRET-{i // 2}') for i, f in enumerate(files)]\n"
        "@hookimpl\n"
        "def tlbench_register_datasets():\n"
        "    return [DatasetSpec('ward', 'a ward', read, 'png files')]\n"
    )
    record = evaluate(plugins=[BLOCKS, plugin], dataset="ward")
    for file in record.folder.iterdir():
        assert b"SECRET" not in file.read_bytes()
    with (record.folder / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["patient"] for row in rows}) == 60
    assert record["patients"] == 60
    assert record["auc"]["variance_method"] == "obuchowski"
    partitions: dict[str, set[str]] = {}
    for row in rows:
        partitions.setdefault(row["patient"], set()).add(row["partition"])
    assert all(len(names) == 1 for names in partitions.values())


@pytest.mark.parametrize(
    ("options", "error", "message", "hint"),
    [
        ({"backbone": "block"}, UnknownNameError, 'unknown backbone "block"', '"blocks"'),
        ({"dataset": "fracatlass"}, UnknownNameError, 'unknown data set', '"fracatlas"'),
        ({"protocol": "paper2081"}, UnknownNameError, "unknown protocol", '"paper2018"'),
        ({"backbone": "inception_v3", "weights": "imagnet"}, UnknownNameError,
         'unknown weights of inception_v3 "imagnet"', '"imagenet"'),
        ({"backbone": "inception_v3", "weights": "no/such.h5"}, WeightsError,
         'weights file "no/such.h5" does not exist', "path"),
        ({"data_root": None}, DataError, "say where it is", "--data-root DIR"),
    ],
)  # fmt: skip
def test_unknown_names_get_a_hint(
    evaluate, options: dict[str, Any], error: type[TlbenchError], message: str, hint: str
) -> None:
    with pytest.raises(error) as caught:
        evaluate(**options)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    root = make_folder(tmp_path / "spoilt", per_class=30)
    (root / "fracture" / "000.png").write_bytes(b"")
    whole = (root / "fracture" / "001.png").read_bytes()
    (root / "no_fracture" / "002.png").write_bytes(whole[:1000])
    (root / "no_fracture" / "003.png").write_text("not an image")
    return root


def test_unreadable_files_are_named(evaluate, spoilt: Path) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(data_root=spoilt)
    for name in ("fracture/000.png", "no_fracture/002.png", "no_fracture/003.png"):
        assert name in caught.value.message
    assert "--skip-unreadable" in str(caught.value.hint)


def test_unreadable_files_can_be_left_out_and_are_listed(evaluate, spoilt: Path) -> None:
    record = evaluate(data_root=spoilt, skip_unreadable=True)
    skipped = record["details"]["dataset"]["skipped"]
    assert [item["case"] for item in skipped] == [
        "fracture/000.png", "no_fracture/002.png", "no_fracture/003.png",
    ]  # fmt: skip
    assert skipped[0]["reason"] == "the file is empty"  # without its path, which may name a patient
    assert record["radiographs"] == 57
    assert any("3 unreadable files" in line for line in record["warnings"])


def spoil(source: str, old: str, new: str, folder: Path) -> Path:
    assert old in source
    file = folder / "spoilt_plugin.py"
    file.write_text(source.replace(old, new))
    return file


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("feature_size=64", "feature_size=65", "declares 65 numbers"),
        ("blocks.mean(axis=(2, 4))", "np.nan * blocks.mean(axis=(2, 4))", "not finite"),
        ("blocks.mean(axis=(2, 4))", "0 * blocks.mean(axis=(2, 4))", "the same features"),
        ("return blocks.mean", "return 'rubbish', blocks.mean", "yields tuple"),
    ],
)
def test_rubbish_features_are_refused(
    evaluate, tmp_path: Path, old: str, new: str, message: str
) -> None:
    plugin = spoil(BLOCKS.read_text(), old, new, tmp_path)
    with pytest.raises(PluginError, match=message):
        evaluate(plugins=[plugin])


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("def load(_file):\n    return None\n", {}, "`load` of backbone"),
        (
            "def read(_request):\n    return [1, 2]\n"
            "@hookimpl\ndef tlbench_register_datasets():\n"
            "    return [DatasetSpec('odd', 'odd', read, 'nothing', needs_root=False)]\n",
            {"dataset": "odd", "data_root": None},
            "reader returned list instead of a list of Radiograph",
        ),
        (
            "@hookimpl\ndef tlbench_register_protocols():\n"
            "    return [ProtocolSpec('odd', 'odd', (), lambda data: 3)]\n",
            {"protocol": "odd"},
            'protocol "odd" returned int instead of a TopLayer',
        ),
    ],
)
def test_wrong_types_from_plugins_are_named(
    evaluate, tmp_path: Path, source: str, options: dict[str, Any], message: str
) -> None:
    plugin = tmp_path / "odd.py"
    plugin.write_text(
        BLOCKS.read_text().replace('name="blocks"', 'name="odd"')
        + "\nfrom tlbench import DatasetSpec, ProtocolSpec\n"
        + source
    )
    with pytest.raises(PluginError, match=message):
        evaluate(plugins=[BLOCKS, plugin], backbone="odd", **options)


def test_an_observer_cannot_change_the_record(evaluate, tmp_path: Path) -> None:
    plugin = tmp_path / "vandal.py"
    plugin.write_text(
        "from tlbench import hookimpl\n@hookimpl\ndef tlbench_run_finished(event):\n"
        "    event.record['auc'] = None\n"
    )
    assert evaluate(plugins=[BLOCKS, plugin])["auc"]["value"] > 0


@pytest.mark.parametrize(
    "options", [{"level": 2}, {"ci": "x"}, {"seed": -1}, {"seed": "0"}, {"repeats": 0}]
)
def test_wrong_choices_from_python_are_errors_to_act_on(evaluate, options: dict[str, Any]) -> None:
    with pytest.raises(TlbenchError, match=next(iter(options))):
        evaluate(**options)


def test_copies_stay_together_and_are_said(evaluate, tmp_path: Path) -> None:
    root = make_folder(tmp_path / "copies", per_class=40)
    for file in sorted((root / "fracture").iterdir())[:20]:
        (root / "fracture" / f"copy {file.name}").write_bytes(file.read_bytes())
    both = root / "fracture" / "000.png"
    (root / "no_fracture" / "contradiction.png").write_bytes(both.read_bytes())
    record = evaluate(data_root=root)
    partition = {p.case: p.partition for p in record.predictions()}
    for name in (f"{i:03d}.png" for i in range(20)):
        assert partition[f"fracture/{name}"] == partition[f"fracture/copy {name}"]
    assert partition["fracture/000.png"] == partition["no_fracture/contradiction.png"]
    assert any("21 files are copies of others" in line for line in record["warnings"])
    assert any("1 picture stands in the data set with both" in line for line in record["warnings"])


def test_an_exception_inside_a_backbone_is_the_cause_of_the_error(evaluate, tmp_path: Path) -> None:
    plugin = spoil(BLOCKS.read_text(), "images = pixels", "1 / 0; images = pixels", tmp_path)
    with pytest.raises(PluginError) as caught:
        evaluate(plugins=[plugin])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_results_that_cannot_be_written_are_found_before_any_work(evaluate, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(TlbenchError, match="can't write to"):
        evaluate(results=tmp_path / "blocked" / "results")
    assert not (tmp_path / "cache" / "features").exists()


def test_an_interrupted_extraction_goes_on_from_there(
    evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backbone stops half way; the next run makes only what is missing, to the same end."""
    plugin = Path(__file__).parent / "plugins" / "files" / "counting.py"
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


def test_the_first_of_several_runs_reads_and_says_for_how_long(evaluate) -> None:
    first, second = (evaluate(cached_as=kind)["extraction"] for kind in ("float32", "float16"))
    assert 0 < first["reading_seconds"] < first["seconds"]
    assert second["reading_seconds"] == 0 < second["seconds"]
    assert first["images"] == second["images"] > 0


def test_a_record_shows_itself_in_a_notebook(evaluate) -> None:
    record = evaluate()
    assert "<table>" in record._repr_html_()
    assert record["run"] in repr(record)


def test_every_field_of_a_record_is_documented(evaluate) -> None:
    text = (Path(__file__).parents[1] / "results" / "README.md").read_text(encoding="utf-8")
    records = [evaluate(), evaluate(protocol="linear-probe"), evaluate(protocol="paper2018-leaky")]
    for record in records:
        fields = set(record) | {f"details.{name}" for name in record["details"]}
        for name in ("holdout", "auc", "internal_test", "top_layer", "extraction"):
            fields |= set(record[name])
        for name in ("operating_point", "operating_point_optimistic"):
            fields |= set(record[name])
            fields |= set(record[name]["sensitivity"]) | set(record[name]["lr_positive"])
        fields.discard("details")
        missing = [f for f in fields if f"`{f}`" not in text and f"`….{f}`" not in text]
        assert not missing


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


def test_features_too_large_for_half_precision_are_refused(evaluate, tmp_path: Path) -> None:
    file = tmp_path / "large.py"
    file.write_text(BLOCKS.read_text().replace("blocks.mean", "1e6 * blocks.mean"))
    with pytest.raises(PluginError, match="too large for float16") as caught:
        evaluate(plugins=[file], cached_as="float16")
    assert "--cached-as" in caught.value.hint


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


def test_whole_radiographs_are_prepared_too(evaluate) -> None:
    plain = evaluate(backbone="image_statistics")
    prepared = evaluate(backbone="image_statistics", prepare=["clahe"])
    scores = [np.array([p.score for p in r.predictions()]) for r in (plain, prepared)]
    assert np.abs(scores[0] - scores[1]).max() > 1e-6


def test_an_unknown_step_of_preparation_is_refused(evaluate) -> None:
    with pytest.raises(UnknownNameError, match='unknown preparation step "padd"') as caught:
        evaluate(prepare=["padd"])
    assert caught.value.hint == 'did you mean "pad"?'
    with pytest.raises(TlbenchError, match="not a list of steps"):
        evaluate(prepare="pad")
