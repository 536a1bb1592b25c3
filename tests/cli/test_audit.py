"""`tlbench audit`, and the gate before every run."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import tlbench
from tests.audit.planted import draw, plant
from tlbench.cli.main import app
from tlbench.errors import DataError
from tlbench.report.audits import audit_rows

BLOCKS = Path(__file__).parents[2] / "plugins" / "examples" / "blocks.py"
N = 120
PARTS = ("train", "train", "train", "validation", "test", "hold-out")


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of drawn pictures whose label is a bright spot in the middle."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(N):
        picture = draw(i, 96, 72).astype(int)
        picture[40:56, 28:44] += 60 * (i % 2)
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / f"{i:03d}.png")
    return folder


def write_table(folder: Path, rows: list[dict[str, object]]) -> Path:
    file = folder / "table.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["path", "label", "patient", "partition", "case"])
        writer.writeheader()
        writer.writerows({**row, "case": row["path"]} for row in rows)
    return file


def table(folder: Path, *more: tuple[str, int, str, str], parts: tuple[str, ...] = PARTS) -> Path:
    """Write a table in which `parts` are given by turns, to two radiographs each."""
    rows: list[dict[str, object]] = [
        {
            "path": f"{i:03d}.png",
            "label": i % 2,
            "patient": f"p{i}",
            "partition": parts[i // 2 % len(parts)],
        }
        for i in range(N)
    ]
    rows += [
        {"path": p, "label": label, "patient": who, "partition": part}
        for p, label, who, part in more
    ]
    return write_table(folder, rows)


def copy(folder: Path, of: int, change: str) -> str:
    with Image.open(folder / f"{of:03d}.png") as image:
        (folder / f"copy of {of}.jpg").write_bytes(plant(np.array(image), change))
    return f"copy of {of}.jpg"


def audit(manifest: Path, *args: object) -> Result:
    return call("audit", "manifest", "--manifest", manifest, *args)


def run(manifest: Path, *args: object) -> Result:
    base = ("run", "-b", "blocks", "--plugin", BLOCKS, "--protocol", "linear-probe")
    return call(*base, "--dataset", "manifest", "--manifest", manifest, *args)


def test_a_sound_data_set_has_no_leak(pictures: Path) -> None:
    done = audit(table(pictures), "--json")
    assert done.exit_code == 0
    facts = json.loads(done.stdout)
    assert facts["leaks"] == facts["look_alikes"] == []
    assert facts["exclusions"] == 0
    assert facts["partitions"] == {"train": 60, "validation": 20, "test": 20, "hold-out": 20}
    assert "border pixels" in {each["name"] for each in facts["shortcuts"]}


@pytest.mark.parametrize("change", ["JPEG of quality 70", "mirrored, rotated +10"])
def test_a_copy_in_another_partition_is_a_leak(pictures: Path, change: str) -> None:
    name = copy(pictures, 1, change)
    manifest = table(pictures, (name, 1, "someone", "hold-out"))
    done = audit(manifest)
    assert done.exit_code == 1
    assert "LEAK" in done.stdout
    assert "show the same picture" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    facts = json.loads(audit(manifest, "--json").stdout)
    ((leak,), (group,)) = facts["leaks"], facts["look_alikes"]
    assert leak["kind"] == "picture"
    named = leak["radiographs"]
    assert named == [
        {"case": "001.png", "label": 1, "partition": "train"},
        {"case": name, "label": 1, "partition": "hold-out"},
    ]
    assert (group["how"], group["contradictory"]) == ("picture", False)
    assert bool(group["views"]) == ("mirrored" in change)


def test_a_patient_in_two_partitions_is_a_leak_that_names_nobody(pictures: Path) -> None:
    Image.fromarray(draw(500, 96, 72)).save(pictures / "new.png")
    done = audit(table(pictures, ("new.png", 0, "p3", "validation")), "--json")
    assert done.exit_code == 1
    (leak,) = json.loads(done.stdout)["leaks"]
    assert leak["kind"] == "patient"
    assert "one patient lie in train and validation" in leak["text"]
    assert '"p3"' not in done.stdout


def test_partitions_that_tlbench_draws_keep_copies_together(pictures: Path) -> None:
    name = copy(pictures, 1, "10 % brighter")
    manifest = table(pictures, (name, 1, "someone", ""), parts=("",))
    assert audit(manifest).exit_code == 0
    assert run(manifest, "--results", pictures.parent / "results").exit_code == 0
    (folder,) = (pictures.parent / "results").iterdir()
    rows = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    partition = {row["case"]: row["partition"] for row in rows}
    patient = {row["case"]: row["patient"] for row in rows}
    assert partition[name] == partition["001.png"]
    assert patient[name] == patient["001.png"]
    record = json.loads((folder / "record.json").read_text())
    assert record["audit"]["counts"]["look_alikes"] == 1
    # They are kept together, and are two patients all the same.
    assert record["patients"] == N + 1
    assert sum(part["patients"] for part in record["partitions"].values()) == N + 1
    facts = json.loads(audit(manifest, "--json").stdout)
    assert facts["patients"] == facts["quality"]["patients"] == N + 1
    assert any("2 radiographs show pictures" in line for line in record["warnings"])


def test_exclusions_leave_a_data_set_without_leaks(pictures: Path, tmp_path: Path) -> None:
    torn = copy(pictures, 1, "zoomed 1.1")
    contradictory = copy(pictures, 2, "mirrored")
    Image.fromarray(draw(500, 96, 72)).save(pictures / "new.png")
    (pictures / "broken.png").write_bytes(b"\x89PNG broken")
    manifest = table(
        pictures,
        (torn, 1, "someone", "hold-out"),
        (contradictory, 1, "another", "train"),
        ("new.png", 0, "p3", "validation"),
        ("broken.png", 0, "third", "train"),
    )
    listing = tmp_path / "exclusions.csv"
    done = audit(manifest, "--write-exclusions", listing)
    assert done.exit_code == 1
    with listing.open(newline="") as stream:
        rows = {row["case"]: row["reason"] for row in csv.DictReader(stream)}
    assert rows.keys() == {torn, contradictory, "002.png", "003.png", "broken.png"}
    assert "both labels" in rows["002.png"]
    assert "001.png" in rows[torn]
    assert rows["003.png"] == "the same patient is in validation"
    after = audit(manifest, "--exclude", listing, "--json")
    assert after.exit_code == 0
    facts = json.loads(after.stdout)
    assert (facts["exclusions"], facts["radiographs"]) == (0, N - 1)
    assert run(manifest, "--exclude", listing, "--results", tmp_path / "results").exit_code == 0


def test_no_output_replaces_an_input(pictures: Path, tmp_path: Path) -> None:
    manifest = table(pictures)
    before = manifest.read_bytes()
    show = ("data", "show", "manifest", "--manifest", manifest)
    for done in (
        audit(manifest, "--write-exclusions", manifest),
        call(*show, "--no-sheet", "--cases", manifest),
        call(*show, "--sheet", manifest),
        call(*show, "--data-root", pictures, "--sheet", pictures / "001.png"),
        call(*show, "--sheet", pictures / "001.png"),
        call(*show, "--no-sheet", "--cases", pictures / "001.png"),
        audit(manifest, "--write-exclusions", pictures / "001.png"),
    ):
        assert done.exit_code == 1
        assert "is not replaced" in str(done.exception)
    assert manifest.read_bytes() == before
    Image.open(pictures / "001.png").verify()


def test_the_gate_stops_warns_or_does_not_look(pictures: Path, tmp_path: Path) -> None:
    name = copy(pictures, 1, "resized to 90 %")
    manifest = table(pictures, (name, 1, "someone", "hold-out"))
    results = tmp_path / "results"
    with pytest.raises(DataError) as caught:
        tlbench.run(
            "blocks", plugins=[BLOCKS], dataset="manifest", manifest=manifest, results=results
        )
    assert caught.value.message.startswith("1 leak in the data: ")
    assert "show the same picture" in caught.value.message
    assert "--write-exclusions" in str(caught.value.hint)
    assert not list(results.iterdir())

    marked = run(manifest, "--audit", "warn", "--results", results)
    assert marked.exit_code == 0
    assert "Warning: leaks in the data: " in marked.stdout
    (file,) = results.glob("*/record.json")
    record = json.loads(file.read_text())
    assert record["audit"]["mode"] == "warn"
    assert record["audit"]["counts"]["leaks"] == len(record["audit"]["leaks"]) == 1
    assert record["warnings"][0].startswith("leaks in the data: ")

    unseen = run(manifest, "--audit", "off", "--results", tmp_path / "unseen")
    assert unseen.exit_code == 0
    assert "Warning: the data were not audited (--audit off)." in " ".join(unseen.stdout.split())
    (other,) = (tmp_path / "unseen").glob("*/record.json")
    assert json.loads(other.read_text())["audit"] == {"mode": "off"}
    assert other.parent.name != file.parent.name

    listed = call("list", "runs", "--results", results).stdout
    assert listed.count("leaks in the data") == 1

    for table_format in ("table", "markdown", "csv", "latex", "json"):
        shown = call("compare", "--results", results, "--format", table_format)
        said = " ".join(shown.stdout.split())
        assert "leaks in the data" in said, table_format
    for table_format in ("markdown", "latex"):  # each table may be taken alone
        text = call("compare", "--results", results, "--format", table_format).stdout
        tables = len(re.findall(r"^\*\*|\\caption", text, re.MULTILINE))
        assert text.count("leaks in the data") >= tables > 1
    tables = call("compare", "--results", results, "--format", "csv").stdout.split("\n\n")
    for row in (row for text in tables for row in csv.DictReader(text.splitlines())):
        assert "leaks in the data" in row["warnings"]


def test_runs_that_join_other_pictures_are_not_compared(pictures: Path, tmp_path: Path) -> None:
    name = copy(pictures, 10, "10 % brighter")  # both in the hold-out
    manifest = table(pictures, (name, 0, "someone", "hold-out"))
    results = tmp_path / "results"
    assert run(manifest, "--results", results).exit_code == 0
    assert run(manifest, "--results", results, "--audit", "off").exit_code == 0
    records = [json.loads(file.read_text()) for file in results.glob("*/record.json")]
    assert len({record["holdout"]["fingerprint"] for record in records}) == 1
    names = [record["run"] for record in records]
    for order in (names, names[::-1]):
        with pytest.raises(DataError, match="share a hold-out, but not which") as caught:
            tlbench.compare(order, results=results)
        assert "the same --audit" in str(caught.value.hint)


def test_a_data_set_that_the_weights_have_seen_is_a_leak(pictures: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "seen.py"
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")
    plugin.write_text(
        f"""
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tlbench import WeightsSpec, hookimpl

spec = spec_from_file_location("blocks_example", {str(BLOCKS)!r})
blocks = module_from_spec(spec)
spec.loader.exec_module(blocks)

@hookimpl
def tlbench_register_backbones():
    file = Path({str(weights)!r})
    weights = WeightsSpec(
        "w", "w", "these very pictures", "none", lambda r: file, lambda r: file,
        seen=("manifest",),
    )
    (old,) = blocks.tlbench_register_backbones()
    return [replace(old, name="seen", weights=(weights,))]
"""
    )
    options = {"plugins": [plugin], "dataset": "manifest", "manifest": table(pictures)}
    options["results"] = tmp_path / "results"
    with pytest.raises(DataError, match='the weights "w" were trained on data set "manifest"'):
        tlbench.run("seen", **options)
    record = tlbench.run("seen", audit="warn", **options)
    assert record["audit"]["counts"]["leaks"] == 1
    assert audit(options["manifest"]).exit_code == 0
    done = audit(options["manifest"], "--backbone", "seen", "--plugin", plugin)
    assert done.exit_code == 1
    assert "were trained on data set" in " ".join(done.stdout.split())


def test_the_same_is_had_from_python(pictures: Path) -> None:
    found = tlbench.audit("manifest", manifest=table(pictures), cache=pictures.parent / "cache")
    facts = found.describe()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert found.exclusions() == []
    assert {
        *("tlbench", "dataset", "subset", "fingerprint", "radiographs", "positives", "patients"),
        *("partitions", "leaks", "look_alikes", "shortcuts", "quality", "exclusions", "seconds"),
        "refusal",
    } == facts.keys()
    assert {
        *("unreadable", "empty", "saturated", "small", "text", "shorter_side", "longer_side"),
        *("bits", "colour", "positives", "positive_share", "patients", "images_per_patient"),
    } == facts["quality"].keys()
    for each in facts["shortcuts"]:
        assert {"name", "auc", "low", "high", "level", "n", "flagged", "note"} == each.keys()
        assert each["low"] <= each["auc"] <= each["high"]
        differs = each["name"] == "file order" and each["high"] < 0.5
        assert each["flagged"] == (each["low"] > 0.5 or differs)
    assert all(len(row) == 3 for row in audit_rows(facts))


def test_odd_files_are_said(pictures: Path) -> None:
    Image.new("L", (72, 96), 7).save(pictures / "empty.png")
    white = draw(900, 96, 72)
    white[:60] = 255
    Image.fromarray(white).save(pictures / "white.png")
    (pictures / "broken.png").write_bytes(b"\x89PNG broken")
    manifest = table(
        pictures,
        ("empty.png", 0, "e", "train"),
        ("white.png", 0, "w", "train"),
        ("broken.png", 0, "b", "train"),
    )
    quality = json.loads(audit(manifest, "--json").stdout)["quality"]
    assert quality["empty"] == ["empty.png"]
    assert quality["saturated"] == ["white.png"]
    (broken,) = quality["unreadable"]
    assert broken["case"].endswith("broken.png")
    assert str(pictures) not in broken["reason"]
    assert len(quality["small"]) == N + 2
    shown = audit(manifest).stdout
    assert all(word in shown for word in ("unreadable", "empty", "saturated", "broken.png"))


def test_what_a_run_would_refuse_is_said(pictures: Path) -> None:
    rows = [{"path": f"{i:03d}.png", "label": 1, "patient": f"p{i}"} for i in range(N)]
    done = audit(write_table(pictures, rows), "--positive", "1")
    assert isinstance(done.exception, DataError)  # one label is refused as the table is read
    rows = [{**row, "label": i % 2, "patient": "one"} for i, row in enumerate(rows)]
    done = audit(write_table(pictures, rows))
    assert done.exit_code == 0
    assert "would refuse this" in " ".join(done.stdout.split())
    with pytest.raises(DataError) as caught:
        tlbench.run("image_statistics", dataset="manifest", manifest=pictures / "table.csv")
    facts = json.loads(audit(pictures / "table.csv", "--json").stdout)
    assert facts["refusal"] == caught.value.message
    rows = [
        {**row, "patient": f"p{i}", "partition": "train" * (i > 0)} for i, row in enumerate(rows)
    ]
    done = audit(write_table(pictures, rows))
    assert "in no partition" in str(done.exception)


def test_names_that_would_command_the_terminal_are_spelt_out(pictures: Path) -> None:
    name = "z\033[2J.png"
    (pictures / name).write_bytes(b"\x89PNG broken")
    done = audit(table(pictures, (name, 1, "someone", "train")))
    assert "\033" not in done.stdout
    assert r"z\x1b[2J.png" in "".join(done.stdout.split())


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    for name in ("fracture", "normal"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "a.png").write_bytes(name.encode())
    done = call("audit", "folder", "--data-root", tmp_path / "data")
    assert isinstance(done.exception, DataError)
    assert "none of the 2 radiographs can be read" in str(done.exception)


@pytest.mark.parametrize("parts", [("",), ("train",), ("train", "hold-out"), PARTS])
def test_data_show_counts_the_partitions_of_a_run(
    pictures: Path, tmp_path: Path, parts: tuple[str, ...]
) -> None:
    for number in range(1, 40, 2):
        copy(pictures, number, "10 % darker")
    more = [
        (f"copy of {number}.jpg", 1, f"q{number}", parts[number // 2 % len(parts)])
        for number in range(1, 40, 2)
    ]
    manifest = table(pictures, *more, parts=parts)

    def counts() -> tuple[dict[str, int], str]:
        base = ("data", "show", "manifest", "--manifest", manifest, "--no-sheet", "--json")
        shown = call(*base, "--protocol", "linear-probe")
        found = json.loads(shown.stdout)["counts"]
        numbers = {c["value"]: c["radiographs"] for c in found if c["word"] == "partition"}
        return numbers, shown.stderr

    assert ("partitions may change a little" in counts()[1]) == (parts != PARTS)
    assert run(manifest, "--results", tmp_path / "results").exit_code == 0
    (file,) = (tmp_path / "results").glob("*/record.json")
    partitions = json.loads(file.read_text())["partitions"]
    numbers, said = counts()
    assert numbers == {name: part["n"] for name, part in partitions.items()}
    assert "may change" not in said
