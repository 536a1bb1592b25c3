"""The cases of a comparison: a gallery of errors, close calls and disagreements."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlbench.compare import Compared, Entry
from tlbench.environment import cache_folder
from tlbench.errors import DataError, TlbenchError
from tlbench.plugins import PluginHost, load_plugins
from tlbench.progress import Progress
from tlbench.report.page.figures import (
    MOST_IMAGES,
    Figure,
    Figures,
    Overlays,
    Verdict,
    judge,
    label_words,
)
from tlbench.report.page.gallery import Judged, disagreements
from tlbench.report.page.maps import CaseMaps, describe_maps, make_maps
from tlbench.report.page.overlays import find_scale, legend_colours
from tlbench.report.page.peaks import NEAR, Marked, describe_peaks, measure_peaks
from tlbench.report.page.sources import (
    CasesRequest,
    Sources,
    find_sources,
    images_of_units,
)
from tlbench.specs import UNIT_WORDS

MOST_ERRORS, MOST_CLOSEST, MOST_DISAGREEMENTS = 6, 4, 6
"""So many cases of a kind are shown; of the others their number is."""


@dataclass(frozen=True)
class Group:
    """Cases of one kind: how many there are, and those that are shown."""

    title: str
    order: str
    figures: list[Figure]
    count: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.figures)


@dataclass(frozen=True)
class Gallery:
    """What is shown of one backbone; `maps`, `ramp` and `peaks` are words on heat maps.

    `maps` says what they are or why there are none, None where nobody asked.
    """

    name: str
    control: bool
    cutoff: str
    groups: list[Group]
    maps: str | None = None
    ramp: str | None = None
    peaks: str | None = None


def cases_context(
    compared: Compared,
    request: CasesRequest | None = None,
    host: PluginHost | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return what `cases.html` shows of a comparison; without a request, no heat maps.

    `host` offers the data set's reader and the backbones whose heat maps are wanted. Raises a
    `TlbenchError` where the user names radiographs that can't be read or are not those measured,
    and where heat maps are wanted and not one can be made.
    """
    request = request or CasesRequest()
    return _Work(compared, request, host or load_plugins(), progress or Progress()).context()


@dataclass
class _Work:
    """A gallery under way."""

    compared: Compared
    request: CasesRequest
    host: PluginHost
    progress: Progress
    cache: Path = field(init=False)
    judged: dict[str, Judged] = field(init=False)
    sources: Sources = field(init=False)
    figures: Figures = field(init=False)

    def __post_init__(self) -> None:
        self.cache = self.request.cache or cache_folder()
        self.judged = {entry.name: self._judge(entry) for entry in self.compared.entries}
        self.sources = find_sources(
            self.compared, self.request, self.host, self.cache, self.progress
        )
        self.figures = Figures(
            self.sources.found, images_of_units(self.compared), label_words(self.request.positive)
        )

    def context(self) -> dict[str, Any]:
        maps, reasons = self._all_maps() if self.request.heatmaps else ({}, {})
        galleries = [
            self._gallery(entry, maps.get(entry.name), reasons.get(entry.name))
            for entry in self.compared.entries
        ]
        together = self._disagreements()
        groups = [group for gallery in galleries for group in gallery.groups]
        figures = [each for group in [*groups, *together] for each in group.figures]
        return {
            "unit": UNIT_WORDS[self.compared.data["unit"]],
            "notes": [*self.sources.notes, *self._unreadable()],
            "thumbnails": self.figures.thumbnails,
            "together": together,
            "galleries": galleries,
            "marked": any(image.marks for figure in figures for image in figure.images),
            "colours": legend_colours() if maps else [],
            "near": NEAR,
        }

    def _judge(self, entry: Entry) -> Judged:
        cutoff = entry.record["operating_point"]["cutoff"]
        return Judged(
            entry.name,
            self.compared.holdout.labels,
            self.compared.holdout.scores[entry.record["run"]],
            math.inf if cutoff is None else cutoff,  # one that nobody reaches is written as null
            entry.record["control"],
        )

    def _unreadable(self) -> list[str]:
        count = len(self.figures.unreadable)
        line = f"Shown without a picture, for the file can't be read: {count:,} radiographs."
        return [line] if count else []

    def _disagreements(self) -> list[Group]:
        """Where backbones disagree, controls aside: no group where there are not two of them."""
        entries = [e for e in self.compared.entries if not self.judged[e.name].control]
        if len(entries) < 2:
            return []
        judged = [self.judged[entry.name] for entry in entries]
        rows = disagreements(judged)
        shown = []
        for row in rows[:MOST_DISAGREEMENTS]:
            verdicts = [judge(each, row) for each in judged]
            said = f"{sum(each.right for each in verdicts)} of {len(judged)} backbones right"
            shown.append(self._figure(row, verdicts, said, _preparation(entries[0])))
        order = "the most even splits first, then those whose scores rank most differently"
        return [Group("Where backbones disagree", order, shown, len(rows))]

    def _gallery(self, entry: Entry, maps: CaseMaps | None, reason: str | None) -> Gallery:
        judged = self.judged[entry.name]
        overlays = None if maps is None else _overlays(judged, maps)
        groups = []
        for title, order, rows, most in _kinds(judged):
            shown = []
            for row in rows[:most]:
                said = judge(judged, row)
                words = f"{said.outcome}, score {said.score}, cut-off {said.cutoff}"
                shown.append(self._figure(row, [said], words, _preparation(entry), overlays))
            groups.append(Group(title, order, shown, len(rows)))
        return Gallery(
            entry.name,
            judged.control,
            f"{judged.cutoff:.3f}" if math.isfinite(judged.cutoff) else "above all scores",
            groups,
            describe_maps(maps) if maps else f"No heat maps: {reason}." if reason else None,
            _describe_ramp(maps, overlays) if maps and overlays else None,
            self._peaks(entry, maps) if maps else None,
        )

    def _figure(
        self,
        row: int,
        verdicts: list[Verdict],
        said: str,
        preparation: tuple[str, ...],
        overlays: Overlays | None = None,
    ) -> Figure:
        holdout = self.compared.holdout
        case, label = holdout.cases[row], int(holdout.labels[row])
        return self.figures.make(case, label, verdicts, said, preparation, overlays)

    def _all_maps(self) -> tuple[dict[str, CaseMaps], dict[str, str]]:
        """The maps of each backbone that can have some, and why others have none."""
        if not self.sources.found:
            raise DataError("heat maps need the radiographs", self.sources.hint)
        found: dict[str, CaseMaps] = {}
        errors: dict[str, TlbenchError] = {}
        for entry in self.compared.entries:
            images = self._images_to_map(entry)
            wanted = {image: self.sources.found[image] for image in images}
            more = (self.host, self.cache, self.progress)
            try:
                found[entry.name] = make_maps(
                    entry.record, wanted, *more, offline=self.request.offline
                )
            except TlbenchError as error:
                self.progress.warn(f"no heat maps of {entry.name}: {error.message}")
                errors[entry.name] = error
        if not found:
            first = next(iter(errors.values()))
            raise type(first)(first.message, first.hint or "leave out --heatmaps")
        return found, {name: error.message for name, error in errors.items()}

    def _images_to_map(self, entry: Entry) -> list[str]:
        """The images of the cases that are shown, and of the marked fractures that were found."""
        judged = self.judged[entry.name]
        rows = [row for _, _, rows, most in _kinds(judged) for row in rows[:most]]
        shown = [image for row in rows for image in self._found(row)[:MOST_IMAGES]]
        return list(dict.fromkeys([*shown, *self._marked(judged)]))

    def _marked(self, judged: Judged) -> list[str]:
        """The images of its true positives in which a fracture is marked."""
        images = [image for row in judged.true_positives() for image in self._found(row)]
        return [image for image in images if self.figures.marks(image)]

    def _found(self, row: int) -> list[str]:
        images = self.figures.images[self.compared.holdout.cases[row]]
        return [image for image in images if image in self.sources.found]

    def _peaks(self, entry: Entry, maps: CaseMaps) -> str | None:
        marked = []
        for image in self._marked(self.judged[entry.name]):
            picture = self.figures.picture(image, _preparation(entry))
            if picture is not None and image in maps.maps:
                frame = picture.frame
                centres = tuple(frame.locate(x, y) for x, y in self.figures.marks(image))
                marked.append(Marked(maps.maps[image], frame.columns, frame.rows, centres))
        peaks = measure_peaks(marked, self.compared.data["level"])
        return describe_peaks(peaks) if marked else None


def _preparation(entry: Entry) -> tuple[str, ...]:
    return tuple(entry.record["details"]["features"].get("preparation", ()))


def _kinds(judged: Judged) -> list[tuple[str, str, list[int], int]]:
    """The kinds of cases of a backbone: title, order, all rows, and how many are shown."""
    below, above = "the furthest below the cut-off first", "the furthest above the cut-off first"
    near = "right or wrong, the nearest to the cut-off first"
    return [
        ("False negatives", below, judged.false_negatives(), MOST_ERRORS),
        ("False positives", above, judged.false_positives(), MOST_ERRORS),
        ("Closest calls", near, judged.closest_calls()[:MOST_CLOSEST], MOST_CLOSEST),
    ]


def _overlays(judged: Judged, maps: CaseMaps) -> Overlays:
    """Exact maps are drawn from the cut-off on, in log odds; Grad-CAM from 0."""
    exact, cutoff = maps.method == "exact", judged.cutoff
    zero = math.log(cutoff / (1 - cutoff)) if exact and 0 < cutoff < 1 else 0.0
    return Overlays(maps.maps, zero, find_scale(list(maps.maps.values()), zero))


def _describe_ramp(maps: CaseMaps, overlays: Overlays) -> str:
    if maps.method == "gradient":
        return "from nothing to the strongest shown here"
    start = "at the cut-off" if overlays.zero else "at even odds"
    return f"from nothing {start} to {overlays.scale:.2f} above it in log odds, and more"
