"""`make bench`: what each part costs, as ratios measured side by side in this one run.

Needs a data set of real radiographs (`FRACATLAS`, a folder) and weights in the cache; writes
`results/reference/benchmarks.md`. Ratios are medians of rounds taken in turns.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import bench_stats
from tlbench.cli.output import ConsoleProgress
from tlbench.doctor import find_network, least_cosine
from tlbench.environment import cache_folder, describe_environment
from tlbench.features.engines.base import BATCH
from tlbench.features.engines.choose import choose_engine, load_engine
from tlbench.features.extract import (
    FeatureSpace,
    FeatureStore,
    PixelStore,
    _batches,
    extract_features,
    read_radiographs,
)
from tlbench.images import pixels_version
from tlbench.plugins import load_plugins
from tlbench.progress import Progress
from tlbench.weights import file_sha256

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "results" / "reference" / "benchmarks.md"
FRACATLAS = Path(os.environ.get("FRACATLAS", ROOT.parent / "shared" / "data" / "fracatlas"))
RADIOGRAPHS, ROUNDS = 32, 3
VIEWS = ("as is", "mirrored", "rotated +10", "rotated -10", "zoomed 1.1", "mirrored, rotated +10",
         "mirrored, rotated -10", "mirrored, zoomed 1.1")  # fmt: skip


def extract_whole(network, engine, key, files, views, folder):
    """Read, resize, make views, run, write: what a run does; return its features and seconds."""
    began = time.perf_counter()
    pixels = PixelStore(folder, network.preprocessing.size, Progress())
    spec = network.spec
    space = FeatureSpace(
        spec.name, spec.version, "", network.weights_sha256, network.preprocessing,
        pixels_version(), key.describe(), spec.feature_size,
    )  # fmt: skip
    store = FeatureStore(folder, space, Progress())
    wanted = [(digest, view) for digest in files for view in views]
    read_radiographs(files, pixels, Progress())
    made = extract_features(wanted, files, store, pixels, lambda: engine, Progress(), spec)
    seconds = time.perf_counter() - began
    assert made == len(wanted)
    return store.read(wanted), seconds


def preload(network, files, folder):
    """Return whole batches of the files' pixels, as is."""
    pixels = PixelStore(folder, network.preprocessing.size, Progress())
    read_radiographs(files, pixels, Progress())
    wanted = [(digest, "as is") for digest in files]
    return [rows for _, rows in _batches(wanted, pixels) if len(rows) == BATCH]


def measure_pipeline(network, name, files):
    """Return rows of the table: a whole extraction beside the engine's own rate."""
    key = choose_engine(network, name, "float32")
    engine = load_engine(network, key)
    ratios = {1: [], 8: []}
    with tempfile.TemporaryDirectory() as scratch:
        batches = preload(network, files, Path(scratch) / "preload")
        list(engine.run(batches))
        for turn in range(ROUNDS):
            for views, values in ratios.items():
                part = dict(list(files.items())[: len(files) if views == 1 else len(files) // 4])
                folder = Path(scratch) / f"{turn}-{views}"
                _, whole = extract_whole(network, engine, key, part, VIEWS[:views], folder)
                began = time.perf_counter()
                rows = sum(len(out) for out in engine.run(batches))
                own = rows / (time.perf_counter() - began)
                values.append(len(part) * views / whole / own)
    return {views: statistics.median(each) for views, each in ratios.items()}


def main() -> int:
    network = find_network(load_plugins(), None, cache_folder(), ConsoleProgress())
    # Spread over the whole set: its first files by name are several times larger than most.
    every = sorted((FRACATLAS / "images").rglob("*.jpg"))
    paths = every[:: max(1, len(every) // RADIOGRAPHS)][:RADIOGRAPHS]
    if len(paths) < RADIOGRAPHS:
        print(f"needs {RADIOGRAPHS} radiographs below FRACATLAS={FRACATLAS.name}", file=sys.stderr)
        return 1
    files = {file_sha256(path): path for path in paths}
    found = measure_pipeline(network, "openvino", files)
    rows = [
        (f"extraction in a whole run / the engine alone, {views} view(s)", ratio, limit)
        for views, limit in ((8, 0.95), (1, 0.85))
        for ratio in (found[views],)
    ]
    features = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("tensorflow", "openvino"):
            key = choose_engine(network, name, "float32")
            out, seconds = extract_whole(
                network, load_engine(network, key), key, files, VIEWS[:1], Path(scratch) / name
            )
            features[name] = out, seconds
    drift = least_cosine(features["openvino"][0], features["tensorflow"][0])
    rows.append(("least cosine of features, openvino to tensorflow", drift, 0.999))
    report(network, rows)
    slow = bench_stats.main()
    return int(slow or any(ratio < limit for _, ratio, limit in rows))


def report(network, rows):
    about = describe_environment()
    machine = about["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    lines = [
        "# Benchmarks",
        "",
        f"Made by `make bench`: {network.spec.title}, {RADIOGRAPHS} radiographs of FracAtlas, "
        f"medians of {ROUNDS}.",
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; {versions}.",
        "",
        "| what | measured | at least |",
        "|---|---|---|",
        *(f"| {what} | {value:.3f} | {limit} |" for what, value, limit in rows),
    ]
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
