"""The table of one or several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlbench.measures import shared_warnings
from tlbench.report.selections import selection_note
from tlbench.report.sheets import Cell, Estimate, Sheet, estimate
from tlbench.specs import UNIT_WORDS

Data = Mapping[str, Any]

RUN_COLUMNS = ("Backbone", "AUC", "Cut-off chosen on", "Sensitivity", "Specificity")
VARIANCES = {"delong": "DeLong variance", "obuchowski": "clustered variance (Obuchowski 1997)"}
SHARED = "some patients share a picture"
CLUSTERS = {
    "case": "some patients have several cases",
    "image": "some patients have several images",
    "study": "some patients have several studies",
    "patient": SHARED,
}
AVERAGED = {
    "study": "Scores are averaged over the radiographs of a study; all figures are of studies.",
    "patient": "Scores are averaged over the radiographs of a patient; all figures are of "
    "patients, who count as positive if one of their radiographs is.",
}
LIMITS = {"logit": "logit-transformed", "wald": "untransformed", "exact": "exact"}


def run_sheet(records: Sequence[Data], failures: Mapping[str, str] | None = None) -> Sheet:
    """Return the table of runs that share data set, protocol and seed, one pair of rows each.

    The first row of a pair has the cut-off fixed before the hold-out, the second the optimistic
    one, chosen on the hold-out itself. `failures` are backbones without a run, and why.
    """
    failed = failures or {}
    rows = [row for record in records for row in _run_rows(record)]
    rows += [(name, "failed", "", "", "") for name in failed]
    notes = [f"Failed: {name}: {reason}." for name, reason in failed.items()]
    return Sheet("runs", _title(records[0]), RUN_COLUMNS, rows, notes + _notes(records))


def _run_rows(record: Data) -> list[tuple[Cell, ...]]:
    point, optimistic = record["operating_point"], record["operating_point_optimistic"]
    return [
        (
            f"{record['backbone']}\n{record['weights']}",
            estimate(record["auc"]),
            f"{_chosen_on(point)}\n{Estimate(point['cutoff']).number}",
            estimate(point["sensitivity"]),
            estimate(point["specificity"]),
        ),
        (
            "",
            "",
            f"hold-out: optimistic\n{Estimate(optimistic['cutoff']).number}",
            estimate(optimistic["sensitivity"]),
            estimate(optimistic["specificity"]),
        ),
    ]


def _chosen_on(point: Data) -> str:
    words = {"train + validation, cross-validated": "cross-validation"}
    return words.get(point["chosen_on"], str(point["chosen_on"]))


def _title(record: Data) -> str:
    return f"{data_words(record)}, {record['protocol']}, seed {record['seed']}: " + holdout_words(
        record["holdout"], unit_of(record)
    )


def unit_of(record: Data) -> str:
    """Return what the scores of a record, a comparison or an evaluation are of."""
    return str(record.get("unit", "image"))


def data_words(record: Data) -> str:
    """Return data set and subset, marked where synthetic."""
    subset = f" {record['subset']}" if record["subset"] else ""
    synthetic = " (synthetic)" if record["synthetic"] else ""
    return f"{record['dataset']}{subset}{synthetic}"


def holdout_words(holdout: Data, unit: str = "image") -> str:
    """Return the hold-out in words: how many units, of how many radiographs and patients."""
    images = f" ({holdout['images']} radiographs)" if "images" in holdout else ""
    patients = f" of {holdout['patients']} patients" if holdout["patients"] else ""
    if unit == "patient":
        patients = ""
    return (
        f"hold-out of {holdout['n']} {UNIT_WORDS[unit]}{images}{patients}, "
        f"{holdout['positives']} positive"
    )


def grave_warnings(warnings: Sequence[str]) -> list[str]:
    """Return the warnings without which no figure may be shown, wherever it stands."""
    grave = ("leaks in the data", "the data were not audited", "synthetic data")
    return [line for line in warnings if any(words in line for words in grave)]


def averaged(data: Data) -> list[str]:
    """Return what scores are averaged over, where they are."""
    unit = unit_of(data)
    return [AVERAGED[unit]] if unit in AVERAGED else []


def _notes(records: Sequence[Data]) -> list[str]:
    lines = selection_note(records[0]["details"]["dataset"].get("selection"))
    aucs = [record["auc"] for record in records]
    how = methods(aucs, "Wilson", records[0]["holdout"], unit_of(records[0]))
    lines += [*averaged(records[0]), how]
    for record in records:
        weights = record["details"]["weights"]
        lines.append(f"{record['backbone']}: weights {weights['title']}.")
        if record["auc"]["note"]:
            lines.append(f"{record['backbone']}: {record['auc']['note']}.")
        lines.extend(leak_note(record))
    named = {record["backbone"]: record for record in records}
    return lines + [f"Warning: {warning}." for warning in shared_warnings(named)]


def methods(aucs: Sequence[Data], proportions: str, holdout: Data, unit: str = "image") -> str:
    """Return in words how intervals were made on a hold-out."""
    method = aucs[0]["variance_method"]
    variance = VARIANCES[method]
    used = {auc["method"] for auc in aucs}
    limits = " or ".join(LIMITS[name] for name in ("logit", "wald", "exact") if name in used)
    if method == "obuchowski":
        variance += f", for {why_clustered(holdout, unit)}"
        proportions += " with Rao and Scott's effective size"
    return (
        f"Below each figure its {percent(aucs[0]['level'])} interval. AUC: {variance}, "
        f"{limits} limits; proportions: {proportions}."
    )


def why_clustered(holdout: Data, unit: str = "image") -> str:
    """Return why units of a hold-out belong together, where some do."""
    if holdout["patients"] is None:
        return "some pictures are there more than once"
    # Look-alikes join patients, who are counted as the data set names them all the same.
    return SHARED if holdout["patients"] == holdout["n"] else CLUSTERS[unit]


def percent(share: float) -> str:
    """Return a share in per cent, without rounding away what tells levels apart."""
    return f"{round(100 * share, 6):g} %"


def leak_note(record: Data) -> list[str]:
    """Return what the leak of a demonstration does to its internal test, where there is one."""
    clean = record.get("internal_test_without_leak")
    if clean is None:
        return []
    leaky = record["internal_test"]
    with_leak, without = Estimate(leaky["auc"]).number, Estimate(clean["auc"]).number
    what = UNIT_WORDS[unit_of(record)]
    views = "views" if unit_of(record) == "image" else what
    return [
        f"Internal test AUC with the leak {with_leak} ({leaky['n']} {views}), without it "
        f"{without} ({clean['n']} {what})."
    ]
