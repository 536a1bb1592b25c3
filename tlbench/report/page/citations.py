"""Citations as BibTeX: data set, backbones, protocols, statistics, guidelines and tlbench."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tlbench import __version__
from tlbench.report.formats import latex_text
from tlbench.report.page.facts import Records, detail
from tlbench.report.page.guidelines import GUIDELINES

_STATISTICS = {
    "delong1988": (
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated "
        "receiver operating characteristic curves: a nonparametric approach. Biometrics "
        "1988;44(3):837-845. doi:10.2307/2531595"
    ),
    "obuchowski1997": (
        "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics "
        "1997;53(2):567-578. doi:10.2307/2533958"
    ),
    "holm1979": (
        "Holm S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
        "Statistics 1979;6(2):65-70."
    ),
    "wilson1927": (
        "Wilson EB. Probable inference, the law of succession, and statistical inference. Journal "
        "of the American Statistical Association 1927;22(158):209-212. "
        "doi:10.1080/01621459.1927.10502953"
    ),
    "youden1950": (
        "Youden WJ. Index for rating diagnostic tests. Cancer 1950;3(1):32-35. "
        "doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3"
    ),
    "mcnemar1947": (
        "McNemar Q. Note on the sampling error of the difference between correlated proportions or "
        "percentages. Psychometrika 1947;12(2):153-157. doi:10.1007/BF02295996"
    ),
    "raoscott1992": (
        "Rao JNK, Scott AJ. A simple method for the analysis of clustered binary data. Biometrics "
        "1992;48(2):577-585. doi:10.2307/2532311"
    ),
    "durkalski2003": (
        "Durkalski VL, Palesch YY, Lipsitz SR, Rust PF. Analysis of clustered matched-pair data. "
        "Statistics in Medicine 2003;22(15):2417-2428. doi:10.1002/sim.1438"
    ),
    "mcclish1989": (
        "McClish DK. Analyzing a portion of the ROC curve. Medical Decision Making "
        "1989;9(3):190-195. doi:10.1177/0272989X8900900307"
    ),
    "hoeffding1963": (
        "Hoeffding W. Probability inequalities for sums of bounded random variables. Journal of "
        "the American Statistical Association 1963;58(301):13-30. "
        "doi:10.1080/01621459.1963.10500830"
    ),
    "vickers2006": (
        "Vickers AJ, Elkin EB. Decision curve analysis: a novel method for evaluating prediction "
        "models. Medical Decision Making 2006;26(6):565-574. doi:10.1177/0272989X06295361"
    ),
}
_ALWAYS = ("wilson1927", "mcclish1989", "vickers2006")


def bibtex(data: Mapping[str, Any], records: Records) -> str:
    """Return the BibTeX entries of what a comparison rests on, each work once."""
    first = next(iter(records.values()))
    entries = {"tlbench": _software()}
    _add(entries, first["dataset"], detail(first, "dataset", "citation"))
    for record in records.values():
        _add(entries, record["backbone"], detail(record, "backbone", "reference"))
        _add(entries, record["protocol"], detail(record, "protocol", "reference"))
    for key in _used(data):
        _add(entries, key, _STATISTICS[key])
    for guideline in GUIDELINES:
        _add(entries, guideline.name, guideline.citation)
    return "\n\n".join(entries.values()) + "\n"


def _used(data: Mapping[str, Any]) -> Iterable[str]:
    """The statistics that this comparison uses."""
    classifiers = data["classifiers"].values()
    clustered = any(c["variance_method"] == "obuchowski" for c in classifiers)
    used = {"obuchowski1997", "raoscott1992"} if clustered else {"delong1988"}
    used |= set(_ALWAYS)
    if data["pairs"]:
        used |= {"holm1979", "durkalski2003" if clustered else "mcnemar1947"}
    if any(c["ci"]["method"] == "exact" for c in classifiers):
        used.add("hoeffding1963")
    return (key for key in _STATISTICS if key in used | {"youden1950"})


def _software() -> str:
    fields = {
        "title": "{tlbench}: which pre-trained backbone to build on for a small set of radiographs",
        "author": "{The tlbench authors}",
        "note": f"Software, version {__version__}, Apache-2.0",
    }
    return _entry("misc", "tlbench", fields)


def _add(entries: dict[str, str], name: str, citation: str | None) -> None:
    """Add a work that is cited somewhere, once; what is no citation of a work is left out."""
    if not citation or not re.search(r"\b(1[89]|20)\d\d\b", citation):
        return
    kind, fields = parse_citation(citation)
    made = _entry(kind, "?", fields)
    if any(made.partition(",")[2] == entry.partition(",")[2] for entry in entries.values()):
        return
    key = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "work"
    while key in entries:
        key += "-b"
    entries[key] = _entry(kind, key, fields)


_PARTS = re.compile(r"(?P<authors>[^.]+)\. (?P<title>.+?[.?!]) (?P<rest>.+)", re.DOTALL)
_JOURNAL = re.compile(
    r"(?P<journal>.+?),? (?P<year>(1[89]|20)\d\d);\s*(?P<volume>\w+)(\((?P<number>[^)]+)\))?"
    r":(?P<pages>[\w-]+)"
)
_DOI = re.compile(r"doi:\s*(10\.\d+/[^\s{}\\]+?)[.;,]?(?:\s|$)")
_ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5})")
_YEAR = re.compile(r"\b((?:1[89]|20)\d\d)\b")


def parse_citation(text: str) -> tuple[str, dict[str, str]]:
    """Return kind and fields of a citation in the style of Vancouver.

    What can't be parsed is kept whole as the `note` of a `misc`, so that nothing is lost.
    """
    found = _PARTS.fullmatch(text.strip())
    authors = _authors(found["authors"]) if found else None
    if not found or authors is None:
        return "misc", _with_links({"note": _field(text)}, text)
    fields = {"author": authors, "title": f"{{{_field(found['title'].rstrip('.'))}}}"}
    rest = found["rest"]
    journal = _JOURNAL.match(rest)
    if journal:
        fields["journal"] = _field(journal["journal"])
        for name in ("year", "volume", "number"):
            if journal[name]:
                fields[name] = _field(journal[name])
        fields["pages"] = _field(journal["pages"].replace("-", "–"))
        return "article", _with_links(fields, text)
    link = _DOI.search(rest)
    where, after = (rest[: link.start()], rest[link.end() :]) if link else (rest, "")
    fields["howpublished"] = _field(where.strip(" .;"))
    if after.strip():
        fields["note"] = _field(after.strip())
    if year := _YEAR.search(rest):
        fields["year"] = year[1]
    return "misc", _with_links(fields, text)


def _authors(text: str) -> str | None:
    """`Tan M, Le QV, et al` as BibTeX has it, or None where these are no such names."""
    out = []
    for name in re.split(r",\s*", text):
        if name == "et al":
            out.append("others")
            continue
        last, _, initials = name.rpartition(" ")
        if not last or not re.fullmatch(r"[A-Z]{1,4}", initials):
            return None
        out.append(f"{_field(last)}, {' '.join(f'{letter}.' for letter in initials)}")
    return " and ".join(out)


def _field(text: str) -> str:
    """The text as the value of a field: BibTeX counts braces, escaped or not."""
    braces = {"\\{": "\\textbraceleft{}", "\\}": "\\textbraceright{}"}
    out = latex_text(text)
    for brace, command in braces.items():
        out = out.replace(brace, command)
    return out


def _with_links(fields: dict[str, str], text: str) -> dict[str, str]:
    if doi := _DOI.search(text):
        fields["doi"] = doi[1].replace("{", "").replace("}", "")
    if arxiv := _ARXIV.search(text):
        fields |= {"eprint": arxiv[1], "eprinttype": "arxiv"}
    return fields


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}}}"
