"""What is measured, and in which order: contenders take turns, so that all see the same machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.benchmarks.caches import PROGRAM, Cache, Run, clean_environment
from tests.benchmarks.pictures import take_every
from tests.benchmarks.processes import (
    Finished,
    NotMeasuredError,
    run_contender,
    run_process,
    say,
)

T = TypeVar("T")
BESIDE = Path(__file__).parents[2] / ".venv-bench" / "bin" / "python"
STATISTICS = Path(__file__).with_name("bench_stats.py")
STARTS = 5
"""What takes seconds is measured this often at least."""


@dataclass
class Measured:
    """All that was measured, by name and round, and why the rest was not."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    others: dict[str, list[Finished]] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, job: Callable[..., Run], *args: Any, **more: Any) -> None:
        """Keep a run of tlbench; one that has failed once is not tried again."""
        self._keep(self.runs, name, job, *args, **more)

    def other(self, name: str, job: Callable[..., Finished], *args: Any, **more: Any) -> Any:
        """Keep another process, and return it."""
        return self._keep(self.others, name, job, *args, **more)

    def _keep(
        self, kept: dict[str, list[T]], name: str, job: Callable[..., T], *args: Any, **more: Any
    ) -> T | None:
        if name in self.problems:
            return None
        try:
            found = job(*args, **more)
        except NotMeasuredError as error:
            self.problems[name] = str(error)
            return None
        kept.setdefault(name, []).append(found)
        return found


@dataclass
class Plan:
    """Where everything lies, and how often it is measured."""

    scratch: Path
    weights: Path
    files: list[Path]
    rounds: int
    step: int = 1
    found: Measured = field(default_factory=Measured)
    caches: dict[str, Cache] = field(default_factory=dict)
    precision: str = "float32"

    def __post_init__(self) -> None:
        steps = {"whole": 1, "quarter": 4, "half": 2, "eighth": 8}
        self.pictures = {
            name: take_every(each * self.step, self.files, self.scratch / "pictures" / name)
            for name, each in steps.items()
        }
        self.env = clean_environment(self.scratch)

    def measure(self) -> Measured:
        """Measure everything."""
        self._prepare()
        for turn in range(self.rounds):
            say(f"round {turn + 1} of {self.rounds}")
            self._whole_runs()
            self._contenders()
            self._growth(turn)
            self._first_runs()
        self._warm_runs()
        self._features()
        self._small_things()
        return self.found

    def _prepare(self) -> None:
        """Export what later runs find in their caches, and settle the precision of each set."""
        say("preparing: exported models, self-checks, features of the reference")
        first = self.caches["auto"] = Cache.with_weights(self.scratch / "auto", self.weights)
        for name, folder in self.pictures.items():
            run = first.run(f"auto, {name}", folder)
            if name == "whole":
                self.precision = run.precision
        for name in ("part", "first", "float32", "int8", "tensorflow", "onnxruntime"):
            self.caches[name] = Cache.with_weights(self.scratch / name, self.weights, first)
        for name, folder, options in (
            ("tensorflow", "whole", ("--engine", "tensorflow")),
            ("onnxruntime", "eighth", ("--engine", "onnxruntime")),
        ):
            self._run(f"{name} once", name, folder, *options)
        # What int8 prepares once, calibration among it, is not part of a later run.
        self._run("int8", "int8", "whole", "--precision", "int8")
        self.found.runs.pop("int8", None)

    def _run(self, name: str, cache: str, pictures: str, *options: str, **more: str) -> None:
        """Run tlbench on cold features and pixels."""
        place = self.caches[cache].cold()
        folder = self.pictures[pictures]
        self.found.run(name, place.run, f"tlbench, {name}", folder, *options, **more)

    def _engine(self, precision: str) -> None:
        self._other(
            f"engine {precision}",
            "engine_alone.py",
            self.pictures["whole"],
            "openvino",
            precision,
            env=self.caches["part"].env,
        )

    def _other(self, name: str, script: str, *words: object, **more: Any) -> Any:
        more = {"env": self.env} | more
        return self.found.other(name, run_contender, name, script, *words, **more)

    def _whole_runs(self) -> None:
        """Runs of one and of eight views, and between the two the engine alone."""
        self._run("auto", "auto", "whole")
        self._engine(self.precision)
        self._run("eight auto", "part", "quarter", protocol="paper2018")
        self._other("plain Keras", "plain_keras.py", self.pictures["whole"], self.weights)
        if self.precision != "float32":
            self._run("float32", "float32", "whole", "--precision", "float32")
            self._engine("float32")
            words = ("--precision", "float32")
            self._run("eight float32", "part", "quarter", *words, protocol="paper2018")
        self._run("int8", "int8", "whole", "--precision", "int8")

    def _contenders(self) -> None:
        self._other("timm", "timm_loop.py", self.pictures["quarter"], python=BESIDE)
        self._other("one by one", "one_by_one.py", self.pictures["eighth"], self.weights)

    def _growth(self, turn: int) -> None:
        """One eighth of the data in each round; a quarter and a half, for their memory, once."""
        self._run("growth 1", "part", "eighth")
        if turn == 0:
            self._run("growth 2", "part", "quarter")
            self._run("growth 4", "part", "half")

    def _first_runs(self) -> None:
        place = self.caches["first"].fresh()
        self.found.run("first", place.run, "tlbench, first", self.pictures["eighth"])
        self._run("later", "first", "eighth")

    def _warm_runs(self) -> None:
        say("warm runs")
        place, folder = self.caches["auto"], self.pictures["whole"]
        for protocol in ("paper2018", "linear-probe"):
            name = f"fill {protocol}"
            self.found.run(name, place.run, name, folder, protocol=protocol)
            name = f"warm {protocol}"
            for _ in range(max(STARTS, self.rounds)):
                self.found.run(name, place.run, name, folder, protocol=protocol)

    def _features(self) -> None:
        say("features against those of tensorflow float32")
        names = ("auto", "float32", "int8", "tensorflow", "onnxruntime")
        folders = [self.caches[name].folder for name in names]
        done = self._other("features", "features_apart.py", self.pictures["whole"], *folders)
        self.found.data["features"] = done.data if done else {}

    def _small_things(self) -> None:
        say("the program's start, look-ups, statistics")
        for name, words in (("help", ["--help"]), ("list", ["list", "backbones"])):
            # The first start may read the program's files from the disk.
            for job in [name + " at first", *[name] * max(STARTS, self.rounds)]:
                self.found.other(job, run_process, job, [PROGRAM, *words], self.env)
        rows = self.scratch / "rows"
        self._other("100,000 rows", "lookup.py", rows, "make")
        for _ in range(STARTS):
            self._other("look-up", "lookup.py", rows)
        words = [sys.executable, STATISTICS, "--json"]
        done = self.found.other("statistics", run_process, "statistics", words, self.env)
        self.found.data["statistics"] = done.data["ratios"] if done else []
