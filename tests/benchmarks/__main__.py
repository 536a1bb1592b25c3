"""`make bench`: what tlbench costs beside what else one would do, measured side by side.

Needs the radiographs of FracAtlas; everything else it sets up in a temporary folder. Prints a
table, writes `results/reference/benchmarks.md`, and exits with 1 where a limit is missed.
`--quick` takes few radiographs and one round, to see that everything works; it writes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.caches import find_weights
from tests.benchmarks.page import make_page
from tests.benchmarks.pictures import count, find_pictures
from tests.benchmarks.processes import NotMeasuredError, say
from tests.benchmarks.rounds import Plan
from tests.benchmarks.rows import make_rows
from tests.benchmarks.table import COLUMNS, any_missed, as_text

OUTPUT = Path(__file__).parents[2] / "results" / "reference" / "benchmarks.md"
QUICK_STEP = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--quick", action="store_true", help="only see that everything works")
    asked = parser.parse_args()
    files = find_pictures()
    load, began = os.getloadavg()[0], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tlbench-bench-") as folder:
        scratch = Path(folder)
        plan = Plan(
            scratch,
            find_weights(scratch),
            files,
            1 if asked.quick else asked.rounds,
            QUICK_STEP if asked.quick else 1,
        )
        try:
            found = plan.measure()
        except NotMeasuredError as error:
            print(f"make bench: {error}", file=sys.stderr)
            return 1
        sizes = {name: count(folder) for name, folder in plan.pictures.items()}
    rows = make_rows(found, plan.precision)
    print("\n".join(as_text(COLUMNS, [row.cells() for row in rows])))
    say(f"took {(time.monotonic() - began) / 60:.1f} minutes; load at the start {load:.1f}")
    if asked.quick:
        say("--quick: too little was measured to judge; nothing is written")
        return int(any(row.problem and not row.optional for row in rows))
    page = make_page(plan, rows, sizes, load)
    OUTPUT.write_text("\n".join(page) + "\n", encoding="utf-8")
    say(f'saved in "{OUTPUT.relative_to(Path.cwd())}"')
    return int(any_missed(rows))


if __name__ == "__main__":
    sys.exit(main())
