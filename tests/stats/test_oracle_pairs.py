"""Every quantity of two or more classifiers that the oracle has and tlbench computes."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.stats import oracle
from tests.stats.oracle import LEVELS, Quantity
from tlbench.stats import (
    auc_covariance,
    auc_interval,
    benjamini_hochberg,
    choose_cutoff,
    compare_at_cutoffs,
    compare_aucs,
    compare_unpaired,
    holm,
)

SETS = {"positives": "sensitivity", "negatives": "specificity", "all": "accuracy"}
COUNTS = ("n", "both", "only_a", "only_b", "neither")
TESTS = ("chi2", "p_chi2", "chi2_corrected", "p_chi2_corrected", "p_exact")


def paired_quantities(name: str) -> Iterator[Quantity]:
    for pair in oracle.load_case(name)["expected"]["pairs"]:
        subject = f"{pair['a']}-{pair['b']}"
        exact, paired = pair["exact"], pair["delong_paired"]
        yield name, subject, "difference", pair["auc_diff"], oracle.AUC
        yield name, subject, "variance", exact["var_diff"], (1e-13, 0.0)
        if exact["degenerate"]:
            continue
        yield name, subject, "variance", exact["var_diff"], (0.0, 1e-7)
        yield name, subject, "z", exact["z"], oracle.Z
        yield name, subject, "p", exact["p"], oracle.P
        if paired["corr"] != "NaN":
            yield name, subject, "correlation", paired["corr"], oracle.CLOSED_FORM
        for source in (exact, paired):
            yield name, subject, "ci", [source["ci"][level] for level in LEVELS], oracle.LIMIT


@cache
def paired_values(name: str) -> dict[tuple[str, str], Any]:
    case = oracle.load_case(name)
    found: dict[tuple[str, str], Any] = {}
    for level in LEVELS:
        for pair in compare_aucs(case["labels"], case["scores"], level=float(level)).pairs:
            subject = f"{pair.a}-{pair.b}"
            found.setdefault((subject, "ci"), []).append([pair.low, pair.high])
            for key in ("difference", "variance", "z", "p", "correlation"):
                found[subject, key] = getattr(pair, key)
    return found


@oracle.parametrise(paired_quantities)
def test_paired(case, subject, key, expected, tolerance):
    oracle.assert_close(paired_values(case)[subject, key], expected, tolerance)


def unpaired_quantities(name: str) -> Iterator[Quantity]:
    for pair in oracle.load_case(name)["expected"]["pairs"]:
        subject, wanted = f"{pair['a']}-{pair['b']}", pair["delong_unpaired"]
        if not oracle.number(wanted["var_diff"]):
            continue
        yield name, subject, "z", wanted["d"], oracle.Z
        yield name, subject, "df", wanted["df"], (0.0, 1e-10)
        yield name, subject, "variance", wanted["var_diff"], oracle.VARIANCE
        yield name, subject, "p_t", wanted["p_t"], oracle.P
        yield name, subject, "p_normal", wanted["p_normal"], oracle.P


@oracle.parametrise(unpaired_quantities)
def test_unpaired(case, subject, key, expected, tolerance):
    loaded = oracle.load_case(case)
    first, second = ((loaded["labels"], loaded["scores"][one]) for one in subject.split("-"))
    by_t = compare_unpaired(first, second)
    by_normal = compare_unpaired(first, second, reference="normal")
    found = {"z": by_t.z, "df": by_t.df, "variance": by_t.variance}
    found |= {"p_t": by_t.p, "p_normal": by_normal.p}
    oracle.assert_close(found[key], expected, tolerance)


def mcnemar_quantities(name: str) -> Iterator[Quantity]:
    for pair in oracle.load_case(name)["expected"]["pairs"]:
        subject = f"{pair['a']}-{pair['b']}"
        for rule, found in pair["mcnemar"].items():
            for which in SETS:
                counts = [found[which][key] for key in COUNTS]
                yield name, subject, f"{rule}.{which}.counts", counts, oracle.COUNT
                wanted = [found[which][key] for key in TESTS]
                yield name, subject, f"{rule}.{which}.tests", wanted, oracle.CLOSED_FORM


@cache
def mcnemar_values(name: str, subject: str, rule: str) -> dict[str, Any]:
    case = oracle.load_case(name)
    labels = case["labels"]
    rows = [case["scores"][one] for one in subject.split("-")]
    by_youden = rule == "youden"
    cutoffs = [choose_cutoff(labels, row).value if by_youden else 0.5 for row in rows]
    tested = compare_at_cutoffs(labels, rows[0], cutoffs[0], rows[1], cutoffs[1])
    found: dict[str, Any] = {}
    for which, rate in SETS.items():
        part = getattr(tested, rate)
        found[f"{rule}.{which}.counts"] = [getattr(part, key) for key in COUNTS]
        found[f"{rule}.{which}.tests"] = [getattr(part, key) for key in TESTS]
    return found


@oracle.parametrise(mcnemar_quantities)
def test_mcnemar(case, subject, key, expected, tolerance):
    rule = "youden" if key.startswith("youden") else "fixed_0.5"
    oracle.assert_close(mcnemar_values(case, subject, rule)[key], expected, tolerance)


def multiplicity_quantities(name: str) -> Iterator[Quantity]:
    wanted = oracle.load_case(name)["expected"]["multiplicity"]
    if wanted:
        for key in ("holm", "BH"):
            values = [oracle.number(value) for value in wanted[key]]
            yield name, "pairs", key, values, oracle.CLOSED_FORM


@oracle.parametrise(multiplicity_quantities)
def test_multiplicity(case, subject, key, expected, tolerance):
    wanted = oracle.load_case(case)["expected"]["multiplicity"]
    adjust = {"holm": holm, "BH": benjamini_hochberg}[key]
    oracle.assert_close(adjust([oracle.number(p) for p in wanted["p"]]), expected, tolerance)


def multiplicity_of_own_quantities(name: str) -> Iterator[Quantity]:
    # With a degenerate pair in the case the adjusted values follow the policy for it instead.
    expected = oracle.load_case(name)["expected"]
    if not any(pair["exact"]["degenerate"] for pair in expected["pairs"]):
        for quantity in multiplicity_quantities(name):
            yield (*quantity[:4], oracle.P)


@oracle.parametrise(multiplicity_of_own_quantities)
def test_multiplicity_of_own_p(case, subject, key, expected, tolerance):
    loaded = oracle.load_case(case)
    attribute = {"holm": "p_holm", "BH": "p_bh"}[key]
    pairs = compare_aucs(loaded["labels"], loaded["scores"]).pairs
    oracle.assert_close([getattr(pair, attribute) for pair in pairs], expected, tolerance)


def clustered_quantities(name: str) -> Iterator[Quantity]:
    wanted = oracle.load_case(name)["expected"].get("clustered")
    if not wanted:
        return
    counts = [wanted[f"n_clusters{which}"] for which in ("", "_with_pos", "_with_neg")]
    yield name, "all", "counts", counts, oracle.COUNT
    for subject, found in wanted["classifiers"].items():
        yield name, subject, "auc", found["auc"], oracle.AUC
        yield name, subject, "variance", found["exact_var"], oracle.VARIANCE
        yield name, subject, "variance", found["var"], oracle.VARIANCE
        for kind in ("wald_truncated", "logit"):
            limits = [found["ci"][level][kind] for level in LEVELS]
            yield name, subject, kind, limits, oracle.LIMIT
    for pair in wanted["pairs"]:
        subject = f"{pair['a']}-{pair['b']}"
        yield name, subject, "difference", pair["auc_diff"], oracle.AUC
        yield name, subject, "covariance", pair["cov"], oracle.COVARIANCE
        yield name, subject, "variance", pair["exact_var_diff"], oracle.VARIANCE
        yield name, subject, "z", pair["exact_z"], oracle.Z
        yield name, subject, "p", pair["exact_p"], oracle.P
        yield name, subject, "ci", [pair["ci"][level] for level in LEVELS], oracle.LIMIT


@cache
def clustered_values(name: str) -> dict[tuple[str, str], Any]:
    case = oracle.load_case(name)
    labels, scores, groups = case["labels"], case["scores"], case["cluster"]
    names = case["classifiers"]
    whole = auc_covariance(labels, list(scores.values()), groups)
    counts = [whole.n_groups, whole.n_groups_positive, whole.n_groups_negative]
    found: dict[tuple[str, str], Any] = {("all", "counts"): counts}
    for level in LEVELS:
        # The oracle's limits and tests are normal ones.
        common: dict[str, Any] = {"groups": groups, "level": float(level), "reference": "normal"}
        for subject in names:
            for kind, method in (("logit", "logit"), ("wald_truncated", "wald")):
                one = auc_interval(labels, scores[subject], method=method, **common)
                found[subject, "auc"], found[subject, "variance"] = one.value, one.variance
                found.setdefault((subject, kind), []).append([one.low, one.high])
        for pair in compare_aucs(labels, scores, **common).pairs:
            subject = f"{pair.a}-{pair.b}"
            found.setdefault((subject, "ci"), []).append([pair.low, pair.high])
            found[subject, "covariance"] = whole.matrix[names.index(pair.a), names.index(pair.b)]
            for key in ("difference", "variance", "z", "p"):
                found[subject, key] = getattr(pair, key)
    return found


@oracle.parametrise(clustered_quantities)
def test_clustered(case, subject, key, expected, tolerance):
    oracle.assert_close(clustered_values(case)[subject, key], expected, tolerance)
