"""The page as a file: whole, self-contained, well formed, and safe against what it shows."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import tlbench
from tests.report.page.comparisons import (
    changed,
    compared,
    record_of,
    reference,
    reference_records,
    renamed,
    rescored,
)
from tests.report.page.reading import Page
from tests.shared_data import find_shared
from tlbench.plugins import load_plugins
from tlbench.records import Record
from tlbench.report.page.page import make_page
from tlbench.report.page.sources import CasesRequest
from tlbench.streams import stream


@cache
def html() -> str:
    return make_page(reference())


@cache
def page() -> Page:
    return Page(html())


def test_tags_are_balanced_and_the_language_is_named() -> None:
    assert not page().unbalanced
    (root,) = page().all("html")
    assert root.attributes["lang"] == "en"
    assert len(page().all("main")) == len(page().all("header")) == len(page().all("footer")) == 1


def test_headings_go_down_one_step_at_a_time() -> None:
    levels = [int(e.tag[1]) for e in page().elements if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_reference_within_the_page_leads_somewhere() -> None:
    ids = [e.attributes["id"] for e in page().elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in page().elements:
        for name in ("href", "for", "aria-labelledby", "aria-describedby"):
            for target in element.attributes.get(name, "").split():
                if name != "href" or target.startswith("#"):
                    assert target.removeprefix("#") in ids, (element.tag, name, target)


def test_every_section_is_in_the_contents_and_named() -> None:
    sections = [e.attributes for e in page().all("section")]
    listed = [e.attributes["href"][1:] for e in page().all("a") if "nav" in e.around]
    assert listed == [attributes["id"] for attributes in sections]
    assert all(attributes["aria-labelledby"] for attributes in sections)


def test_every_table_has_a_caption_and_heads_with_scope() -> None:
    assert len(page().tables) >= 10
    for table in page().tables:
        assert table.caption
        assert table.rows
        assert set(table.scopes) <= {"col", "row"}


def test_nothing_leaves_the_page() -> None:
    for element in page().elements:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            value = element.attributes.get(name, "")
            assert not value or value.startswith(("#", "data:")), (element.tag, value)
    assert not page().all("link")
    assert "@import" not in html()
    assert not re.search(r"url\((?!#|data:)", "".join(e.text for e in page().all("style")))


def test_the_policy_allows_this_pages_scripts_and_no_network() -> None:
    (policy,) = [
        e.attributes["content"]
        for e in page().all("meta")
        if e.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"https?:|\*|unsafe-eval|connect-src", policy)
    scripts = re.findall(r"<script>(.*?)</script>", html(), re.DOTALL)
    assert scripts
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_page_is_the_same_each_time() -> None:
    assert make_page(reference()) == html()


def test_all_numbers_of_the_comparison_stand_in_its_tables() -> None:
    data = reference().data
    rows = {row[0].split(" ")[0]: row for row in page().table("fracatlas: hold-out").rows}
    assert len(page().table("fracatlas: hold-out").rows) == 9
    for name, c in data["classifiers"].items():
        if " " in name:
            continue
        point = c["cutoffs"]["validation"]
        row = rows[name]
        assert row[1] == f"{c['auc']:.3f} {c['ci']['low']:.3f}–{c['ci']['high']:.3f}"
        assert row[3] == f"{point['cutoff']:.3f}"
        assert row[4].startswith(f"{point['sensitivity']['value']:.3f} ")
        assert row[4].endswith(f" {point['tp']} of 50")
        assert row[5].endswith(f" {point['tn']} of 50")
    pairs = page().table("Every pair").rows
    assert len(pairs) == len(data["pairs"]) == 36
    for row, pair in zip(pairs, data["pairs"], strict=True):
        assert row[0] == f"{pair['a']} − {pair['b']}"
        assert row[1].startswith(f"{pair['difference']:.3f} {pair['low']:.3f}")


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}</style></title>'


def poisoned(data: dict[str, Any]) -> None:
    details = data["details"]
    details["weights"] |= dict.fromkeys(("title", "trained_on", "licence", "source"), EVIL)
    details["backbone"] |= dict.fromkeys(("title", "plugin", "reference", "layer"), EVIL)
    details["dataset"] |= dict.fromkeys(("title", "licence", "source"), EVIL)
    details["dataset"]["citation"] = f"{EVIL} A, B C. {EVIL}. J 2001;1:2-3. doi:10.1/{EVIL}"
    details["protocol"] |= {"title": EVIL, "steps": [EVIL], "reference": EVIL}
    details["features"]["preparation"] = [EVIL]
    details["features"]["engine"]["name"] = EVIL
    data |= dict.fromkeys(("dataset", "subset", "protocol", "weights"), EVIL)
    data["warnings"] = [EVIL, f"synthetic data: {EVIL}"]
    data["command"] = ["tlbench", "run", EVIL]
    data["versions"] = {EVIL: EVIL}
    data["machine"] = {"system": EVIL}
    data["holdout"]["rule"] = EVIL
    data["operating_point"] |= {"chosen_on": EVIL, "rule": EVIL}
    data["audit"] = {
        "mode": "warn",
        "counts": {"leaks": 1, "shortcuts": 1, "contradictions": 1, "look_alikes": 1},
        "leaks": [EVIL],
        "contradictions": [[EVIL, EVIL]],
        "shortcuts": [{"name": EVIL, "auc": 0.9, "low": 0.8, "high": 0.95}],
    }


def test_names_from_outside_are_shown_as_text() -> None:
    plain = reference_records()[:3]
    evil = [renamed(changed(record, poisoned), f"{EVIL}{i}") for i, record in enumerate(plain)]
    found = Page(make_page(compared(evil)))
    harmless = Page(make_page(compared(plain)))
    assert not found.unbalanced
    assert not found.all("img")
    assert not [e for e in found.elements if any(name.startswith("on") for name in e.attributes)]
    assert len(found.all("script")) == len(harmless.all("script"))
    assert len(found.all("style")) == len(harmless.all("style"))
    assert found.text_of("trust").count("alert(1)") > 10
    assert "alert(1)" in found.text_of("answer")
    assert "49" not in re.sub(r"[\d.]*\d{3}[\d.]*", "", found.text_of("trust"))


def test_a_page_of_one_run() -> None:
    one = Page(make_page(compared([record_of("mobilenet_v2")])))
    assert "there is no other backbone here" in one.text_of("answer")
    assert [e.attributes["id"] for e in one.all("section") if e.attributes["id"] == "pairs"] == []


@pytest.mark.slow
def test_a_page_of_forty_backbones() -> None:
    records = reference_records()
    many = [renamed(records[i % len(records)], f"net_{i:02d}", control=False) for i in range(40)]
    text = make_page(compared(many))
    found = Page(text)
    assert not found.unbalanced
    assert len(found.table("fracatlas: hold-out").rows) == 40
    assert len(found.table("Every pair").rows) == 780
    assert len(text) < 5_000_000


THREE = '{"averaged": load_averaged, "projected": load_projected, "flat": load_flat}'
NAMES = [f"net_{i}" for i in range(10)]


def drifted(record: Record, name: str, folder: Path) -> Record:
    """A copy under another name, whose scores differ by as much as bfloat16 may let them."""

    def rename(data: dict[str, Any]) -> None:
        data["details"]["features"] |= {"backbone": name}
        data["details"]["features"]["engine"]["precision"] = "bfloat16"

    draws = stream(0, f"tests/page/{name}")
    scored = rescored(
        record, folder, lambda _label, old: min(1.0, max(0.0, old + draws.uniform(-0.2, 0.2)))
    )
    shutil.copyfile(record.folder / "top_layer.npz", folder / "top_layer.npz")
    return changed(scored, rename, backbone=name, run=name)


@pytest.mark.slow
def test_a_page_of_ten_backbones_with_pictures_and_heat_maps_stays_small(tmp_path: Path) -> None:
    plugin = tmp_path / "ten.py"
    text = (Path(__file__).parents[2] / "plugins/files/tiny_heads.py").read_text()
    assert THREE in text
    plugin.write_text(text.replace(THREE, f"dict.fromkeys({NAMES}, load_averaged)"))
    record = tlbench.run(
        backbone=NAMES[0],
        plugins=[plugin],
        protocol="linear-probe",
        dataset="fracatlas",
        data_root=find_shared("fracatlas"),
        engine="tensorflow",
        audit="off",
        results=tmp_path / "results",
        cache=tmp_path / "cache",
    )
    found = compared([drifted(record, name, tmp_path / name) for name in NAMES])
    assert len(found.holdout.cases) == 100
    request = CasesRequest(
        heatmaps=True, data_root=find_shared("fracatlas"), cache=tmp_path / "cache"
    )
    text = make_page(found, request, load_plugins([plugin]))
    images = [e.attributes for e in Page(text).all("image")]
    thumbnails = [each for each in images if each.get("id", "").startswith("radiograph-")]
    overlays = [each for each in images if each.get("class") == "heat"]
    assert len(thumbnails) > 70
    assert len(overlays) == 10 * 16
    assert len(text.encode()) < 5_000_000


LATER = (
    *("audit", "memory_mb", "unit", "extraction", "seconds", "command", "git_commit", "machine"),
    *("versions", "partitions", "internal_test", "radiographs", "positives", "patients", "skipped"),
)


@pytest.mark.parametrize("name", [*LATER, "all"])
def test_a_record_of_an_earlier_version_gives_a_page(name: str) -> None:
    def forget(data: dict[str, Any]) -> None:
        for field in LATER if name == "all" else (name,):
            data.pop(field, None)
        data["unit"] = "image"  # what reading a record adds
        if name == "all":
            del data["details"]["protocol"]
            data["details"]["features"] = {"digest": data["details"]["features"]["digest"]}

    found = Page(make_page(compared([changed(r, forget) for r in reference_records()[:2]])))
    assert not found.unbalanced
    assert "None" not in found.text_of("trust")
