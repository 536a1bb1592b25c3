"""tlbench as users call it, each contender with a cache of its own in a temporary folder."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import Finished, NotMeasuredError, run_contender, run_process
from tlbench.environment import cache_folder

BACKBONE, WEIGHTS = "inception_v3", "nsfwjs"
PROGRAM = Path(sys.executable).with_name("tlbench")
_DONE = re.compile(
    r"^(?:reading radiographs|extracting features): ([\d,]+) (\w+) in \d+ s, ([\d.]+) a second$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Run:
    """One `tlbench run`: the process, and `images` extracted in `seconds`.

    `compiling` tells whether the seconds include compiling the model.
    """

    process: Finished
    record: dict[str, Any]
    images: int
    seconds: float
    compiling: bool

    @property
    def rate(self) -> float:
        return self.images / self.seconds

    @property
    def precision(self) -> str:
        return str(self.record["details"]["features"]["engine"]["precision"])


@dataclass(frozen=True)
class Cache:
    """A cache folder of tlbench's with the weights in it."""

    folder: Path

    @classmethod
    def with_weights(cls, folder: Path, weights: Path, models: Cache | None = None) -> Cache:
        """Return a new cache; `models` is another from which exported models are copied."""
        file = folder / "weights" / BACKBONE / weights.name
        file.parent.mkdir(parents=True)
        shutil.copyfile(weights, file)
        if models:
            shutil.copytree(models.folder / "models", folder / "models")
        return cls(folder)

    @property
    def env(self) -> dict[str, str]:
        return clean_environment(self.folder.parent) | {"TLBENCH_CACHE": str(self.folder)}

    def cold(self) -> Cache:
        """Forget features and pixels; exported models stay."""
        for name in ("features", "pixels"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return self

    def fresh(self) -> Cache:
        """Forget all but the weights."""
        shutil.rmtree(self.folder / "models", ignore_errors=True)
        return self.cold()

    def run(self, what: str, pictures: Path, *options: str, protocol: str = "linear-probe") -> Run:
        """Call `tlbench run` and return what it took."""
        command = [
            PROGRAM, "run", "--backbone", BACKBONE, "--weights", WEIGHTS, "--dataset", "folder",
            "--data-root", pictures, "--protocol", protocol, "--results",
            self.folder.parent / "results", "--force", "--offline", "--json", *options,
        ]  # fmt: skip
        done = run_process(what, command, self.env)
        record = done.data
        return Run(done, record, *_extraction(record, done.err))


def clean_environment(scratch: Path) -> dict[str, str]:
    """Return this environment without what could change a run, or lead into the user's folders."""
    names = ("TLBENCH_", "KERAS_", "PYTHON", "TF_", "OMP_", "ONEDNN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "NO_COLOR": "1", "KERAS_HOME": str(scratch / "keras")}
    return kept | quiet


def find_weights(scratch: Path) -> Path:
    """Return the weights file: the user's if it is in their cache, else fetched by tlbench."""
    env = clean_environment(scratch)
    for what, cache, words in (
        ("weights in your cache", cache_folder(), ["--offline"]),
        ("weights fetched", scratch / "fetched", []),
    ):
        try:
            done = run_contender(what, "weights_file.py", cache, *words, env=env)
        except NotMeasuredError as error:
            reason = str(error)
        else:
            return Path(done.data["file"])
    sys.exit(f"make bench needs the weights {WEIGHTS} of {BACKBONE}: {reason}")


def _extraction(record: dict[str, Any], err: str) -> tuple[int, float, bool]:
    kept = record["details"]["features"].get("extraction")
    if kept and kept["images"]:
        return int(kept["images"]), float(kept["seconds"]), False
    # Without it, what the run said must do.
    said = [(int(n.replace(",", "")), unit, float(rate)) for n, unit, rate in _DONE.findall(err)]
    images = sum(n for n, unit, _ in said if unit == "images")
    seconds = sum(n / max(rate, 0.05) for n, _, rate in said)
    return images, seconds or float("inf"), images > 0
