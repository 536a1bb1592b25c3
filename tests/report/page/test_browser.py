"""The page as a reader meets it, in a real browser."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.page.browser import find_faults, open_browser, open_page
from tests.report.page.comparisons import (
    compared,
    forty,
    record_of,
    reference,
    regrouped,
    renamed,
)
from tlbench.measures import rates_at
from tlbench.report.page.page import make_page
from tlbench.report.page.series import Series, series_of
from tlbench.report.sheets import Estimate, estimate
from tlbench.stats import operating_point, predictive_value

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("page") / "report.html"
    written.write_text(make_page(reference()), encoding="utf-8")
    return written


@pytest.fixture(scope="module")
def page(browser: Any, file: Path) -> Iterator[Any]:
    with open_page(browser, file) as (found, _heard):
        yield found


def test_a_phone_in_the_dark_and_a_desk_in_the_light(browser: Any, file: Path) -> None:
    """No fault, no request, nothing wider than the screen, in each of the four."""
    for scheme in ("light", "dark"):
        for width in (390, 1280):
            with open_page(browser, file, width=width, scheme=scheme) as (page, heard):
                drawn = page.locator("[data-chart] svg").count()
                assert drawn == page.locator("[data-chart]").count() >= 9
                wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert page.evaluate(wide) == 0
                assert find_faults(page) == []
            assert heard.messages == [], (scheme, width)
            assert heard.requests == [], (scheme, width)


# Curves

CURVES = "[data-chart=roc] .mark-line path"
DIAGONAL = 1


def test_curves_are_switched_by_mouse_and_by_keyboard(page: Any) -> None:
    legend = page.locator("[data-legend=roc]")
    assert page.locator(CURVES).count() == 9 + DIAGONAL
    legend.locator("label").nth(2).click()
    page.wait_for_function(f"document.querySelectorAll('{CURVES}').length === {8 + DIAGONAL}")
    second = legend.locator("input").nth(1)
    second.focus()
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelectorAll('{CURVES}').length === {7 + DIAGONAL}")
    # The legend of the decision curves goes along, and so do they.
    assert not page.locator("[data-legend=decision] input").nth(1).is_checked()
    assert page.locator("[data-chart=decision] .mark-line path").count() == 7 + 1
    page.keyboard.press("Space")
    legend.get_by_role("button", name="None").press("Enter")
    page.wait_for_function(f"document.querySelectorAll('{CURVES}').length === {DIAGONAL}")
    legend.get_by_role("button", name="All").click()
    page.wait_for_function(f"document.querySelectorAll('{CURVES}').length === {9 + DIAGONAL}")


def test_bands_are_chosen_by_name(page: Any) -> None:
    bands = "[data-chart=roc] .mark-area path"
    assert page.locator(bands).count() == 1
    page.locator("#band").select_option("*")
    page.wait_for_function(f"document.querySelectorAll('{bands}').length === 9")
    page.locator("#band").select_option("")
    page.wait_for_function(f"document.querySelectorAll('{bands}').length === 0")
    page.locator("#band").select_option("mobilenet_v2")
    page.wait_for_function(f"document.querySelectorAll('{bands}').length === 1")


def test_a_pointer_over_a_curve_gets_its_cut_off_and_counts(page: Any) -> None:
    chart = page.locator("[data-chart=roc] svg")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 4)
    told = page.locator("#vg-tooltip-element")
    told.wait_for(state="visible")
    words = told.inner_text()
    for part in ("Cut-off", "Sensitivity", "True positives", "False negatives"):
        assert part in words
    counts = [int(found) for found in re.findall(r"(?:True|False) \w+:?\s+(\d+)", words)]
    assert sum(counts) == 100


BROKEN = '{"data": [{"name": "rows", "transform": [{"type": "nothing"}]}]}'


def test_a_figure_that_fails_fails_alone(browser: Any, file: Path, tmp_path: Path) -> None:
    """Neither the other figures nor the numbers of the slider go with it."""
    text = file.read_text(encoding="utf-8")
    for name in ("roc", "cutoff"):
        text, done = re.subn(rf'(?<=data-spec="{name}">).*?(?=</script>)', BROKEN, text)
        assert done == 1
    broken = tmp_path / "broken.html"
    broken.write_text(text, encoding="utf-8")
    with open_page(browser, broken) as (page, heard):
        failed = page.locator("[data-chart]:not(:has(svg))")
        assert failed.count() == 2
        for words in failed.all_inner_texts():
            assert "could not be drawn; its numbers are in the tables" in words
        assert page.locator("[data-chart] svg").count() >= 8
        page.locator("[data-legend=decision] label").nth(2).click()
        page.wait_for_function(
            "document.querySelectorAll('[data-chart=decision] .mark-line path').length === 9"
        )
        before = page.evaluate(READ)
        page.locator("#cutoff-range").press("End")
        assert page.evaluate(READ) != before
    assert heard.messages
    assert all(message.startswith("error: ") for message in heard.messages)


# The slider

READ = """() => ({
  rates: Object.fromEntries(["sensitivity", "specificity", "ppv", "npv"].map((name) => {
    const cell = document.querySelector(`[data-rate="${name}"]`);
    return [name, ["value", "limits"].map((part) =>
      cell.querySelector(`.figure-${part}`).textContent.trim())];
  })),
  counts: Object.fromEntries(["tp", "fp", "fn", "tn"].map((name) =>
    [name, Number(document.querySelector(`[data-count="${name}"]`).textContent)])),
})"""
MOVE = (
    """([backbone, stops]) => {
  const choice = document.getElementById("cutoff-backbone");
  const range = document.getElementById("cutoff-range");
  choice.value = backbone;
  choice.dispatchEvent(new Event("change"));
  const read = """
    + READ
    + """;
  return stops.map((stop) => {
    range.value = stop;
    range.dispatchEvent(new Event("input"));
    return read();
  });
}"""
)


def expected(one: Series, cutoff: float | None) -> dict[str, Any]:
    curve = one.curve
    found = rates_at(
        curve.labels, curve.scores, curve.groups, float("inf") if cutoff is None else cutoff, 0.95
    )
    return {
        "rates": {
            name: [estimate(found[name]).number, estimate(found[name]).limits]
            for name in ("sensitivity", "specificity", "ppv", "npv")
        },
        "counts": {k: found[k] for k in ("tp", "fp", "fn", "tn")},
    }


def check_all_stops(page: Any, series: list[Series]) -> None:
    """Every stop of every backbone shows what the statistics say, to the last digit."""
    data = json.loads(page.locator("#cutoff-data").text_content())
    for place, one in enumerate(series):
        cutoffs = data["backbones"][place]["cutoffs"]
        seen = page.evaluate(MOVE, [str(place), list(range(len(cutoffs)))])
        for cutoff, shown in zip(cutoffs, seen, strict=True):
            assert shown == expected(one, cutoff), (one.name, cutoff)


def test_every_cut_off_gives_what_the_statistics_say(page: Any) -> None:
    check_all_stops(page, series_of(reference()))


@pytest.mark.parametrize("size", [1, 3], ids=["one a patient", "three a patient"])
def test_the_slider_says_what_evaluate_prints(browser: Any, tmp_path: Path, size: int) -> None:
    found = compared([regrouped(record_of("inception_v3"), tmp_path / "one", size, 45)])
    file = tmp_path / "report.html"
    file.write_text(make_page(found), encoding="utf-8")
    with open_page(browser, file) as (page, _heard):
        check_evaluate(page, series_of(found)[0], tmp_path)


def check_evaluate(page: Any, one: Series, tmp_path: Path) -> None:
    """At some stops the page shows what the command that it names prints."""
    held = [p for p in one.entry.record.unit_predictions() if p.partition == "hold-out"]
    predictions = tmp_path / "predictions.csv"
    with predictions.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", "patient", "label", "score"])
        writer.writerows([p.case, p.patient, p.label, repr(p.score)] for p in held)
    cutoffs = json.loads(page.locator("#cutoff-data").text_content())["backbones"][0]["cutoffs"]
    for stop in (0, 37, 80):
        (shown,) = page.evaluate(MOVE, ["0", [stop]])
        assert f"--cutoff {cutoffs[stop]!r}" == page.locator("#cutoff-exact").inner_text()
        command = [sys.executable, "-m", "tlbench", "evaluate", str(predictions)]
        command += ["--cutoff", repr(cutoffs[stop])]
        table = subprocess.run(
            [*command, "--format", "markdown"], capture_output=True, text=True, check=True
        ).stdout
        row = next(line for line in table.splitlines() if line.startswith("| score"))
        for name in ("sensitivity", "specificity"):
            value, limits = shown["rates"][name]
            assert f"{value} ({limits})" in row
        data = json.loads(
            subprocess.run([*command, "--json"], capture_output=True, check=True).stdout
        )
        point = data["classifiers"]["score"]["cutoffs"]["fixed"]
        assert {name: point[name] for name in shown["counts"]} == shown["counts"]
        for name, rate in shown["rates"].items():
            assert [estimate(point[name]).number, estimate(point[name]).limits] == rate, name


def test_the_slider_is_moved_by_keys_and_speaks(page: Any) -> None:
    page.locator("#cutoff-backbone").select_option(label="mobilenet_v2")
    slider, kind = page.locator("#cutoff-range"), page.locator("#cutoff-kind")
    assert kind.inner_text() == "the chosen cut-off"
    one = next(each for each in series_of(reference()) if each.name == "mobilenet_v2")
    assert page.locator("#cutoff-value").inner_text() == f"{one.curve.cutoff:.4g}"
    before = page.evaluate(READ)
    point = page.locator("[data-chart=cutoff] .mark-symbol path").last
    place = point.get_attribute("transform")
    slider.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert kind.inner_text() == ""
    after = page.evaluate(READ)
    assert after["counts"] != before["counts"]
    page.wait_for_function(
        "place => [...document.querySelectorAll('[data-chart=cutoff] .mark-symbol path')]"
        ".at(-1).getAttribute('transform') !== place",
        arg=place,
    )
    sensitivity = after["rates"]["sensitivity"][0]
    assert f"sensitivity {sensitivity}" in slider.get_attribute("aria-valuetext")
    page.wait_for_function(
        "words => document.getElementById('cutoff-live').textContent.includes(words)",
        arg=f"sensitivity {sensitivity}",
    )
    page.keyboard.press("End")
    assert page.locator("#cutoff-value").inner_text() == "nobody"
    assert page.evaluate(READ)["rates"]["ppv"] == ["–", ""]
    page.locator("#cutoff-reset").press("Enter")
    assert page.evaluate(READ) == before


def test_predictive_values_follow_the_prevalence(page: Any) -> None:
    (shown,) = page.evaluate(MOVE, ["0", [40]])
    field = page.locator("#prevalence")
    curve = series_of(reference())[0].curve
    data = json.loads(page.locator("#cutoff-data").text_content())
    cutoff = data["backbones"][0]["cutoffs"][40]
    point = operating_point(curve.labels, curve.scores, cutoff, groups=curve.groups)
    parts = point.sensitivity, point.specificity
    for percent in ("3", "12.5", "97"):
        field.fill(percent)
        seen = page.evaluate(READ)
        assert seen["rates"]["sensitivity"] == shown["rates"]["sensitivity"]
        for name, positive in (("ppv", True), ("npv", False)):
            found = predictive_value(*parts, float(percent) / 100, positive=positive)
            wanted = Estimate(found.value, found.low, found.high)
            assert seen["rates"][name] == [wanted.number, wanted.limits]
    for impossible in ("0", "100", "-3", ""):
        field.fill(impossible)
        assert field.get_attribute("aria-invalid") == "true"
        assert page.evaluate(READ)["rates"]["npv"] == ["–", ""]
    for own in ("50", "50.00", "50.001"):
        field.fill(own)
        assert field.get_attribute("aria-invalid") == "false"
        assert page.evaluate(READ) == shown


@pytest.mark.parametrize(("size", "each"), [(3, 50), (1, 32)], ids=["patients", "sixteenths"])
def test_other_holdouts_to_the_last_digit(
    browser: Any, tmp_path: Path, size: int, each: int
) -> None:
    """Several radiographs a patient; and rates such as 0.0625, which end in a half."""
    found = compared([regrouped(record_of("inception_v3"), tmp_path / "one", size, each)])
    file = tmp_path / "report.html"
    file.write_text(make_page(found), encoding="utf-8")
    with open_page(browser, file) as (page, heard):
        check_all_stops(page, series_of(found))
    assert heard.messages == []


# Paper, no scripts, many backbones, strange names


def test_paper_has_all_tables_in_ink_on_white(browser: Any, file: Path) -> None:
    with open_page(browser, file, scheme="dark") as (page, _heard):
        tables = page.locator("table").count()
        page.evaluate("""() => addEventListener("beforeprint", () => {
          window.printed = [...document.querySelectorAll("table")].filter((table) =>
            table.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}) &&
            table.getBoundingClientRect().height > 0).length;
        })""")
        assert page.pdf(format="A4")[:5] == b"%PDF-"
        assert page.evaluate("printed") == tables >= 15
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") in (
            "rgb(255, 255, 255)", "rgba(0, 0, 0, 0)",
        )  # fmt: skip
        # Switches are of no use on paper; what they tell of is still there.
        assert page.locator("[data-legend=roc] input").first.is_hidden()
        assert page.locator("[data-legend=roc] li").first.is_visible()


def test_without_scripts_the_numbers_are_there(browser: Any, file: Path) -> None:
    with open_page(browser, file, scripts=False) as (page, heard):
        assert "figures are not drawn" in page.locator("#figures noscript").inner_text()
        best = next(iter(reference().data["classifiers"].values()))["cutoffs"]["validation"]
        shown = page.locator("[data-rate=sensitivity]").inner_text()
        assert f"{best['sensitivity']['value']:.3f}" in shown
    assert heard.requests == []


def test_forty_backbones_and_names_that_are_code(browser: Any, tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)> ' \" \\ {{ 1 }} datum['x']"
    # One of the two controls makes room for the name.
    records = [*forty()[:39], renamed(record_of("mobilenet_v2"), evil)]
    file = tmp_path / "report.html"
    file.write_text(make_page(compared(records)), encoding="utf-8")
    with open_page(browser, file, width=390) as (page, heard):
        assert page.locator(CURVES).count() == 9 + DIAGONAL
        page.locator("[data-legend=roc]").get_by_role("button", name="All").click()
        page.wait_for_function(f"document.querySelectorAll('{CURVES}').length === {40 + DIAGONAL}")
        assert page.locator("[data-chart=differences] .mark-rect path").count() == 40 * 39
        assert page.locator(f"#cutoff-backbone option:text-is({json.dumps(evil)})").count() == 1
        assert page.locator("img[src=x]").count() == 0
    assert heard.messages == []
    assert heard.requests == []
