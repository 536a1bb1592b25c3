"""How long AUC with variance takes, as ratios measured in one process.

`python -m tests.benchmarks.bench_stats` prints a table and fails where a ratio is above its limit.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import roc_auc_score

from tlbench.stats import auc, auc_interval, compare_aucs, delong_covariance

CASES = 1_000_000
ROUNDS = 9


def measure(*jobs: Callable[[], object]) -> list[float]:
    """Return the median seconds of each job, taken in turns so that all see the same machine."""
    times = [[0.0] * ROUNDS for _ in jobs]
    for turn in range(ROUNDS):
        for place, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            times[place][turn] = time.perf_counter() - start
    return [float(np.median(row)) for row in times]


def main() -> int:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, CASES)
    scores = rng.normal(size=(5, CASES)) + labels
    tied = np.round(scores[0], 2)
    names = dict(zip("abcde", scores, strict=True))
    sklearn, area, one, ties, interval, five, compared = measure(
        lambda: roc_auc_score(labels, scores[0]),
        lambda: auc(labels, scores[0]),
        lambda: delong_covariance(labels, scores[0]),
        lambda: delong_covariance(labels, tied),
        lambda: auc_interval(labels, scores[0]),
        lambda: delong_covariance(labels, scores),
        lambda: compare_aucs(labels, names),
    )
    rows = [
        ("auc / scikit-learn's roc_auc_score", area / sklearn, 0.5),
        ("auc with variance / roc_auc_score", one / sklearn, 0.5),
        ("the same, scores with ties / roc_auc_score", ties / sklearn, 0.5),
        ("auc_interval / roc_auc_score", interval / sklearn, 0.5),
        ("covariance of five / variance of one", five / one, 5.0),
        ("comparison of five, every pair / variance of one", compared / one, None),
    ]
    print(f"{CASES:,} cases; roc_auc_score {sklearn * 1e3:.0f} ms; median of {ROUNDS}")
    for name, ratio, limit in rows:
        print(f"{name:50} {ratio:6.2f}" + (f"  (at most {limit})" if limit else ""))
    return int(any(limit is not None and ratio > limit for _, ratio, limit in rows))


if __name__ == "__main__":
    sys.exit(main())
