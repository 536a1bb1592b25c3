import subprocess
import sys
import tomllib
from dataclasses import replace

import pytest

from tlbench.datasets import cards
from tlbench.datasets.cards import read_card
from tlbench.datasets.conditions import read_condition
from tlbench.datasets.csv_files import index_rows, read_label, read_table
from tlbench.datasets.shipped import tlbench_register_datasets
from tlbench.errors import DataError

SHIPPED = ("demo", "folder", "fracatlas", "grazpedwri-dx", "manifest", "dicom", "mura")


def test_the_data_sets_are_offered_as_their_cards_describe_them():
    specs = {spec.name: spec for spec in tlbench_register_datasets()}
    assert tuple(specs) == SHIPPED
    assert [name for name in SHIPPED if not specs[name].needs_root] == ["demo", "manifest"]
    assert [name for name in SHIPPED if specs[name].synthetic] == ["demo"]
    assert [name for name in SHIPPED if specs[name].unit != "image"] == ["mura"]
    assert "ynthetic" in specs["demo"].title
    assert specs["fracatlas"].subsets == ("upper_limb", "wrist_lateral")
    assert specs["fracatlas"].licence == "CC BY 4.0"
    assert "Sci Data" in specs["fracatlas"].citation
    assert specs["mura"].unit == "study"
    assert specs["mura"].licence == "research only"
    assert {"wrist", "forearm"} <= set(specs["mura"].subsets)
    assert all(spec.label for spec in specs.values())
    assert specs["fracatlas"].reveals_label == ("fracture_count", "fracture_centres_xy")
    assert specs["grazpedwri-dx"].partial
    cohort = specs["grazpedwri-dx"].cohorts["kim2018"]
    assert (cohort.positives - 50, cohort.negatives - 50) == (695, 694)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_card_has_a_readme_and_says_what_a_card_must_say(name):
    card = read_card(name)
    assert (card.folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    entries = {"title", "source", "doi", "licence", "citation", "layout", "label", "group"}
    assert entries | {"needs_root", "synthetic", "known_issues"} <= card.content.keys()


def test_subset_lists_hold_what_their_card_says():
    card = read_card("fracatlas")
    listed = {name: entry for name, entry in card.subsets.items() if "file" in entry}
    assert listed
    for name, entry in listed.items():
        file = card.subset_file(name)
        assert card.subset_condition(name) is None
        rows = index_rows(file, read_table(file, ("image_id", "fractured")), "image_id")
        labels = [read_label(file, row, "fractured") for row in rows.values()]
        assert (len(labels), sum(labels)) == (entry["radiographs"], entry["fractures"])
        assert {*entry["other"], *entry["reveals_label"]} <= next(iter(rows.values())).values.keys()


@pytest.mark.parametrize("name", SHIPPED)
def test_conditions_on_cards_can_be_read(name):
    card = read_card(name)
    spec = card.describe(list)
    wheres = [rule.where for rule in spec.cohorts.values() if rule.where]
    for text in [*spec.exclusions.values(), *wheres]:
        assert read_condition(text).names
    for subset, entry in card.subsets.items():
        condition = card.subset_condition(subset)
        assert (condition is None) != ("where" in entry)


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


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('unit = "wrist"', "unit is 'wrist'"),
        ("[exclusions]\ncast = 1", "exclusions"),
        ("[cohorts.k]\npositives = 3", "negatives"),
        ('[cohorts.k]\npositives = "3"\nnegatives = 3\ntitle = "k"', "positives is '3'"),
        ("[cohorts.k]\npositives = 3\nnegatives = 0\ntitle = 'k'", "negatives is 0"),
    ],
)
def test_an_entry_that_can_not_be_is_named(entry, message):
    content = tomllib.loads(entry)
    card = replace(read_card("folder"), content=read_card("folder").content | content)
    with pytest.raises(DataError) as caught:
        card.describe(list)
    assert "dataset.toml" in caught.value.message
    assert message in caught.value.message


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
