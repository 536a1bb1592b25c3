"""From what was measured to the rows of the table, each with the limit it is held to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence

from tests.benchmarks.caches import Run
from tests.benchmarks.processes import Finished
from tests.benchmarks.rounds import Measured
from tests.benchmarks.table import Row

KERAS = "the plain Keras pipeline"


def make_rows(found: Measured, precision: str) -> list[Row]:
    """Return all rows; `precision` is the one that auto has taken."""
    rows = Rows(found, precision)
    return [
        *rows.extraction(),
        *rows.contenders(),
        *rows.first_and_warm(),
        *rows.growth(),
        *rows.features(),
        *rows.small_things(),
    ]


class Rows:
    def __init__(self, found: Measured, precision: str) -> None:
        self.found = found
        self.auto = precision
        self.lower = "bfloat16" if precision == "bfloat16" else None
        self.float32 = "auto" if precision == "float32" else "float32"

    def _row(self, what: str, values: Callable[[], Sequence[float]], needs: Sequence[str], **more):
        for name in needs:
            if not (self.found.runs.get(name) or self.found.others.get(name)):
                reason = self.found.problems.get(name, "not part of this run")
                return Row(what, problem=f"{name}: {reason}", **more)
        return Row(what, values(), **more)

    def _rates(self, name: str) -> list[float]:
        if name in self.found.runs:
            return [run.rate for run in self.found.runs[name]]
        return [done.data["images"] / done.data["seconds"] for done in self.found.others[name]]

    def _walls(self, name: str) -> list[float]:
        if name in self.found.runs:
            return [run.process.wall for run in self.found.runs[name]]
        return [done.wall for done in self.found.others[name]]

    def _rate_ratio(self, what: str, one: str, other: str, **more) -> Row:
        return self._row(
            what, lambda: divide(self._rates(one), self._rates(other)), (one, other), **more
        )

    def extraction(self) -> Iterator[Row]:
        named = [(f"{self.auto} (auto)", "auto", "eight auto", self.auto)]
        if self.float32 != "auto":
            named.append(("float32", "float32", "eight float32", "float32"))
        for title, one, eight, precision in named:
            for views, name, least in (("eight views", eight, 0.95), ("one view", one, 0.85)):
                yield self._rate_ratio(
                    f"extraction in a whole run / the engine alone, {views}, {title}",
                    name,
                    f"engine {precision}",
                    least=least,
                )

    def contenders(self) -> Iterator[Row]:
        for title, name, by_wall, by_rate in (
            ("bfloat16", "auto" if self.lower else "bfloat16", 2.2, 2.3),
            ("int8", "int8", None, 3.5),
            ("float32", self.float32, 1.2, None),
        ):
            # Some processors have no bfloat16, and int8 is there on request only.
            more = {"optional": name in ("bfloat16", "int8")}
            yield self._row(
                f"{KERAS} / {title} run, wall time of the whole process",
                lambda name=name: divide(self._walls("plain Keras"), self._walls(name)),
                ("plain Keras", name),
                least=by_wall,
                **more,
            )
            yield self._rate_ratio(
                f"{title} run / {KERAS}, images/s", name, "plain Keras", least=by_rate, **more
            )
        yield self._rate_ratio(
            f"the engine alone / {KERAS}, {self.auto}, images/s",
            f"engine {self.auto}",
            "plain Keras",
        )
        yield self._rate_ratio(
            f"{self.auto} run / the common timm loop in float32, images/s",
            "auto",
            "timm",
            least=5 if self.lower else None,
        )
        yield self._rate_ratio(
            f"{self.auto} run / one image per call of a Keras model, images/s",
            "auto",
            "one by one",
        )

    def first_and_warm(self) -> Iterator[Row]:
        yield self._row(
            "first run ever − a later cold run",
            lambda: [a - b for a, b in zip(*map(self._walls, ("first", "later")), strict=True)],
            ("first", "later"),
            most=15,
            unit="s",
            digits=1,
        )
        for protocol, most in (("paper2018", 4), ("linear-probe", 3)):
            name = f"warm {protocol}"
            yield self._row(
                f"warm run of {protocol}, whole process",
                lambda name=name: self._walls(name),
                (name,),
                most=most,
                unit="s",
            )
        yield self._row(
            "peak memory of a run on a cached model, OpenVINO",
            lambda: memories(self.found.runs["auto"]),
            ("auto",),
            most=700,
            unit="MB",
            digits=0,
        )

    def growth(self) -> Iterator[Row]:
        yield self._row(
            "extraction time an image, the whole data / an eighth of it",
            lambda: divide(self._rates("growth 1"), self._rates("auto")),
            ("auto", "growth 1"),
            most=1.05,
        )
        names = ("growth 1", "growth 2", "growth 4", "auto")

        def grown() -> list[float]:
            least, *others = (statistics.median(memories(self.found.runs[n])) for n in names)
            return [max(others) - least]

        yield self._row(
            "peak memory, the most at 2, 4 and 8 times the data − at an eighth of it",
            grown,
            names,
            most=100,
            unit="MB",
            digits=0,
        )

    def features(self) -> Iterator[Row]:
        engines = self.found.data.get("features", {})
        for name in sorted({"openvino float32", *engines}):
            about = engines.get(name)
            more = {"optional": name not in ("openvino float32",), "digits": 4}
            # Less than float32 is judged by what it does to the AUC.
            least = 0.9999 if name.endswith("float32") else None
            most = {"openvino float32": 0.001}.get(name)
            on = f", {about['radiographs']:,} radiographs" if about else ""
            values = [about["least_cosine"]] if about else []
            problem = "" if about else self.found.problems.get("features", "no features")
            yield Row(
                f"least cosine of features, {name} to tensorflow float32{on}",
                values, least=least, problem=problem, **more,
            )  # fmt: skip
            if about and name == "onnxruntime float32":
                continue  # an eighth of the radiographs is too few for an AUC
            values = [abs(about["mean"])] if about else []
            span = f" ({about['low']:+.4f} to {about['high']:+.4f} over seeds)" if about else ""
            yield Row(
                f"drift of AUC, {name} against tensorflow float32{span}",
                values, most=most, problem=problem, **more,
            )  # fmt: skip
        yield self._drift_between(engines)

    def _drift_between(self, engines: dict) -> Row:
        lower, full = engines.get("openvino bfloat16"), engines.get("openvino float32")
        what = "drift of AUC, openvino bfloat16 against openvino float32"
        if not lower or not full:
            reason = "the processor has no bfloat16, or it was not taken"
            return Row(what, problem=reason, optional=True)
        return Row(what, [abs(lower["auc"] - full["auc"])], most=0.003, digits=4)

    def small_things(self) -> Iterator[Row]:
        for what, values, most in self.found.data.get("statistics") or [("statistics", (), 0.5)]:
            problem = self.found.problems.get("statistics", "")
            yield Row(f"1,000,000 cases: {what}", values, most=most, problem=problem)
        for what, name, most in (
            ("tlbench --help", "help", 0.2),
            ("tlbench list backbones", "list", 0.3),
        ):
            yield self._row(what, lambda name=name: self._walls(name), (name,), most=most, unit="s")
        yield self._row(
            "look-up of 100,000 rows in the cache, checksums compared",
            lambda: [done.data["seconds"] for done in self.found.others["look-up"]],
            ("look-up",),
            most=1,
            unit="s",
        )

    def absolute(self) -> Iterator[tuple[str, str, str, str]]:
        """Medians of seconds, images/s and MB of what took part."""
        for name in (*self.found.runs, *self.found.others):
            kept: Sequence[Run | Finished] = self.found.runs.get(name) or self.found.others[name]
            rated = name in self.found.runs or "images" in kept[0].out
            rate = f"{statistics.median(self._rates(name)):,.1f}" if rated else ""
            if name.startswith(("warm", "fill")) or "once" in name:
                rate = ""  # not measured in turns, or nothing was extracted
            wall = f"{statistics.median(self._walls(name)):,.2f}"
            yield name, wall, rate, f"{statistics.median(memories(kept)):,.0f}"


def divide(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Return the ratio of each round."""
    return [a / b for a, b in zip(one, other, strict=False)]


def memories(kept: Sequence[Run | Finished]) -> list[float]:
    return [(one.process if isinstance(one, Run) else one).memory for one in kept]
