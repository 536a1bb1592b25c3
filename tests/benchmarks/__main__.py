"""`make bench`: everything that is measured, as ratios in one run."""

import sys

from tests.benchmarks import bench_stats

sys.exit(bench_stats.main())
