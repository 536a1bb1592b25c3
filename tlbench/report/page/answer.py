"""The answer: a few sentences, what must not be overlooked, and the table of backbones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlbench.report.comparisons import (
    auc_of,
    group_marks,
    in_words,
    no_shared_seed,
    reading_notes,
    seed_notes,
)
from tlbench.report.rows import data_words, holdout_words, percent, unit_of
from tlbench.report.sheets import Estimate, estimate
from tlbench.specs import UNIT_WORDS

Data = Mapping[str, Any]

_NAMED = 4
"""So many backbones are named in a sentence, the others counted."""
# What a warning in a record begins with, and the title it gets.
_TITLES = {
    "synthetic data": "Synthetic data",
    "leaks in the data": "Failed audit",
    "the data were not audited": "Not audited",
    "shortcuts tell labels apart": "Shortcuts in the data",
    "the top layer has not converged": "Under-trained top layer",
    "the data set does not name patients": "Patients not known",
}


def answer_context(data: Data, audit: Data | None) -> dict[str, Any]:
    """Return what the first section of the page shows; `audit` as a record has it, or None."""
    return {
        "sentences": answer_sentences(data),
        "warnings": answer_warnings(data, audit),
        "rows": _rows(data),
        "title": f"{data_words(data)}: {holdout_words(data['holdout'], unit_of(data))}",
        "notes": [*reading_notes(data), *seed_notes(data)],
    }


def answer_sentences(data: Data) -> list[str]:
    """Return the answer in words: who is best, at the cut-off, and what could not be shown."""
    return [_who_is_best(data), _at_the_cutoff(data), *_could_not_show(data)]


def _who_is_best(data: Data) -> str:
    classifiers, ranking = data["classifiers"], data["ranking"]
    best = ranking[0]
    equals = [n for n in ranking[1:] if any({best, n} <= set(group) for group in data["groups"])]
    holdout = f"on the {holdout_words(data['holdout'], unit_of(data))}"
    named = f"the control {best}" if classifiers[best]["control"] else best
    reached = _figure(auc_of(classifiers[best]), data["level"])
    if len(ranking) == 1:
        return _sentence(
            f"{named} reaches an AUC of {reached} {holdout}; there is no other backbone here to "
            "compare it with"
        )
    others = [name for name in ranking if name != best]
    if not equals and all(classifiers[name]["control"] for name in others):
        return _sentence(
            f"{named} is shown to be better than {_controls(others)}: an AUC of {reached} {holdout}"
        )
    if not equals:
        return _sentence(
            f"{named} is the best of {len(ranking)}: an AUC of {reached} {holdout}, higher than "
            "that of every other"
        )
    if len(equals) == len(ranking) - 1:
        head = f"no backbone is shown to be the best {holdout}"
        rivals = "the other" if len(equals) == 1 else f"any of the other {len(equals)}"
    else:
        head = f"{len(equals) + 1} of {len(ranking)} can't be told apart as the best {holdout}"
        rivals = _few(equals)
    controls = [name for name in equals if classifiers[name]["control"]]
    among = f", {_controls(controls)} among them" if controls else ""
    return _sentence(
        f"{head}: {named} has the highest AUC, {reached}, but can't be told apart from "
        f"{rivals}{among}"
    )


def _controls(names: Sequence[str]) -> str:
    return f"the {'control' if len(names) == 1 else 'controls'} {in_words(names)}"


def _few(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return in_words(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def _figure(cell: Estimate, level: float) -> str:
    if not cell.limits:
        return cell.number
    return f"{cell.number}, {percent(level)} interval {cell.low:.3f} to {cell.high:.3f}"


def _at_the_cutoff(data: Data) -> str:
    best = data["ranking"][0]
    point = data["classifiers"][best]["cutoffs"]["validation"]
    units = UNIT_WORDS[unit_of(data)]
    where = f"At its cut-off, chosen on {point['chosen_on']},"
    if point["cutoff"] is None:
        return f"{where} {best} calls none of the {units} positive."
    found, cleared = point["sensitivity"], point["specificity"]
    return (
        f"{where} {best} finds {found['k']} of {found['n']} positive {units} (sensitivity "
        f"{_figure(estimate(found), data['level'])}) and clears {cleared['k']} of {cleared['n']} "
        f"negative ones (specificity {_figure(estimate(cleared), data['level'])})."
    )


def _could_not_show(data: Data) -> list[str]:
    if len(data["ranking"]) == 1:
        return []
    found = data["detectable"]
    if not found:
        return ["How small a difference this hold-out could have shown can't be computed."]
    low, high = (f"{found[key]:.3f}" for key in ("low", "high"))
    span = low if low == high else f"{low} to {high}, depending on the pair"
    return [
        "This hold-out could not be expected to show differences of AUCs smaller than "
        f"{span} (80 % power, before correction)."
    ]


def _sentence(text: str) -> str:
    # A name keeps its own first letter.
    words = ("the control ", "no backbone ")
    return f"{text[0].upper()}{text[1:]}." if text.startswith(words) else f"{text}."


def _of(rate: Data) -> str:
    return f"{rate['k']} of {rate['n']}"


def answer_warnings(data: Data, audit: Data | None = None) -> list[tuple[str, list[str]]]:
    """Return what must not be overlooked: titles with their lines, the gravest first."""
    found: dict[str, list[str]] = {title: [] for title in _order()}
    for line in data["warnings"]:
        told = line.partition(": ")[2]
        kinds = [
            title for start, title in _TITLES.items() if line.startswith(start) or start in told
        ]
        found[kinds[0] if kinds else "Warning"].append(_sentence_of(line))
    for title, line in _seen_in(data, audit):
        if title == "Warning" or not found[title]:
            found[title].append(line)
    return [(title, lines) for title, lines in found.items() if lines]


def _order() -> list[str]:
    return [
        "Synthetic data",
        "Failed audit",
        "Not audited",
        "Not shown to beat the controls",
        "Under-trained top layer",
        "Cut-off chosen on the hold-out",
        "Shortcuts in the data",
        "Patients not known",
        "No control",
        "Warning",
    ]


def _seen_in(data: Data, audit: Data | None) -> list[tuple[str, str]]:
    """What the figures themselves say, whether or not a record warns of it."""
    classifiers = data["classifiers"]
    out = []
    if data["synthetic"]:
        out.append(("Synthetic data", "The radiographs are generated, not taken of patients."))
    if audit and audit.get("leaks"):
        out.append(("Failed audit", f"The data leak: {in_words(audit['leaks'][:3])}."))
    if behind := _behind(data):
        out.append(("Not shown to beat the controls", behind))
    if unfinished := [name for name, c in classifiers.items() if c["converged"] is False]:
        line = f"Training ended before it settled: {in_words(unfinished)}."
        out.append(("Under-trained top layer", line))
    chosen = {name: c["cutoffs"]["validation"]["chosen_on"] for name, c in classifiers.items()}
    if optimistic := [name for name, where in chosen.items() if where == "hold-out"]:
        line = f"Sensitivity and specificity look better than they are: {in_words(optimistic)}."
        out.append(("Cut-off chosen on the hold-out", line))
    if not any(c["control"] for c in classifiers.values()):
        line = "Add --backbone image_statistics, or --weights random: what does not beat a control "
        out.append(("No control", line + "has learned nothing."))
    if len({c["seed"] for c in classifiers.values()}) > 1:
        out.append(("Warning", _sentence_of(no_shared_seed(data))))
    return out


def _behind(data: Data) -> str:
    """Which backbones are not shown to be better than which controls."""
    controls: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(item["backbone"] for item in data["controls"]):
        if rivals := tuple(beaten_by(data, name)):
            controls.setdefault(rivals, []).append(name)
    parts = [f"{in_words(names)} against {in_words(rivals)}" for rivals, names in controls.items()]
    return f"{'; '.join(parts)}." if parts else ""


def beaten_by(data: Data, name: str) -> list[str]:
    """Return the controls that a backbone is not shown to beat."""
    return [
        item["control"]
        for item in data["controls"]
        if item["backbone"] == name and not item["beaten"]
    ]


def _sentence_of(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}." if " " in line.partition(":")[0] else f"{line}."


def _rows(data: Data) -> list[dict[str, Any]]:
    letters = group_marks(data)
    rows = []
    for name, c in data["classifiers"].items():
        point, own = c["cutoffs"]["validation"], c["cutoffs"]["optimistic"]
        rows.append(
            {
                "name": name,
                "weights": c["weights_title"],
                "control": c["control"],
                "marks": _marks(data, name),
                "auc": auc_of(c),
                "group": letters[name],
                "cutoff": Estimate(point["cutoff"]),
                "rates": [(estimate(point[r]), _of(point[r])) for r in _RATES],
                "optimistic": [Estimate(own[rate]["value"]).number for rate in _RATES],
            }
        )
    return rows


_RATES = ("sensitivity", "specificity")


def _marks(data: Data, name: str) -> list[str]:
    """What is amiss with one backbone, in a few words each."""
    c = data["classifiers"][name]
    marks = []
    if beaten_by(data, name):
        marks.append("not shown to beat a control")
    if c["converged"] is False:
        marks.append("under-trained top layer")
    if c["cutoffs"]["validation"]["chosen_on"] == "hold-out":
        marks.append("cut-off chosen on the hold-out")
    if c["cutoffs"]["validation"]["cutoff"] is None:
        marks.append("cut-off never reached")
    return marks
