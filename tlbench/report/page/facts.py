"""Facts: what the records of a comparison say in words, each said once for all sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tlbench.protocols.partition import PARTITIONS
from tlbench.report.rows import percent, unit_of, why_clustered
from tlbench.report.selections import selection_note
from tlbench.specs import UNIT_WORDS

Data = Mapping[str, Any]
Records = Mapping[str, Data]
"""The tested record of each backbone, by the name it has in the comparison."""


def detail(record: Data, part: str, name: str, default: Any = None) -> Any:
    """Return one of the details of a record, `default` where an earlier version kept none."""
    found = (record.get("details") or {}).get(part) or {}
    value = found.get(name)
    return default if value is None else value


def each_once(records: Records, tell: Callable[[Data], str | None], where: str = "") -> str:
    """Return what `tell` says of the records: once where all say the same, else by name.

    Where they differ and a table has it, that is what `where` names instead.
    """
    named: dict[str, list[str]] = {}
    for name, record in records.items():
        if text := tell(record):
            named.setdefault(text, []).append(name)
    if len(named) == 1 and len(next(iter(named.values()))) == len(records):
        return next(iter(named))
    if named and where:
        return f"By backbone: see {where}."
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in named.items())


def list_facts(data: Data, records: Records) -> dict[str, str]:
    """Return facts by the names that checklists use; "" where the records do not say."""
    first = next(iter(records.values()))
    makers: dict[str, Callable[[], str]] = {
        "method": lambda: "Frozen pre-trained backbones, each with a re-trained top layer.",
        "source": lambda: source_of(first),
        "selection": lambda: _selection(first),
        "missing": lambda: _missing(first),
        "preprocessing": lambda: each_once(records, preprocessing_of, _BACKBONES),
        "partitions": lambda: partition_words(first, unit_of(data)),
        "disjoint": lambda: _disjoint(first),
        "classes": lambda: _classes(first),
        "predictors": lambda: "All features that the backbone gives, none selected beforehand.",
        "model": lambda: each_once(records, model_of, _BACKBONES),
        "software": lambda: each_once(records, _software, "Versions and machine under Trust"),
        "weights": lambda: each_once(records, weights_of, "Weights under Trust"),
        "protocol": lambda: each_once(records, _protocol),
        "seeds": lambda: _seeds(data),
        "selected": lambda: each_once(records, _selected),
        "cutoff": lambda: each_once(records, _cutoff),
        "metrics": lambda: _METRICS,
        "uncertainty": lambda: " ".join(interval_words(data)[:3]),
        "size": lambda: _size(data),
        "controls": lambda: _controls(data),
        "internal": lambda: each_once(records, _internal),
        "same_source": lambda: "Training and hold-out come from the same data set; none other.",
        "output": lambda: _output(data),
        "performance": lambda: _performance(data),
        "counts": lambda: _counts(data),
        "code": lambda: each_once(records, _code),
        "files": lambda: _FILES,
        "one_network": lambda: "None: each score comes from one network and one top layer.",
    }
    return {name: make() for name, make in makers.items()}


_BACKBONES = "Backbones under Trust"
_METRICS = (
    "AUC, partial AUC; sensitivity, specificity, predictive values, accuracy and likelihood ratios "
    "at the cut-off; Brier score, log loss, calibration line and reliability; net benefit."
)
_FILES = (
    "Every run keeps record.json, the score of every radiograph (predictions.csv), the parameters "
    "of its top layer (top_layer.npz) and its log."
)


def source_of(record: Data) -> str:
    """Return where the radiographs come from."""
    title, where, licence = (
        detail(record, "dataset", name, "") for name in ("title", "source", "licence")
    )
    head = "; ".join(part for part in (title or record["dataset"], where) if part)
    return f"{head}; licence: {licence}." if licence else f"{head}."


def _selection(record: Data) -> str:
    subset = f"Subset {record['subset']}. " if record["subset"] else ""
    notes = selection_note(detail(record, "dataset", "selection"))
    taken = (
        f"{record['radiographs']:,} radiographs" if record.get("radiographs") else "The radiographs"
    )
    return subset + (notes[0] if notes else f"{taken} that the data set names were taken.")


def _missing(record: Data) -> str:
    number = record.get("skipped")
    if number is None:
        return ""
    missing = (detail(record, "dataset", "selection") or {}).get("missing")
    parts = [f"{number:,} unreadable files were left out" if number else "no file was unreadable"]
    if missing:
        parts.append(f"{missing:,} radiographs without an image were left out")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def preprocessing_of(record: Data) -> str | None:
    """Return how pixels became a network's input."""
    found = detail(record, "features", "preprocessing")
    if not found:
        return None
    steps = detail(record, "features", "preparation", ())
    size = found.get("size")
    shape = f"{size[0]} × {size[1]} pixels" if size else "whole radiographs"
    low, high = found.get("scale") or (0, 1)
    before = f"{', '.join(steps)}, then " if steps else ""
    plain = set(found.get("mean") or ()) <= {0.0} and set(found.get("std") or ()) <= {1.0}
    after = "" if plain else ", then normalised by channel"
    return f"{before}{shape}, black to white as {low:g} to {high:g}{after}"


def partitions_of(record: Data) -> dict[str, Data]:
    """Return the partitions that a record counts, in order."""
    parts = record.get("partitions") or {}
    counted = {name: parts.get(name) or {} for name in PARTITIONS}
    return {
        name: part
        for name, part in counted.items()
        if part.get("n") is not None and part.get("positives") is not None
    }


def partition_words(record: Data, unit: str) -> str:
    """Return how many units, and how many of them are positive, each partition has."""
    told = [
        f"{name} {part['n']:,} ({part['positives']:,} positive)"
        for name, part in partitions_of(record).items()
    ]
    return f"{UNIT_WORDS[unit].capitalize()}: {', '.join(told)}." if told else ""


def has_given_partitions(record: Data) -> bool:
    """Return whether the data set itself says which radiograph is in which partition."""
    rule = record["holdout"].get("rule") or ""
    return "given by the data set" in rule or "the data set gives" in rule


def _disjoint(record: Data) -> str:
    if detail(record, "protocol", "split_views"):
        return "By view: views of one radiograph are in several partitions, to show what that does."
    if record.get("patients") is None:
        return (
            "By radiograph: the data set names no patients, so one patient may be in several "
            "partitions."
        )
    audit = record.get("audit") or {}
    if has_given_partitions(record) and audit.get("mode", "off") == "off":
        return (
            "Given by the data set and not checked, for the data were not audited: one patient may "
            "be in several partitions."
        )
    leaks = audit.get("leaks")
    return "By patient" + (", except for the leaks that the audit found." if leaks else ".")


def _classes(record: Data) -> str:
    held, total, positives = record["holdout"], record.get("radiographs"), record.get("positives")
    share = _share(held["positives"], held["n"])
    if not total or positives is None:
        return f"Fractures are {share} of the hold-out."
    return (
        f"Fractures are {share} of the hold-out ({held.get('rule') or 'rule not kept'}) and "
        f"{_share(positives, total)} of the data set's radiographs; scores are not corrected for "
        "that."
    )


def _share(part: int, whole: int) -> str:
    return percent(round(part / whole, 3)) if whole else "none"


def model_of(record: Data) -> str | None:
    """Return what a backbone is: title, layer, numbers of parameters and features."""
    title = detail(record, "backbone", "title")
    if title is None:
        return None
    parts = [str(title)]
    layer = detail(record, "backbone", "layer")
    if layer and layer not in title:
        parts.append(f"up to layer {layer}")
    for name, word in (("parameters", "parameters"), ("feature_size", "features")):
        number = detail(record, "backbone", name)
        if number is not None:
            parts.append(f"{number:,} {word}")
    return ", ".join(parts)


def weights_of(record: Data) -> str | None:
    """Return which weights a backbone had, and what they were trained on."""
    title, trained = (detail(record, "weights", name) for name in ("title", "trained_on"))
    head = str(title or record["weights"])
    return f"{head}, trained on {trained}" if trained else head


def _software(record: Data) -> str | None:
    versions = record.get("versions")
    if not versions:
        return None
    return ", ".join(f"{name} {version}" for name, version in versions.items()) + "."


def _protocol(record: Data) -> str:
    title = detail(record, "protocol", "title", "")
    return (
        f"{record['protocol']}: {title}. Its steps stand under Trust."
        if title
        else record["protocol"]
    )


def _seeds(data: Data) -> str:
    several = {
        name: c["seeds"] for name, c in data["classifiers"].items() if c["seeds"]["n_seeds"] > 1
    }
    if not several:
        return ""
    return "; ".join(
        f"{name}: {s['n_seeds']} seeds, AUC {s['low']:.3f} to {s['high']:.3f}, SD {s['sd']:.3f}"
        for name, s in several.items()
    )


def _selected(record: Data) -> str | None:
    layer = record["top_layer"] or {}
    if layer.get("chosen_c") is not None:
        tried = len(layer.get("c") or ())
        return f"C {layer['chosen_c']:.3g} by the AUC on validation, of {tried} tried"
    if layer.get("step"):
        return f"the last of {layer['step'][-1]:,} steps is kept"
    return None


def _cutoff(record: Data) -> str:
    point = record["operating_point"]
    return f"by the rule {point['rule']} on {point['chosen_on']}; its value is in the first table"


def clusters_of(data: Data) -> str | None:
    """Return why units of the hold-out belong together; None where each stands for itself."""
    clustered = any(c["variance_method"] == "obuchowski" for c in data["classifiers"].values())
    return why_clustered(data["holdout"], unit_of(data)) if clustered else None


def interval_words(data: Data) -> list[str]:
    """Return what every kind of interval and test on the page covers."""
    words, level = UNIT_WORDS[unit_of(data)], percent(data["level"])
    why = clusters_of(data)
    variance = f"Obuchowski's clustered variance, for {why}" if why else "DeLong's variance"
    test = "the clustered paired test" if why else "DeLong's paired test"
    widened = ", widened for the same reason (Rao and Scott)" if why else ""
    lines = [
        f"AUC: {level} intervals by {variance}. They cover the choice of the hold-out's {words}, "
        "not the training: another seed or other training data would move the figure as well.",
        f"Sensitivity, specificity and other shares: {level} Wilson intervals at a cut-off taken "
        f"as given{widened}.",
        f"Differences between backbones: {test} on the same {words}, every pair, p corrected by "
        "Holm. Intervals of differences are not corrected.",
        "Over seeds: the spread over partitions and training by chance. It stands apart and is "
        "part of no interval.",
    ]
    exact = [name for name, c in data["classifiers"].items() if c["ci"]["method"] == "exact"]
    if exact:
        lines.append(f"Where no variance exists ({', '.join(exact)}): exact limits (Hoeffding).")
    return lines


def _size(data: Data) -> str:
    found, held = data["detectable"], data["holdout"]
    text = f"Hold-out of {held['n']} {UNIT_WORDS[unit_of(data)]} ({held.get('rule') or 'given'})."
    if found:
        low, high = (f"{found[key]:.3f}" for key in ("low", "high"))
        text += f" Differences of AUCs detectable with 80 % power: {low} to {high}."
    return text


def _controls(data: Data) -> str:
    names = [name for name, c in data["classifiers"].items() if c["control"]]
    return f"Controls: {', '.join(names)}." if names else ""


def _internal(record: Data) -> str | None:
    found = record.get("internal_test") or {}
    if found.get("auc") is None or found.get("n") is None:
        return None
    return f"AUC {found['auc']:.3f} on the test partition ({found['n']:,})"


def _output(data: Data) -> str:
    unit = unit_of(data)
    mean = "" if unit == "image" else f", the mean over the radiographs of a {unit}"
    return f"A score from 0 to 1 for each {unit}{mean}; positive if it reaches the cut-off."


def _performance(data: Data) -> str:
    return _best_of(
        data, lambda c: f"AUC {c['auc']:.3f} ({c['ci']['low']:.3f} to {c['ci']['high']:.3f})"
    )


def _counts(data: Data) -> str:
    def tell(c: Data) -> str:
        p = c["cutoffs"]["validation"]
        return f"TP {p['tp']}, FN {p['fn']}, FP {p['fp']}, TN {p['tn']} at the cut-off"

    return _best_of(data, tell)


def _best_of(data: Data, tell: Callable[[Data], str]) -> str:
    """What is told of the first backbone, and where the others stand."""
    first = data["ranking"][0]
    others = len(data["ranking"]) - 1
    rest = f", and {others} more in the first table" if others else ""
    return f"{first}: {tell(data['classifiers'][first])}{rest}."


def _code(record: Data) -> str | None:
    commit = record.get("git_commit")
    at = f", commit {commit}" if commit else ""
    version = record.get("tlbench")
    return f"tlbench {version}{at}, Apache-2.0" if version else None
