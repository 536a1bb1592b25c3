"""An engine's own rate on real radiographs that lie in memory: nothing is read, nothing written.

`engine_alone.py PICTURES ENGINE PRECISION` prints JSON; the cache is the one of `TLBENCH_CACHE`.
"""

import json
import sys
import time
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from tlbench.doctor import find_network
from tlbench.environment import cache_folder
from tlbench.features.engines.base import BATCH
from tlbench.features.engines.choose import choose_engine, load_engine
from tlbench.images import prepare
from tlbench.plugins import load_plugins
from tlbench.progress import Progress

RADIOGRAPHS, PASSES = 128, 4


def main(pictures: str, name: str, precision: str) -> None:
    network = find_network(load_plugins(), "inception_v3", cache_folder(), Progress())
    engine = load_engine(network, choose_engine(network, name, precision))
    files = sorted(Path(pictures).glob("*/*.jpg"))
    step = max(1, len(files) // RADIOGRAPHS)
    pixels = [prepare(file, network.preprocessing.size) for file in files[::step]]
    grey = [image for image in pixels if image.ndim == 2 and image.dtype == np.uint8]
    batches = [np.stack(grey[i : i + BATCH]) for i in range(0, len(grey) - BATCH + 1, BATCH)]
    list(engine.run(batches[:4]))
    began = time.perf_counter()
    images = sum(len(out) for out in engine.run(chain(*repeat(batches, PASSES))))
    seconds = time.perf_counter() - began
    print(json.dumps({"images": images, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
