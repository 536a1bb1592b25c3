"""tlbench as users call it, each contender with a cache of its own in a temporary folder."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import Finished, NotMeasuredError, run_contender, run_process
from tlbench.environment import cache_folder

BACKBONE, WEIGHTS = "inception_v3", "nsfwjs"
PROGRAM = Path(sys.executable).with_name("tlbench")


@dataclass(frozen=True)
class Run:
    """One `tlbench run`: the process, and `images` extracted in `seconds`."""

    process: Finished
    record: dict[str, Any]
    images: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0

    @property
    def precision(self) -> str:
        return str(self.record["details"]["features"]["engine"]["precision"])


@dataclass(frozen=True)
class Cache:
    """A cache folder of tlbench's with the weights in it."""

    folder: Path

    @classmethod
    def with_weights(cls, folder: Path, weights: Path, prepared: Cache | None = None) -> Cache:
        """Return a new cache; `prepared` is another, whose exported models and audits it gets."""
        file = folder / "weights" / BACKBONE / weights.name
        file.parent.mkdir(parents=True)
        shutil.copyfile(weights, file)
        if prepared:
            for name in ("models", "signatures"):
                shutil.copytree(prepared.folder / name, folder / name)
        return cls(folder)

    @property
    def env(self) -> dict[str, str]:
        return clean_environment(self.folder.parent) | {"TLBENCH_CACHE": str(self.folder)}

    def cold(self) -> Cache:
        """Forget features and pixels; exported models and audits stay."""
        for name in ("features", "pixels"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return self

    def fresh(self) -> Cache:
        """Forget all but the weights."""
        for name in ("models", "signatures"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
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
        made = record["extraction"]
        return Run(done, record, made["images"], made["seconds"])


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
