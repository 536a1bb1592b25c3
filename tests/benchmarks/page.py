"""The page that is kept: machine and versions, the table, how it was made, absolute figures."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.rounds import Plan
from tests.benchmarks.rows import Rows
from tests.benchmarks.table import COLUMNS, Row, as_markdown
from tlbench.environment import describe_environment

LIMITS = """
## What the limits are

From a profile on an AMD EPYC of the fourth generation, 37 images/s in bfloat16:

- 95 % of the time of a batch goes into OpenVINO's convolutions (its own counters), and those run at
  the processor's peak, where bfloat16 has twice the rate of float32 and no more. No run can be
  faster than the engine alone; the row "the engine alone / the plain Keras pipeline" says how far
  that is.
- Reading a radiograph takes 1.4 ms of a core, or 31 ms where the file has 6.6 megapixels, nearly
  all of it Huffman decoding, which no smaller scale avoids. It is done on all cores before the
  engine starts, for partitions have to be drawn first, and the engine would leave no core idle
  for it: with one view 8 % of the time in bfloat16 and 14 % in int8, with eight views 1 %.
- The first run on a data set also looks for pictures that are alike and for shortcuts; later runs
  find that in the cache.
- Views, written pixels and features, and checksums take 2 % of a run with eight views.
"""


def make_page(plan: Plan, rows: Sequence[Row], sizes: dict[str, int], load: float) -> list[str]:
    """Return the lines of the page that is kept."""
    machine, versions = (describe_environment()[name] for name in ("machine", "versions"))
    timm = plan.found.others.get("timm")
    versions |= timm[0].data["versions"] if timm else {}
    about = ", ".join(f"{name} {version}" for name, version in versions.items())
    absolute = Rows(plan.found, plan.precision).absolute()
    return [
        "# Benchmarks",
        "",
        f"Made by `make bench`. {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}; {about}. Load before the start: {load:.1f}.",
        "",
        f"Inception v3 with the weights `nsfwjs`, {sizes['whole']:,} radiographs of FracAtlas. "
        f"Everything is a whole process; contenders take turns, rounds: {plan.rounds}, and ratios "
        "are made within a round.",
        "",
        *as_markdown(COLUMNS, [row.cells() for row in rows]),
        "",
        *LIMITS.strip().splitlines(),
        "",
        "## How",
        "",
        *notes(sizes),
        "",
        "## Absolute figures",
        "",
        "Medians. Seconds are of the whole process, images/s of extraction alone.",
        "",
        *as_markdown(("process", "s", "images/s", "MB at most"), list(absolute)),
    ]


def notes(sizes: dict[str, int]) -> list[str]:
    """Return what a reader needs to know of how it was measured."""
    whole, half, quarter, eighth = (sizes[n] for n in ("whole", "half", "quarter", "eighth"))
    return f"""
- A run is `tlbench run --protocol linear-probe`, one view of {whole:,} radiographs, with the
  exported model and the audit in the cache, no features and no pixels. With eight views it is
  `paper2018` on {quarter} radiographs, whose training partition has eight views.
- Images/s of a run count from the first file read to the last feature written, compiling the
  exported model included, looking for look-alikes not. The engine alone runs the same batches
  from memory.
- The plain Keras pipeline is `image_dataset_from_directory`, `predict` in batches of 32, features
  in a file, logistic regression; its clock starts after the first batch. One image per call is
  `model(x)`, on {eighth} radiographs. The timm loop is `inception_v3` with random weights, a
  DataLoader with batches of 32 and 2 workers, on {quarter} radiographs.
- First run ever: the weights are there, but no exported model, no self-check, no audit, no features
  and no pixels. A later cold run lacks features and pixels. Both are on {eighth} radiographs.
- Parts ({eighth}, {quarter}, {half}) are every 8th, 4th and 2nd file of a class in order of size:
  distinct files, for tlbench reads copies only once.
- Drift of AUC: a linear probe's cross-validated AUC by these features minus that by the
  reference's, on the same 5 folds, mean over 5 seeds; the table holds its amount.
- Memory is the largest resident set of the process.
""".strip().splitlines()
