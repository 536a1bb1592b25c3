"""Bad input is refused with one clear line; good input of any kind is taken."""

import subprocess
import sys

import numpy as np
import pytest

from tlbench import stats
from tlbench.stats import auc, auc_interval, compare_aucs, operating_point, parse_rule

LABELS = [0, 0, 1, 1]
SCORES = [0.1, 0.4, 0.35, 0.8]


@pytest.mark.parametrize("labels", [LABELS, [False, False, True, True], np.array(LABELS, "u1")])
def test_labels_may_be_numbers_or_booleans(labels):
    assert auc(labels, SCORES) == 0.75


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([], [], "labels are empty"),
        ([[0, 1]], [[0, 1]], "labels must be one-dimensional"),
        ([0, 1, 2], [1, 2, 3], r"labels\[2\] is 2"),
        ([0, 1, float("nan")], [1, 2, 3], r"labels\[2\] is nan"),
        (["no", "yes"], [1, 2], r"labels\[0\] is no"),
        ([1, 1], [1, 2], "one class only .2 positive, 0 negative."),
        ([0, 0], [1, 2], "one class only .0 positive, 2 negative."),
        ([0, 1], [1, 2, 3], "differ in length: 2 and 3"),
        ([0, 1], [1, float("nan")], r"scores\[1\] is nan: scores must be finite"),
        ([0, 1], [float("-inf"), 1], r"scores\[0\] is -inf"),
        ([0, 1], ["high", "low"], "scores must be numbers"),
    ],
)
@pytest.mark.parametrize("statistic", [auc, auc_interval])
def test_bad_labels_and_scores_are_refused(statistic, labels, scores, message):
    with pytest.raises(ValueError, match=message) as caught:
        statistic(labels, scores)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2, 3], "labels and groups differ in length: 4 and 3"),
        ([1.0, float("nan"), 2.0, 3.0], r"groups\[1\] is missing"),
        (["a", None, "b", "c"], r"groups\[1\] is missing"),
        (np.array(["a", 1, "b", 2], dtype=object), "types that can't be ordered"),
    ],
)
def test_bad_groups_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        auc_interval(LABELS, SCORES, groups=groups)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, float("nan")])
def test_levels_outside_0_and_1_are_refused(level):
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        auc_interval(LABELS, SCORES, level=level)


@pytest.mark.parametrize(("keyword", "value"), [("method", "probit"), ("reference", "z")])
def test_unknown_choices_name_the_known_ones(keyword, value):
    with pytest.raises(ValueError, match=f"{keyword} must be one of .*, not '{value}'"):
        auc_interval(LABELS, SCORES, **{keyword: value})


def test_nan_is_no_cutoff():
    with pytest.raises(ValueError, match="cutoff is nan"):
        operating_point(LABELS, SCORES, float("nan"))


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("youden", "youden", None),
        (" Closest ", "closest", None),
        ("sensitivity=0.9", "sensitivity", 0.9),
        ("specificity = 1", "specificity", 1.0),
    ],
)
def test_rules_are_read(text, kind, target):
    rule = parse_rule(text)
    assert rule.kind == kind
    assert (rule.target is None) == (target is None)
    assert target is None or float(rule.target) == target


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("best", "unknown cut-off rule 'best': use youden"),
        ("youden=1", "unknown cut-off rule"),
        ("sensitivity", "unknown cut-off rule"),
        ("sensitivity=", "needs a number after '='"),
        ("sensitivity=high", "needs a number"),
        ("sensitivity=1/0", "needs a number"),
        ("specificity=1.1", "needs a rate from 0 to 1"),
        ("specificity=-0.1", "needs a rate from 0 to 1"),
    ],
)
def test_unknown_rules_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_rule(text)


def test_comparison_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"scores\[3\] is inf"):
        compare_aucs(LABELS, {"a": SCORES, "b": [1, 2, 3, float("inf")]})


def test_comparison_needs_a_classifier():
    with pytest.raises(ValueError, match="no classifier"):
        compare_aucs(LABELS, {})


def test_exports_are_complete():
    for name in stats.__all__:
        assert name == "CLIP" or getattr(stats, name).__module__.startswith("tlbench.stats.")
    assert stats.__all__ == sorted(stats.__all__, key=lambda name: (not name.isupper(), name))


def test_importing_and_an_interval_load_neither_scipy_nor_statsmodels():
    code = (
        "import sys; from tlbench.stats import auc_interval, choose_cutoff, operating_point;"
        "auc_interval([0, 0, 1, 1], [1, 3, 2, 4]);"
        "operating_point([0, 0, 1, 1], [1, 3, 2, 4], choose_cutoff([0, 1], [1, 2]).value);"
        "heavy = {'scipy', 'statsmodels', 'sklearn', 'tensorflow', 'pandas'} & set(sys.modules);"
        "print(*sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
