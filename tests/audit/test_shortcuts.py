"""Shortcuts: planted ones are found, and where there are none few are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audit.planted import draw
from tests.imported import find_imported
from tests.shared_data import find_shared
from tlbench.audit import gate
from tlbench.audit.findings import audit
from tlbench.audit.shortcuts import encode, find_shortcuts
from tlbench.datasets.table import Table
from tlbench.features.signatures import LAYOUT, make_signature
from tlbench.specs import Radiograph

N = 160
LABELS = np.arange(N) % 2
SHAPE = (60, 50)


def look(change=lambda picture, _label: picture, metadata=lambda _row: {}, names=None, **more):
    """The flagged shortcuts of pictures that `change` has made from drawn ones."""
    pictures = [change(draw(row, *SHAPE), LABELS[row]) for row in range(N)]
    signatures = np.stack([make_signature(p, p.shape).view(LAYOUT)[0] for p in pictures])
    names = names or [f"{row:03d}.png" for row in np.random.default_rng(0).permutation(N)]
    rows = tuple(
        Radiograph(names[row], Path(names[row]), int(LABELS[row]), metadata=metadata(row))
        for row in range(N)
    )
    table = Table(rows, tuple(f"{row:064x}" for row in range(N)))
    found = find_shortcuts(table, signatures, more.get("reveals_label", ()))
    return {each.name: each for each in found if each.flagged}, {each.name for each in found}


def brighten_border(picture: np.ndarray, label: int) -> np.ndarray:
    changed = picture.copy()
    changed[:3] += np.uint8(30 * label)
    return changed


def widen(picture: np.ndarray, label: int) -> np.ndarray:
    return np.ascontiguousarray(picture[:, : 50 - 4 * label])


def brighten(picture: np.ndarray, label: int) -> np.ndarray:
    return np.asarray(np.clip(picture + 60.0 * label, 0, 255), dtype=np.uint8)


def test_where_there_are_none_few_are_flagged() -> None:
    flagged, looked = look()
    assert len(flagged) <= 1
    assert looked == {
        *("image size and aspect", "border pixels", "corner pixels", "mean brightness"),
        *("histogram", "all but the centre", "file order"),
    }


def test_a_bright_border_is_found() -> None:
    flagged, _ = look(brighten_border)
    assert flagged["border pixels"].auc > 0.8
    assert {"border pixels", "all but the centre"} <= flagged.keys()


def test_size_is_found() -> None:
    flagged, _ = look(widen)
    assert flagged["image size and aspect"].auc == 1


def test_brightness_is_found() -> None:
    assert {"mean brightness", "histogram"} <= look(brighten)[0].keys()


def test_the_order_of_files_is_found_and_folders_do_not_count() -> None:
    names = [f"{'fracture' * LABELS[row]}/{LABELS[row] * N + row}.png" for row in range(N)]
    assert look(names=names)[0]["file order"].auc > 0.95
    shuffled = np.random.default_rng(1).permutation(N)
    names = [f"{'fracture' * LABELS[row]}/{shuffled[row]}.png" for row in range(N)]
    assert "file order" not in look(names=names)[0]


def test_files_that_alternate_are_found() -> None:
    places = {label: iter(range(label, 2 * N, 2)) for label in (0, 1)}
    found = look(names=[f"{next(places[int(label)])}.png" for label in LABELS])[0]
    assert found["file order"].high < 0.5


def test_a_warning_names_first_what_tells_most() -> None:
    flagged = [
        {"name": name, "auc": auc, "flagged": True}
        for name, auc in (("a", 0.6), ("b", 0.7), ("c", 0.8), ("file order", 0.001))
    ]
    audited = gate.Audited("warn", Table((), ()), shortcuts=tuple(flagged))
    (line,) = audited.warnings()
    assert line.startswith("shortcuts tell labels apart: file order (AUC 0.00); c (AUC 0.80)")


def test_metadata_are_found_but_not_what_reveals_the_label() -> None:
    rng = np.random.default_rng(2)
    ages = np.where(LABELS == 1, rng.normal(60, 9, N), rng.normal(45, 9, N))

    def metadata(row: int) -> dict[str, str]:
        return {
            "age": f"{ages[row]:.0f}" if row % 9 else "",
            "device": "B" if LABELS[row] and row % 3 == 0 else "A",
            "side": "L" if rng.random() < 0.5 else "R",
            "report": f"text {row}",
            "diagnosis": str(LABELS[row]),
        }

    flagged, looked = look(metadata=metadata, reveals_label=("diagnosis",))
    assert {"age", "device"} <= flagged.keys()
    assert "side" not in flagged
    assert "diagnosis" not in looked
    assert "report" not in looked  # a text of its own for each says nothing of all


def test_with_few_patients_nothing_is_looked_for() -> None:
    rows = tuple(Radiograph(str(row), Path("x"), int(row < 9)) for row in range(40))
    table = Table(rows, tuple(f"{row:064x}" for row in range(40)))
    assert find_shortcuts(table, np.zeros(40, dtype=LAYOUT), ()) == []


@pytest.mark.parametrize(
    ("values", "features"),
    [
        (["3", "4.5", "9", ""], 3),
        (["a", "b", "a", "b"], 2),
        (["1", "0", "1", ""], 3),
        (["x"] * 4, None),
        ([""] * 4, None),
        ([str(i) + "x" for i in range(30)], None),
        ([str(i) + "x" for i in range(30)] + [""], 1),
        (["nan", "inf", "3", "nan"], 3),
    ],
)
def test_a_column_becomes_numbers(values: list[str], features: int | None) -> None:
    found = encode(values)
    assert (None if found is None else found.shape) == (features and (len(values), features))
    assert found is None or np.isfinite(found).all()


def test_the_cast_of_fracatlas_is_found(tmp_path: Path) -> None:
    """Visible in 20 of 80 fracture radiographs and in none of the 108 others."""
    found = audit(
        "fracatlas",
        subset="wrist_lateral",
        data_root=find_shared("fracatlas"),
        cache=tmp_path / "cache",
    )
    flagged = {each["name"]: each for each in found.shortcuts if each["flagged"]}
    assert 0.55 < flagged["cast_or_splint"]["auc"] < 0.7
    names = {each["name"] for each in found.shortcuts}
    assert not names & {"fracture_count", "fracture_centres_xy"}


def test_what_is_kept_is_named_after_all_that_shortcuts_import():
    elsewhere = ("errors", "specs", "threads", "datasets.table", "features.signatures")
    without = [f"tlbench.{name}" for name in elsewhere]
    files, _ = find_imported(["tlbench.audit.shortcuts"], without)
    folder = Path(gate.__file__).parent
    assert files == {(folder / name).resolve() for name in gate.SHORTCUT_SOURCES}
