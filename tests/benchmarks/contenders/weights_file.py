"""Prints where the weights file of the benchmark is in a cache, fetching it if need be."""

import json
import sys
from pathlib import Path

from tlbench.errors import TlbenchError
from tlbench.plugins import load_plugins
from tlbench.progress import Progress
from tlbench.weights import choose_weights

spec = load_plugins().backbones.find("inception_v3").spec
offline = "--offline" in sys.argv
try:
    chosen = choose_weights(spec, "nsfwjs", Path(sys.argv[1]), offline=offline, progress=Progress())
except TlbenchError as error:
    sys.exit(f"error: {error.message}")
print(json.dumps({"file": str(chosen.file)}))
