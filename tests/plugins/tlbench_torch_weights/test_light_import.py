from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys
import tlbench_torch_weights
from tlbench.specs import WeightsRequest
from pathlib import Path
for backbone in tlbench_torch_weights.tlbench_register_backbones():
    for weights in backbone.weights:
        weights.find(WeightsRequest(folder=Path(sys.argv[1])))
heavy = {"tensorflow", "keras", "numpy", "h5py", "torch", "pip", "zipfile", "subprocess"}
print(" ".join(sorted(heavy & set(sys.modules))))
"""


def test_listing_backbones_and_finding_weights_loads_nothing_heavy(tmp_path: object) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path[:0] = {sys.path!r}\n{_SCRIPT}",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
