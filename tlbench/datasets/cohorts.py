"""Cohorts: so many radiographs of each label, drawn by whole patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlbench.errors import DataError
from tlbench.patients import take_patients
from tlbench.specs import CohortRule, Radiograph
from tlbench.streams import stream

_DRAWS = 20
"""So many orders of patients are tried before a cohort counts as impossible."""


def draw_cohort(radiographs: Sequence[Radiograph], name: str, rule: CohortRule) -> list[Radiograph]:
    """Return exactly as many radiographs of each label as the rule says, of whole patients.

    Each patient's place in the draw is a random number of its own, so that one patient more or less
    moves no other. Once there are enough of one label, patients who have it are passed over. The
    rule's condition is for the caller. Raises `DataError` where there is no such draw, saying what
    there is.
    """
    labels = np.array([radiograph.label for radiograph in radiographs], dtype=np.int64)
    names, groups = np.unique([_patient(r) for r in radiographs], return_inverse=True)
    positives = int((labels == 1).sum())
    negatives = int((labels == 0).sum())
    if positives >= rule.positives and negatives >= rule.negatives:
        for draw in range(_DRAWS):
            places = [stream(rule.seed, f"cohort/{name}/{draw}/{p}").random() for p in names]
            wanted = (rule.negatives, rule.positives)
            taken = take_patients(labels, groups, np.argsort(places), wanted)
            if taken is not None:
                return [r for r, is_taken in zip(radiographs, taken, strict=True) if is_taken]
    raise DataError(
        f'the cohort "{name}" takes {rule.positives:,} positive and {rule.negatives:,} '
        f"negative radiographs, of whole patients; there are {positives:,} and {negatives:,} "
        f"of {len(names):,} patients",
        "leave out less, or do without --cohort",
    )


def _patient(radiograph: Radiograph) -> str:
    """A name for the patient; where there is none, the study or the image counts as one."""
    if radiograph.patient is not None:
        return f"patient {radiograph.patient}"
    return f"case {radiograph.case}" if radiograph.study is None else f"study {radiograph.study}"
