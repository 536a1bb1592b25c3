"""The tables of a comparison: backbones, pairs, and what can't be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tlbench.report.rows import (
    averaged,
    data_words,
    grave_warnings,
    holdout_words,
    methods,
    percent,
    unit_of,
)
from tlbench.report.selections import selection_note
from tlbench.report.sheets import Cell, Estimate, Sheet, estimate

Data = Mapping[str, Any]


def comparison_sheets(data: Data, *, warnings: bool = True) -> list[Sheet]:
    """Return the tables of a comparison of backbones on one hold-out.

    Below the first stand the `warnings`, unless they are said elsewhere.
    """
    title = f"{data_words(data)}: {holdout_words(data['holdout'], unit_of(data))}"
    classifiers = data["classifiers"]
    groups = group_marks(data)
    rows = [_backbone_row(name, c, groups[name]) for name, c in classifiers.items()]
    columns = ("Backbone", "AUC", "Group", "Sensitivity", "Specificity", "Optimistic")
    notes = [*_backbone_notes(data), *(_warnings(data) if warnings else ())]
    first = Sheet("backbones", title, columns, rows, notes)
    others = [_scores_sheet(data, with_seeds=True), *_pair_sheets(data)]
    grave = [f"Warning: {line}." for line in grave_warnings(data["warnings"])]
    sheets = [first, *(replace(sheet, notes=sheet.notes + grave) for sheet in others)]
    return [replace(sheet, marks=tuple(data["warnings"])) for sheet in sheets]


def evaluation_sheets(data: Data, title: str) -> list[Sheet]:
    """Return the tables of an evaluation of predictions made elsewhere."""
    marks = group_marks(data)
    rules = list(next(iter(data["classifiers"].values()))["cutoffs"])
    rows = [
        row
        for name in data["ranking"]
        for row in _classifier_rows(name, data["classifiers"][name], marks[name], rules)
    ]
    columns = ("Classifier", "AUC", "Group", "Cut-off", "Sensitivity", "Specificity")
    head = f"{title}: {data['n']:,} cases, {data['positives']:,} positive"
    if data["patients"]:
        head += f", {data['patients']:,} patients"
    notes = [_how(data, "case"), *_group_notes(data)]
    if "fixed" not in rules or len(rules) > 1:
        notes.append("Cut-offs chosen on the cases they are judged by are optimistic.")
    notes += [f"Note: {note}." for note in data["notes"]]
    first = Sheet("classifiers", head, columns, rows, notes)
    return [first, _scores_sheet(data, with_seeds=False), *_pair_sheets(data)]


def _backbone_row(name: str, classifier: Data, mark: str) -> tuple[Cell, ...]:
    point, own = classifier["cutoffs"]["validation"], classifier["cutoffs"]["optimistic"]
    both = [Estimate(own[rate]["value"]).number for rate in ("sensitivity", "specificity")]
    words = [] if classifier["weights"] in name.split() else [classifier["weights"]]
    words += ["control"] if classifier["control"] else []
    label = "\n".join([name, ", ".join(words)]) if words else name
    return (
        label,
        auc_of(classifier),
        mark,
        estimate(point["sensitivity"]),
        estimate(point["specificity"]),
        "\n".join(both),
    )


def _classifier_rows(
    name: str, classifier: Data, mark: str, rules: Sequence[str]
) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for i, rule in enumerate(rules):
        point = classifier["cutoffs"][rule]
        head: tuple[Cell, ...] = (name, auc_of(classifier), mark) if i == 0 else ("", "", "")
        cutoff = f"{rule}\n{_cutoff_words(point['cutoff'])}" + _cutoff_limits(point)
        rows.append((*head, cutoff, estimate(point["sensitivity"]), estimate(point["specificity"])))
    return rows


def _cutoff_words(value: float | None) -> str:
    return "none reached" if value is None else f"{value:.4g}"


def _cutoff_limits(point: Data) -> str:
    ci = point.get("cutoff_ci")
    return "" if ci is None else f"\n{_cutoff_words(ci['low'])} to {_cutoff_words(ci['high'])}"


def auc_of(classifier: Data) -> Estimate:
    """Return the AUC of a classifier with its interval."""
    ci = classifier["ci"]
    return Estimate(classifier["auc"], ci["low"], ci["high"])


def group_marks(data: Data) -> dict[str, str]:
    """Return letters by name: classifiers that share one can't be told apart."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    marks = dict.fromkeys(data["classifiers"], "")
    for i, group in enumerate(data["groups"]):
        letter = letters[i] if i < len(letters) else f"({i + 1})"
        for name in group:
            marks[name] += letter
    return marks


def _how(data: Data, unit: str) -> str:
    classifiers = data["classifiers"]
    aucs = [c["ci"] | {"variance_method": c["variance_method"]} for c in classifiers.values()]
    holdout = data.get("holdout") or data
    return methods(aucs, _proportion_method(classifiers), holdout, unit)


def _proportion_method(classifiers: Data) -> str:
    point = next(iter(next(iter(classifiers.values()))["cutoffs"].values()))
    return {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson"}.get(
        str(point["sensitivity"]["method"]), str(point["sensitivity"]["method"])
    )


def _backbone_notes(data: Data) -> list[str]:
    weights = {name: c["weights_title"] for name, c in data["classifiers"].items()}
    return [
        *reading_notes(data),
        *(f"{name}: weights {title}." for name, title in weights.items()),
        *seed_notes(data),
    ]


def _warnings(data: Data) -> list[str]:
    notes = _control_notes(data)
    if len({c["seed"] for c in data["classifiers"].values()}) > 1:
        notes.append(f"Warning: {no_shared_seed(data)}.")
    return notes + [f"Warning: {warning}." for warning in data["warnings"]]


def reading_notes(data: Data) -> list[str]:
    """Return what a reader of the first table has to know, without the warnings."""
    classifiers = data["classifiers"]
    chosen_on = {c["cutoffs"]["validation"]["chosen_on"] for c in classifiers.values()}
    return [
        *selection_note(data["selection"]),
        *averaged(data),
        _how(data, unit_of(data)),
        f"Sensitivity and specificity at a cut-off chosen on {' or '.join(sorted(chosen_on))}; "
        "optimistic: sensitivity and specificity at a cut-off chosen on the hold-out itself.",
        *_group_notes(data),
    ]


def seed_notes(data: Data) -> list[str]:
    """Return the spread over seeds of each backbone that has several."""
    return [
        f"{name}: seed {c['seed']} is tested; over seeds {in_words(c['seeds']['seeds'])} the AUC "
        f"spreads from {c['seeds']['low']:.3f} to {c['seeds']['high']:.3f} "
        f"(SD {c['seeds']['sd']:.3f})."
        for name, c in data["classifiers"].items()
        if c["seeds"]["n_seeds"] > 1
    ]


def no_shared_seed(data: Data) -> str:
    """Return in words which seed of each backbone is tested, where they share none."""
    each = ", ".join(f"{name} {c['seed']}" for name, c in data["classifiers"].items())
    return f"no seed is shared by all; tested are {each}"


def _group_notes(data: Data) -> list[str]:
    if len(data["classifiers"]) < 2:
        return []
    notes = [
        "Those that share a letter can't be told apart (paired tests, Holm-corrected, at "
        f"{percent(1 - data['level'])})."
    ]
    found = data["detectable"]
    if found:
        low, high = (f"{found[key]:.3f}" for key in ("low", "high"))
        span = low if low == high else f"{low} to {high}, depending on the pair"
        notes.append(
            "The smallest difference of AUCs that these cases could have shown, with 80 % power "
            f"and before correction: {span}."
        )
    return notes


def _control_notes(data: Data) -> list[str]:
    notes = []
    for backbone in dict.fromkeys(item["backbone"] for item in data["controls"]):
        failed = [
            item["control"]
            for item in data["controls"]
            if item["backbone"] == backbone and not item["beaten"]
        ]
        if failed:
            notes.append(
                f"Warning: {backbone} is not shown to beat the control {in_words(failed)}."
            )
    if not any(c["control"] for c in data["classifiers"].values()):
        notes.append(
            "No control is among them: add --backbone image_statistics, or --weights random."
        )
    return notes


def _scores_sheet(data: Data, *, with_seeds: bool) -> Sheet:
    columns = ("Scores", "Brier", "Log loss", "Slope", "Intercept", "Partial AUC")
    rows = []
    for name in data["ranking"]:
        c = data["classifiers"][name]
        line, part = c["calibration"], c["partial_auc"]["specificity_0.9_to_1"]
        row: tuple[Cell, ...] = (
            name,
            Estimate(c["brier"]),
            Estimate(c["log_loss"]),
            Estimate(line["slope"]),
            Estimate(line["intercept"]),
            Estimate(part["mcclish"]),
        )
        rows.append(row)
    notes = [
        "Slope 1 and intercept 0: well calibrated. Partial AUC: specificity from 0.9 to 1, "
        "corrected (McClish), 0.5 for chance."
    ]
    notes += _null_notes(data)
    return Sheet("scores", "Calibration and partial AUC", columns, rows, notes)


def _null_notes(data: Data) -> list[str]:
    notes = []
    for name in data["ranking"]:
        c = data["classifiers"][name]
        part = c["partial_auc"]["specificity_0.9_to_1"]
        for note in (c["note"], c["calibration"]["note"], c.get("log_loss_note"), part["note"]):
            if note:
                notes.append(f"{name}: {note}.")
    return notes


def _pair_sheets(data: Data) -> list[Sheet]:
    if not data["pairs"]:
        return []
    columns = ("Pair", "Difference of AUCs", "z", "p", "Holm p", "McNemar p")
    rows: list[tuple[Cell, ...]] = []
    clustered = any(c["variance_method"] == "obuchowski" for c in data["classifiers"].values())
    kind = "p_clustered" if clustered else "p_exact"
    for pair in data["pairs"]:
        tests = pair["mcnemar"]
        at_cutoffs = "\n".join(
            f"{Estimate(tests[rate][kind], p=True).number} {short}"
            for rate, short in (("sensitivity", "sens."), ("specificity", "spec."))
        )
        rows.append(
            (
                f"{pair['a']}\n− {pair['b']}",
                Estimate(pair["difference"], pair["low"], pair["high"]),
                Estimate(pair["z"]),
                Estimate(pair["p"], p=True),
                Estimate(pair["p_holm"], p=True),
                at_cutoffs,
            )
        )
    used = sorted({pair["method"] for pair in data["pairs"]})
    at_cutoffs = "chi-square by patient (Durkalski 2003)" if clustered else "exact"
    words = {
        "delong": "DeLong's paired test",
        "obuchowski": "the clustered paired test (Obuchowski 1997)",
        "exact": "a distribution-free test where the variance is 0 or undefined",
    }
    notes = [
        f"Difference and its interval: {' and '.join(words[name] for name in used)}; McNemar: "
        f"{at_cutoffs}, at the cut-offs of the first table."
    ]
    notes += [f"{p['a']} − {p['b']}: {p['note']}." for p in data["pairs"] if p["note"]]
    return [Sheet("pairs", "Every pair", columns, rows, notes)]


def in_words(items: Sequence[Any]) -> str:
    """Return one or more items as a list within a sentence."""
    texts = [str(item) for item in items]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
