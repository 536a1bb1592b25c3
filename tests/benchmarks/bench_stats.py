"""How long AUC with variance takes, as ratios measured in one process.

`python -m tests.benchmarks.bench_stats` prints a table and fails where a ratio is above its limit;
with `--json` it prints the ratios of each round.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import roc_auc_score

from tlbench.stats import auc, auc_interval, compare_aucs, delong_covariance

CASES = 1_000_000
ROUNDS = 9


def measure(**jobs: Callable[[], object]) -> dict[str, np.ndarray]:
    """Return the seconds of each job in each round, taken in turns so that all see the same."""
    times = {name: np.zeros(ROUNDS) for name in jobs}
    for turn in range(ROUNDS):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            times[name][turn] = time.perf_counter() - start
    return times


def ratios() -> list[tuple[str, list[float], float | None]]:
    """Return what was measured, the ratio in each round, and the largest it may be."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, CASES)
    scores = rng.normal(size=(5, CASES)) + labels
    tied = np.round(scores[0], 2)
    names = dict(zip("abcde", scores, strict=True))
    t = measure(
        sklearn=lambda: roc_auc_score(labels, scores[0]),
        area=lambda: auc(labels, scores[0]),
        one=lambda: delong_covariance(labels, scores[0]),
        ties=lambda: delong_covariance(labels, tied),
        interval=lambda: auc_interval(labels, scores[0]),
        five=lambda: delong_covariance(labels, scores),
        compared=lambda: compare_aucs(labels, names),
    )
    found = [
        ("auc / scikit-learn's roc_auc_score", t["area"] / t["sklearn"], 0.5),
        ("auc with DeLong variance / roc_auc_score", t["one"] / t["sklearn"], 0.5),
        ("the same, scores with ties / roc_auc_score", t["ties"] / t["sklearn"], 0.5),
        ("auc_interval / roc_auc_score", t["interval"] / t["sklearn"], 0.5),
        ("covariance of five / variance of one", t["five"] / t["one"], 5.0),
        ("comparison of five, every pair / variance of one", t["compared"] / t["one"], None),
    ]
    return [(what, [float(value) for value in values], most) for what, values, most in found]


def main() -> int:
    found = ratios()
    if "--json" in sys.argv:
        print(json.dumps({"cases": CASES, "ratios": found}))
        return 0
    print(f"{CASES:,} cases; medians of {ROUNDS}")
    for what, values, most in found:
        limit = f"  (at most {most})" if most else ""
        print(f"{what:50} {np.median(values):6.2f}{limit}")
    return int(any(most is not None and np.median(values) > most for _, values, most in found))


if __name__ == "__main__":
    sys.exit(main())
