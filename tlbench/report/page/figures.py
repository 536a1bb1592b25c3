"""What is shown of a case: its images, its label, and what backbones say of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tlbench.datasets.classes import is_plain_positive
from tlbench.errors import UnreadableImageError
from tlbench.report.page.gallery import Judged
from tlbench.report.page.overlays import draw_overlay
from tlbench.report.page.peaks import Place, read_centres
from tlbench.report.page.pictures import Picture, make_picture
from tlbench.report.page.sources import Source

MOST_IMAGES = 3
"""So many images of a study or a patient are shown."""
FRACTURE = ("no fracture", "fracture")
_Prepared = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Thumbnail:
    """A picture that the page holds once, under a name by which figures show it."""

    name: str
    picture: Picture


@dataclass(frozen=True)
class Shown:
    """An image in a figure: which thumbnail it is, in words, and what lies over it."""

    thumbnail: Thumbnail
    alt: str
    overlay: str | None = None
    marks: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a backbone says of a case; `place` and `cutoff_place` are per cent of 0 to 1."""

    name: str
    outcome: str
    right: bool
    score: str
    cutoff: str
    place: float
    cutoff_place: float


@dataclass(frozen=True)
class Figure:
    """A case: its images, of which some may not be shown, its label and the verdicts on it."""

    case: str
    label: str
    images: list[Shown]
    more_images: int
    verdicts: list[Verdict]


@dataclass(frozen=True)
class Overlays:
    """The maps (rows, columns) of a backbone by image, and what is drawn of them."""

    maps: Mapping[str, NDArray[np.float32]]
    zero: float
    scale: float

    def draw(self, image: str) -> str | None:
        """Return the overlay of an image, or None where there is nothing to draw."""
        values = self.maps.get(image)
        return None if values is None else draw_overlay(values, self.zero, self.scale)


@dataclass
class Figures:
    """Makes figures, and each thumbnail once, of the images that were found.

    `images` are those of each case, `labels` the words for 0 and 1. `unreadable` are the images
    found that can't be read.
    """

    sources: Mapping[str, Source]
    images: Mapping[str, Sequence[str]]
    labels: tuple[str, str] = FRACTURE
    unreadable: set[str] = field(default_factory=set)
    _pictures: dict[_Prepared, Picture] = field(default_factory=dict)
    _shown: dict[_Prepared, Thumbnail] = field(default_factory=dict)

    @property
    def thumbnails(self) -> list[Thumbnail]:
        """All thumbnails that figures show."""
        return list(self._shown.values())

    def make(
        self,
        case: str,
        label: int,
        verdicts: list[Verdict],
        said: str,
        preparation: tuple[str, ...] = (),
        overlays: Overlays | None = None,
    ) -> Figure:
        """Return the figure of a case; `said` is what a screen reader hears of its images."""
        images = self.images[case]
        shown = []
        for number, image in enumerate(images[:MOST_IMAGES], start=1):
            of = f", image {number} of {len(images)}" if len(images) > 1 else ""
            made = self._show(image, said + of, preparation, overlays)
            shown += [made] if made else []
        more = len(images) - MOST_IMAGES if shown else 0
        return Figure(case, self.labels[label], shown, max(0, more), verdicts)

    def picture(self, image: str, preparation: tuple[str, ...]) -> Picture | None:
        """Return the picture of an image after these steps, or None where it can't be had."""
        key = (image, preparation)
        if key not in self._pictures and image in self.sources and image not in self.unreadable:
            try:
                self._pictures[key] = make_picture(self.sources[image].radiograph.path, preparation)
            except UnreadableImageError:
                self.unreadable.add(image)
        return self._pictures.get(key)

    def marks(self, image: str) -> tuple[Place, ...]:
        """Return where fractures are marked on a radiograph that was found."""
        return read_centres(self.sources[image].radiograph.metadata)

    def _show(
        self, image: str, said: str, preparation: tuple[str, ...], overlays: Overlays | None
    ) -> Shown | None:
        picture = self.picture(image, preparation)
        if picture is None:
            return None
        name = f"radiograph-{len(self._shown) + 1}"
        thumbnail = self._shown.setdefault((image, preparation), Thumbnail(name, picture))
        overlay = overlays.draw(image) if overlays else None
        places = [picture.frame.locate(x, y) for x, y in self.marks(image)]
        marks = tuple((x, y) for x, y in places if 0 <= x <= 1 and 0 <= y <= 1)
        said += ", with a heat map" if overlay else ""
        said += ", fracture marked" if marks else ""
        return Shown(thumbnail, said, overlay, marks)


def label_words(positive: str | None) -> tuple[str, str]:
    """Return the words for labels 0 and 1 where the user says which class is the positive one."""
    # "1" or "yes" names no class.
    if positive is None or is_plain_positive(positive):
        return FRACTURE
    return f"not {positive}", positive


def judge(judged: Judged, row: int) -> Verdict:
    """Return what a backbone says of a case of the hold-out."""
    score, cutoff = float(judged.scores[row]), judged.cutoff
    words = _apart(score, cutoff) if math.isfinite(cutoff) else (f"{score:.3f}", "above all scores")
    places = (100 * min(1.0, max(0.0, value)) for value in (score, cutoff))
    return Verdict(judged.name, judged.outcome(row), bool(judged.right[row]), *words, *places)


def _apart(score: float, cutoff: float) -> tuple[str, str]:
    """Both with three decimals, or with as many more as tell them apart."""
    digits = next((n for n in range(3, 9) if f"{score:.{n}f}" != f"{cutoff:.{n}f}"), 3)
    return f"{score:.{digits}f}", f"{cutoff:.{digits}f}"
