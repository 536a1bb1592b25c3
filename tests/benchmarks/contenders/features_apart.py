"""How far cached features are from TensorFlow's in float32: `features_apart.py PICTURES CACHE ...`.

Prints JSON: for each engine and precision the drift of AUC and the least cosine, over all the
radiographs in PICTURES of which it has features.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tlbench.datasets.table import read_table
from tlbench.drift import measure_drift
from tlbench.features.extract import row_key
from tlbench.features.rows import RowStore
from tlbench.plugins import load_plugins
from tlbench.progress import Progress
from tlbench.specs import DataChoice

REFERENCE = "tensorflow float32"


def main(pictures: str, *caches: str) -> None:
    folder = load_plugins().datasets.find("folder").spec
    table = read_table(folder, DataChoice(data_root=Path(pictures)), Path(caches[0]), Progress())
    keys = [row_key((digest, "as is")) for digest in table.digests]
    stores = {}
    for file in sorted(file for c in caches for file in Path(c).glob("features/*/space.json")):
        about = json.loads(file.read_text(encoding="utf-8"))
        name = f"{about['engine']['name']} {about['engine']['precision']}"
        stores[name] = RowStore(file.parent, (about["feature_size"],), "<f4")
    reference = stores.pop(REFERENCE)
    found = {}
    for name, store in stores.items():
        absent = set(store.missing(keys)) | set(reference.missing(keys))
        rows = np.array([i for i, key in enumerate(keys) if key not in absent])
        here = [keys[i] for i in rows]
        drift = measure_drift(
            store.read(here), reference.read(here), table.labels[rows], table.groups[rows]
        )
        found[name] = asdict(drift) | {"radiographs": len(rows)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
