from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tlbench.datasets.phantom import (
    COLUMNS,
    DEFAULT_DIFFICULTY,
    PhantomCase,
    plan_cases,
    render,
)
from tlbench.datasets.phantom_detector import coefficients
from tlbench.datasets.phantom_solids import Motion, Tube, add_bone

SHORTCUT_CASES = 72
CHANCE_SD = 3.3  # two-sided p of about 0.001 for each quantity


def _auc(values: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    positives, negatives = values[labels == 1], values[labels == 0]
    difference = positives[:, None] - negatives[None, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def _chance_interval(labels: NDArray[np.int64]) -> tuple[float, float]:
    """Mann-Whitney under the null hypothesis: mean 1/2, variance (m + n + 1) / (12 m n)."""
    m, n = int(np.sum(labels == 1)), int(np.sum(labels == 0))
    reach = CHANCE_SD * np.sqrt((m + n + 1) / (12 * m * n))
    return 0.5 - reach, 0.5 + reach


def _render_all(cases: list[PhantomCase], difficulty: float) -> list[NDArray[np.uint8]]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda case: render(case, difficulty=difficulty), cases))


@pytest.fixture(scope="module")
def cases() -> list[PhantomCase]:
    return plan_cases()


@pytest.fixture(scope="module")
def sample(cases: list[PhantomCase]) -> tuple[NDArray[np.int64], list[NDArray[np.uint8]]]:
    chosen = cases[:SHORTCUT_CASES]
    labels = np.array([case.label for case in chosen])
    return labels, _render_all(chosen, DEFAULT_DIFFICULTY)


@pytest.mark.parametrize("count", [2, 3, 10, 60, 301])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_half_of_the_plan_is_fractures(count: int, seed: int) -> None:
    plan = plan_cases(seed=seed, count=count)
    assert len(plan) == count
    assert sum(case.label for case in plan) == count // 2
    assert len({case.name for case in plan}) == len({case.seed for case in plan}) == count


def test_default_plan_is_300_with_several_radiographs_for_some_patients(
    cases: list[PhantomCase],
) -> None:
    assert len(cases) == 300
    sizes = Counter(Counter(case.patient for case in cases).values())
    several = (sizes[2] + sizes[3]) / sizes.total()
    assert set(sizes) <= {1, 2, 3}
    assert 0.2 <= several <= 0.34
    assert sizes[3] < sizes[2]


def test_most_patients_have_one_label_and_some_have_both(cases: list[PhantomCase]) -> None:
    labels = defaultdict(set)
    for case in cases:
        labels[case.patient].add(case.label)
    both = sum(len(found) == 2 for found in labels.values())
    assert 3 <= both <= 0.2 * len(labels)


def test_radiographs_of_a_patient_share_the_patient_part_of_the_seed(
    cases: list[PhantomCase],
) -> None:
    parts = defaultdict(set)
    for case in cases:
        parts[case.patient].add(case.seed // 8)
    assert all(len(found) == 1 for found in parts.values())
    assert len({found.pop() for found in parts.values()}) == len(parts)


def test_plan_says_nothing_about_the_label() -> None:
    plan = plan_cases(count=2000)
    labels = np.array([case.label for case in plan])
    low, high = _chance_interval(labels)
    counts = Counter(case.patient for case in plan)
    for quantity in (
        np.arange(len(plan)),
        np.array([int(case.patient[1:]) for case in plan]),
        np.array([case.seed % 8 for case in plan]),
        np.array([case.seed // 8 for case in plan]),
        np.array([counts[case.patient] for case in plan]),
    ):
        assert low < _auc(quantity.astype(float), labels) < high
    assert [case.name for case in plan] == [f"demo-{i:04d}" for i in range(1, 2001)]


def test_plans_depend_on_the_seed_alone() -> None:
    assert plan_cases(seed=3, count=40) == plan_cases(seed=3, count=40)
    others = {case.seed for case in plan_cases(seed=4)}
    assert not others & {case.seed for case in plan_cases(seed=3)}


def test_too_small_a_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        plan_cases(count=1)


@pytest.mark.parametrize("difficulty", [-0.1, 1.1, float("nan")])
def test_difficulty_out_of_range_is_refused(difficulty: float) -> None:
    with pytest.raises(ValueError, match="difficulty"):
        render(PhantomCase("x", "P0001", 0, 1), difficulty=difficulty)


def test_pictures_are_grey_bytes_of_the_promised_size(
    sample: tuple[NDArray[np.int64], list[NDArray[np.uint8]]],
) -> None:
    for pixels in sample[1]:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 2
        assert pixels.shape[1] == COLUMNS
        assert 580 <= pixels.shape[0] <= 620
        assert pixels.std() > 15
        assert np.mean(pixels == 255) < 0.25


def test_same_case_gives_the_same_pixels(cases: list[PhantomCase]) -> None:
    before = str(np.random.get_state())
    first = render(cases[0])
    np.testing.assert_array_equal(first, render(cases[0]))
    assert str(np.random.get_state()) == before
    renamed = replace(cases[0], name="other", patient="P9999")
    np.testing.assert_array_equal(first, render(renamed))
    assert not np.array_equal(first, render(replace(cases[0], seed=cases[0].seed + 1)))


def test_another_process_gives_the_same_pixels(cases: list[PhantomCase]) -> None:
    code = (
        "import hashlib; from tlbench.datasets.phantom import plan_cases, render; "
        "print(hashlib.sha256(render(plan_cases()[1]).tobytes()).hexdigest())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert there == hashlib.sha256(render(cases[1]).tobytes()).hexdigest()


def test_label_changes_the_picture_around_the_distal_radius_only(
    cases: list[PhantomCase],
) -> None:
    changed = []
    for case in cases[:8]:
        without, broken = (
            render(replace(case, label=label), difficulty=0.2).astype(int) for label in (0, 1)
        )
        difference = np.abs(broken - without)
        rows = difference.shape[0]
        assert difference[: round(0.08 * rows)].mean() < 1  # metacarpals
        assert difference[round(0.9 * rows) :].mean() < 1  # shafts
        assert difference[:, [0, 1, -2, -1]].mean() < 1
        changed.append(difference[round(0.3 * rows) : round(0.8 * rows)].mean())
    assert min(changed) > 0.5
    assert np.mean(changed) > 3


def test_difficulty_scales_the_fracture_and_nothing_else(cases: list[PhantomCase]) -> None:
    case = replace(cases[2], label=0)
    sound = render(case, difficulty=0.0)
    np.testing.assert_array_equal(sound, render(case, difficulty=1.0))
    broken = replace(case, label=1)
    changes = [
        float(np.abs(render(broken, difficulty=d).astype(int) - sound).mean())
        for d in (0.0, 0.4, 1.0)
    ]
    assert changes[0] > changes[1] > changes[2]


def test_no_shortcut_predicts_the_label(
    sample: tuple[NDArray[np.int64], list[NDArray[np.uint8]]],
) -> None:
    labels, pictures = sample
    low, high = _chance_interval(labels)
    border = [np.concatenate([p[0], p[-1], p[:, 0], p[:, -1]]) for p in pictures]
    strips = [np.stack([p[:580, :60], p[:580, -60:]]).astype(float) for p in pictures]
    quantities = {
        "margin mean": [s.mean() for s in strips],
        "margin spread": [s.std() for s in strips],
        "marker side": [s[0].std() - s[1].std() for s in strips],
        "hand mean": [p[:40].mean() for p in pictures],
        "hand spread": [p[:40].std() for p in pictures],
        "rows": [p.shape[0] for p in pictures],
        "mean": [p.mean() for p in pictures],
        "spread": [p.std() for p in pictures],
        "border mean": [b.mean() for b in border],
        "border black": [np.mean(b == 0) for b in border],
        "corner": [p[:30, :30].mean() for p in pictures],
        "white": [np.mean(p > 250) for p in pictures],
        "noise": [np.abs(np.diff(p[-60:].astype(int), axis=1)).mean() for p in pictures],
    }
    for name, values in quantities.items():
        assert low < _auc(np.array(values, dtype=float), labels) < high, name


@pytest.mark.parametrize(
    ("energy", "bone", "water"),
    [(30.0, 1.331 * 0.192, 0.03756), (60.0, 0.3148 * 0.192, 0.02059)],
)
def test_attenuation_is_the_published_one(energy: float, bone: float, water: float) -> None:
    assert coefficients(energy) == pytest.approx((bone, water))


def test_beam_through_the_middle_of_a_tube_crosses_both_walls() -> None:
    # Half depth 8 mm, wall 2 mm, sponge 25 % bone: 2 * 2 + 2 * 6 * 0.25 = 7 mm.
    profile = tuple((s, 0.0, 6.0, 8.0, 2.0, 0.25) for s in (-40.0, 40.0))
    tube = Tube("bone", (0.0, 0.0, 0.0), 0.0, profile)
    axis = np.linspace(-30, 30, 61, dtype=np.float32)
    u, v = np.meshgrid(axis[::-1], axis, indexing="ij")
    total = np.zeros_like(u)
    add_bone(total, tube, (u, v), np.ones_like(u))
    middle = total[30]
    assert middle[30] == pytest.approx(7.0, abs=0.01)
    assert middle[25] > middle[30]  # the wall seen along its length is brighter
    assert not middle[:24].any()


def test_motion_is_undone() -> None:
    motion = Motion(0.4, (-15.0, -4.0), (2.0, 3.0))
    there = motion.move(5.0, 7.0)
    back = motion.undo((np.array([there[0]], np.float32), np.array([there[1]], np.float32)))
    np.testing.assert_allclose(np.ravel(back), [5.0, 7.0], rtol=1e-5)
