"""BibTeX that BibTeX can read, of what the comparison rests on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.report.page.comparisons import changed, compared, record_of, reference, regrouped
from tlbench.report.page.citations import bibtex, parse_citation


def entries(text: str) -> dict[str, dict[str, str]]:
    """Read BibTeX back: fields by key; braces must balance."""
    out = {}
    for entry in re.split(r"\n\n(?=@)", text.strip()):
        assert entry.count("{") == entry.count("}"), entry
        head = re.match(r"@(\w+)\{([\w-]+),\n", entry)
        assert head, entry
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry, re.MULTILINE))
        assert len(fields) == entry.count("\n") - 1
        out[head[2]] = fields | {"kind": head[1]}
    return out


def of_reference() -> dict[str, dict[str, str]]:
    compared_ = reference()
    return entries(bibtex(compared_.data, {e.name: e.record for e in compared_.entries}))


def test_data_set_backbones_statistics_guidelines_and_tlbench_are_cited() -> None:
    found = of_reference()
    assert found["fracatlas"]["doi"] == "10.1038/s41597-023-02432-4"
    assert found["fracatlas"]["author"].startswith("Abedeen, I. and Rahman, M. A. and Prottyasha")
    assert found["fracatlas"]["author"].endswith("and others")
    assert {"holm1979", "wilson1927", "tlbench", "claim-2024", "stard-ai", "tripod-ai"} <= set(
        found
    )
    titles = [fields.get("title", "") for fields in found.values()]
    assert sum("Rethinking the Inception" in title for title in titles) == 1  # three backbones


def test_the_variance_that_was_used_is_cited(tmp_path: Path) -> None:
    for size, used, unused in ((1, "delong1988", "obuchowski1997"),
                               (3, "obuchowski1997", "delong1988")):  # fmt: skip
        record = regrouped(record_of("mobilenet_v2"), tmp_path / used, size)
        found = entries(bibtex(compared([record]).data, {"x": record}))
        assert found[used]["year"] == used[-4:]
        assert unused not in found
        if used == "delong1988":
            assert found[used]["pages"] == "837--845"


def test_a_citation_of_no_work_is_left_out() -> None:
    assert "image-statistics" not in of_reference()


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (
            "Tan M, Le QV. EfficientNet: rethinking model scaling. ICML 2019, PMLR 97:6105-6114. "
            "doi:10.48550/arXiv.1905.11946; the Lite variants are without a paper",
            {"howpublished": "ICML 2019, PMLR 97:6105-6114", "year": "2019",
             "doi": "10.48550/arXiv.1905.11946", "note": "the Lite variants are without a paper"},
        ),
        (
            "Alain G, Bengio Y. Understanding layers. arXiv:1610.01644 (2016)",
            {"eprint": "1610.01644", "year": "2016", "author": "Alain, G. and Bengio, Y."},
        ),
        (
            "Youden WJ. Index. Cancer 1950;3(1):32-35. "
            "doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3",
            {"doi": "10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3",
             "journal": "Cancer", "volume": "3", "number": "1"},
        ),
        ("Somebody's own words of 2020", {"note": "Somebody's own words of 2020"}),
    ],
)  # fmt: skip
def test_citations_are_parsed_or_kept_whole(text: str, fields: dict[str, str]) -> None:
    _, found = parse_citation(text)
    assert fields.items() <= found.items()


HOSTILE = r"A, B C. } @evil{x, \input{y} % $ # _ ~ ^. 2001 doi:10.1/a}b\c{d"


def test_hostile_citations_stay_within_their_fields(tmp_path: Path) -> None:
    def change(data: dict) -> None:  # type: ignore[type-arg]
        data["details"]["dataset"]["citation"] = HOSTILE
        data["details"]["backbone"]["reference"] = f"Doe J. {HOSTILE}. J 2001;1:2-3."

    record = changed(record_of("mobilenet_v2"), change, dataset=r"\evil{}")
    text = bibtex(compared([record]).data, {"x": record})
    assert "evil" in entries(text)
    assert not re.search(r"^@evil", text, re.MULTILINE)
    if shutil.which("bibtex"):
        (tmp_path / "r.bib").write_text(text)
        (tmp_path / "r.aux").write_text("\\citation{*}\n\\bibdata{r}\n\\bibstyle{plain}\n")
        done = subprocess.run(
            ["bibtex", "r"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert "error" not in done.stdout, done.stdout
