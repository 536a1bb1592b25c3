import subprocess
import sys
from dataclasses import replace

import pytest

from tlbench.datasets import cards
from tlbench.datasets.cards import read_card
from tlbench.datasets.csv_files import index_rows, read_label, read_table
from tlbench.datasets.shipped import tlbench_register_datasets
from tlbench.errors import DataError

SHIPPED = ("demo", "folder", "fracatlas", "manifest", "dicom", "mura")


def test_the_data_sets_are_offered_as_their_cards_describe_them():
    specs = {spec.name: spec for spec in tlbench_register_datasets()}
    assert tuple(specs) == SHIPPED
    assert [name for name in SHIPPED if not specs[name].needs_root] == ["demo", "manifest"]
    assert [name for name in SHIPPED if specs[name].synthetic] == ["demo"]
    assert [name for name in SHIPPED if specs[name].unit != "image"] == ["mura"]
    assert "ynthetic" in specs["demo"].title
    assert specs["fracatlas"].subsets == ("wrist_lateral",)
    assert specs["fracatlas"].licence == "CC BY 4.0"
    assert "Sci Data" in specs["fracatlas"].citation
    assert specs["mura"].unit == "study"
    assert specs["mura"].licence == "research only"
    assert {"wrist", "forearm"} <= set(specs["mura"].subsets)
    assert all(spec.label for spec in specs.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_card_has_a_readme_and_says_what_a_card_must_say(name):
    card = read_card(name)
    assert (card.folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    entries = {"title", "source", "doi", "licence", "citation", "layout", "label", "group"}
    assert entries | {"needs_root", "synthetic", "known_issues"} <= card.content.keys()


def test_subset_lists_hold_what_their_card_says():
    card = read_card("fracatlas")
    for name, entry in card.subsets.items():
        file = card.subset_file(name)
        rows = index_rows(file, read_table(file, ("image_id", "fractured")), "image_id")
        labels = [read_label(file, row, "fractured") for row in rows.values()]
        assert (len(labels), sum(labels)) == (entry["radiographs"], entry["fractures"])
        assert {*entry["other"], *entry["reveals_label"]} <= next(iter(rows.values())).values.keys()


def test_wrist_lateral_has_its_casts_in_one_class_only():
    file = read_card("fracatlas").subset_file("wrist_lateral")
    rows = [row.values for row in read_table(file, ("cast_or_splint", "fractured"))]
    casts = [row["fractured"] for row in rows if row["cast_or_splint"] == "1"]
    assert casts == ["1"] * 20


def test_listing_data_sets_imports_nothing_heavy():
    code = (
        "import sys; from tlbench.datasets.shipped import tlbench_register_datasets as r; r();"
        "heavy = ('numpy', 'PIL', 'pandas', 'keras', 'pyarrow', 'pydicom');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_broken_or_incomplete_card_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "_HOMES", (tmp_path,))
    with pytest.raises(DataError, match='"x" has no card'):
        read_card("x")
    (tmp_path / "x").mkdir()
    file = tmp_path / "x" / "dataset.toml"
    file.write_text("title = ")
    with pytest.raises(DataError, match="not valid TOML"):
        read_card("x")
    file.write_text('title = "x"')
    with pytest.raises(DataError, match='lacks the entry "layout"'):
        read_card("x").describe(list)


def test_installed_cards_are_found_before_those_of_a_checkout(tmp_path, monkeypatch):
    homes = (tmp_path / "installed", tmp_path / "checkout")
    monkeypatch.setattr(cards, "_HOMES", homes)
    for home in reversed(homes):
        (home / "x").mkdir(parents=True)
        (home / "x" / "dataset.toml").write_text(f'title = "{home.name}"')
        assert read_card("x").content["title"] == home.name


def test_describe_passes_the_reader_on():
    card = replace(read_card("folder"), name="other")
    spec = card.describe(lambda request: [])
    assert spec.name == "other"
    assert spec.read(None) == []
