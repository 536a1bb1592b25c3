"""Every quantity of one classifier that the oracle has and tlbench computes."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.stats import oracle
from tests.stats.oracle import LEVELS, Quantity
from tlbench.stats import (
    CLIP,
    auc,
    auc_interval,
    brier,
    calibration_line,
    choose_cutoff,
    delong_covariance,
    log_loss,
    operating_point,
    partial_auc,
    reliability,
)

RATES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
LIMITS = {
    ("delong", "proc"): "wald",
    ("delong", "logit"): "logit",
    ("exact", "wald_truncated"): "wald",
    ("exact", "logit"): "logit",
}
RULES = {"youden": "youden", "closest_topleft": "closest"}
FIXED = {
    "sens_at_spec_0.90": ("specificity=0.9", "sensitivity"),
    "spec_at_sens_0.90": ("sensitivity=0.9", "specificity"),
}
METHODS = {"wilson": oracle.CLOSED_FORM, "clopper_pearson": oracle.CLOPPER_PEARSON}
BINNINGS = {
    "ece_width10_left_closed": ("width10_left_closed", "ece"),
    "ece_width10_right_closed": ("width10_right_closed", "ece"),
    "mce_width10_left_closed": ("width10_left_closed", "mce"),
    "ece_quantile10_type7_right_closed": ("quantile10", "ece"),
}
LINE = {"slope": "slope", "intercept": "intercept", "citl": "in_the_large"}


def area_quantities(name: str) -> Iterator[Quantity]:
    case = oracle.load_case(name)
    for subject, found in case["expected"]["classifiers"].items():
        yield name, subject, "auc", found["auc"], oracle.AUC
        yield name, subject, "exact.auc", found["exact"]["auc"], oracle.AUC
        yield name, subject, "delong.var", found["delong"]["var"], oracle.VARIANCE
        yield name, subject, "exact.var", found["exact"]["var"], oracle.VARIANCE
        if not found["delong"]["degenerate"]:
            for source, kind in LIMITS:
                wanted = [found[source]["ci"][level][kind] for level in LEVELS]
                yield name, subject, f"{source}.ci.{kind}", wanted, oracle.LIMIT
        for key, wanted in found["pauc"].items():
            yield name, subject, f"pauc.{key}.plain", wanted["plain"], oracle.CLOSED_FORM
            yield name, subject, f"pauc.{key}.corrected", wanted["corrected"], oracle.CLOSED_FORM


@cache
def area_values(name: str, subject: str) -> dict[str, Any]:
    case = oracle.load_case(name)
    labels, scores = case["labels"], case["scores"][subject]
    interval = auc_interval(labels, scores)
    found: dict[str, Any] = {
        "auc": auc(labels, scores),
        "exact.auc": interval.value,
        "delong.var": interval.variance,
        "exact.var": interval.variance,
    }
    for (source, kind), method in LIMITS.items():
        limits = [auc_interval(labels, scores, level=float(x), method=method) for x in LEVELS]
        found[f"{source}.ci.{kind}"] = [[one.low, one.high] for one in limits]
    for focus in ("specificity", "sensitivity"):
        part = partial_auc(labels, scores, focus=focus)
        found[f"pauc.{focus}_1_0.9.plain"] = part.value
        found[f"pauc.{focus}_1_0.9.corrected"] = part.corrected
    return found


@oracle.parametrise(area_quantities)
def test_area(case, subject, key, expected, tolerance):
    oracle.assert_close(area_values(case, subject)[key], expected, tolerance)


def matrix_quantities(name: str) -> Iterator[Quantity]:
    expected = oracle.load_case(name)["expected"]
    for pair in expected["pairs"]:
        subject = f"{pair['a']}-{pair['b']}"
        yield name, subject, "covariance", pair["exact"]["cov"], oracle.COVARIANCE


@oracle.parametrise(matrix_quantities)
def test_covariance_matrix(case, subject, key, expected, tolerance):
    loaded = oracle.load_case(case)
    _, covariance = delong_covariance(loaded["labels"], list(loaded["scores"].values()))
    a, b = (loaded["classifiers"].index(one) for one in subject.split("-"))
    value = float(covariance[a, b])
    # The matrix is plain numbers: where undefined it holds nan.
    oracle.assert_close(None if value != value else value, expected, tolerance)  # noqa: PLR0124


def cutoff_quantities(name: str) -> Iterator[Quantity]:
    case = oracle.load_case(name)
    for subject, found in case["expected"]["classifiers"].items():
        for rule in RULES:
            wanted = found["cutoffs"][rule]
            ties = wanted["exact_ties"]
            cutoffs = [tie["cutoff_observed"] for tie in ties]
            yield name, subject, f"{rule}.optimal", cutoffs, oracle.COUNT
            yield name, subject, f"{rule}.ties", len(ties), oracle.COUNT
            yield name, subject, f"{rule}.objective", wanted["objective"], oracle.CLOSED_FORM
            counts = [[tie[key] for key in ("tp", "fn", "fp", "tn")] for tie in ties]
            yield name, subject, f"{rule}.counts", counts, oracle.COUNT
            rates = [[tie[rate] for rate in RATES] for tie in ties]
            yield name, subject, f"{rule}.rates", rates, oracle.CLOSED_FORM
            yield from _limits(name, subject, rule, wanted["primary_ci"])
        for key, wanted in found["operating_points"].items():
            cutoffs = [row["cutoff_observed"] for row in wanted["step_rows"]]
            yield name, subject, f"{key}.step", wanted["step"], oracle.CLOSED_FORM
            yield name, subject, f"{key}.optimal", cutoffs, oracle.COUNT
        if "fixed_0.5" in found["cutoffs"]:
            wanted = found["cutoffs"]["fixed_0.5"]
            counts = [wanted[key] for key in ("tp", "fn", "fp", "tn")]
            yield name, subject, "fixed_0.5.counts", [counts], oracle.COUNT
            yield from _limits(name, subject, "fixed_0.5", wanted["ci"])


def _limits(name: str, subject: str, rule: str, wanted: dict[str, Any]) -> Iterator[Quantity]:
    for rate, values in wanted.items():
        counts = [values["k"], values["n"]]
        yield name, subject, f"{rule}.{rate}.counts", counts, oracle.COUNT
        for method, tolerance in METHODS.items():
            if values.get(method):
                limits = [values[method][level] for level in LEVELS]
                yield name, subject, f"{rule}.{rate}.{method}", limits, tolerance


@cache
def cutoff_values(name: str, subject: str) -> dict[str, Any]:
    case = oracle.load_case(name)
    labels, scores = case["labels"], case["scores"][subject]
    found: dict[str, Any] = {}
    for key, rule in RULES.items():
        chosen = choose_cutoff(labels, scores, rule)
        found[f"{key}.optimal"] = chosen.optimal
        found[f"{key}.ties"] = chosen.ties
        found[f"{key}.objective"] = chosen.objective
        assert chosen.value == chosen.optimal[0]
        _points(found, labels, scores, key, chosen.optimal)
        assert found[f"{key}.counts"][0] == [chosen.tp, chosen.fn, chosen.fp, chosen.tn]
    for key, (rule, rate) in FIXED.items():
        chosen = choose_cutoff(labels, scores, rule)
        found[f"{key}.optimal"] = chosen.optimal
        found[f"{key}.step"] = chosen.objective
        point = operating_point(labels, scores, chosen.value)
        assert getattr(point, rate).value == chosen.objective
    _points(found, labels, scores, "fixed_0.5", (0.5,))
    return found


def _points(found: dict[str, Any], labels: Any, scores: Any, key: str, cutoffs: Any) -> None:
    points = [operating_point(labels, scores, cutoff) for cutoff in cutoffs]
    found[f"{key}.counts"] = [[one.tp, one.fn, one.fp, one.tn] for one in points]
    found[f"{key}.rates"] = [[getattr(one, rate).value for rate in RATES] for one in points]
    for method in METHODS:
        levels = [
            operating_point(
                labels, scores, cutoffs[0], level=float(level), interval=method.replace("_", "-")
            )
            for level in LEVELS
        ]
        for rate in RATES:
            parts = [getattr(one, rate) for one in levels]
            found[f"{key}.{rate}.counts"] = [parts[0].k, parts[0].n]
            found[f"{key}.{rate}.{method}"] = [[part.low, part.high] for part in parts]


@oracle.parametrise(cutoff_quantities)
def test_cutoff(case, subject, key, expected, tolerance):
    oracle.assert_close(cutoff_values(case, subject)[key], expected, tolerance)


def probability_quantities(name: str) -> Iterator[Quantity]:
    case = oracle.load_case(name)
    for subject, found in case["expected"]["classifiers"].items():
        wanted = found.get("probability")
        if not wanted:
            continue
        for key in ("brier", "log_loss", "log_loss_clipped_eps", *BINNINGS):
            yield name, subject, key, wanted[key], oracle.CLOSED_FORM
        line = wanted["calibration"]
        for key in LINE:
            value = None if line is None else [line[key], line[f"{key}_se"]]
            if line is not None or key != "citl":
                yield name, subject, key, value, oracle.REGRESSION
            if line is not None:
                limits = [line[f"{key}_ci"][level] for level in LEVELS]
                yield name, subject, f"{key}.ci", limits, oracle.REGRESSION


@cache
def probability_values(name: str, subject: str) -> dict[str, Any]:
    case = oracle.load_case(name)
    labels, p = case["labels"], case["scores"][subject]
    found: dict[str, Any] = {
        "brier": brier(labels, p),
        "log_loss": log_loss(labels, p),
        "log_loss_clipped_eps": log_loss(labels, p, clip=CLIP),
    }
    for key, (binning, error) in BINNINGS.items():
        found[key] = getattr(reliability(labels, p, binning=binning), error)
    lines = [calibration_line(labels, p, level=float(level)) for level in LEVELS]
    for key, attribute in LINE.items():
        parts = [getattr(line, attribute) for line in lines]
        defined = parts[0] is not None
        found[key] = [parts[0].value, parts[0].se] if defined else None
        found[f"{key}.ci"] = [[part.low, part.high] for part in parts] if defined else None
    return found


@oracle.parametrise(probability_quantities)
def test_probability(case, subject, key, expected, tolerance):
    oracle.assert_close(probability_values(case, subject)[key], expected, tolerance)
