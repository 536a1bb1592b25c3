"""Which of 100,000 rows are in the cache: `lookup.py FOLDER make`, then `lookup.py FOLDER`.

Rows are of Inception v3's size, so that checksums of 0.8 GB are compared on the way.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from tlbench.features.extract import row_key
from tlbench.features.rows import RowStore

ROWS, SIZE = 100_000, 2048


def main(folder: str, make: bool) -> None:
    keys = [row_key((f"{i:064x}", "as is")) for i in range(ROWS)]
    if make:
        store = RowStore(Path(folder), (SIZE,), "<f4")
        row = np.random.default_rng(0).normal(size=SIZE).astype(np.float32)
        for i, key in enumerate(keys):
            row[0] = i
            store.add(key, row)
        store.flush()
    began = time.perf_counter()
    assert RowStore(Path(folder), (SIZE,), "<f4").missing(keys) == []
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(sys.argv[1], "make" in sys.argv[2:])
