"""Radiographs that show the same picture: proposed by their spectra, confirmed by alignment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.audit.alignment import (
    TURNS,
    Level,
    Maps,
    Stack,
    find_frames,
    flatten,
    follow,
    halve,
    look,
    refine,
    sample,
    shift_maps,
    turn_map,
)
from tlbench.progress import Progress
from tlbench.threads import in_threads, one_blas_thread

LEAST_ALIKE = 0.87
"""Aligned pictures that correlate at least so much show the same.

On FracAtlas planted copies reach 0.92 and more, pictures of different arms at most 0.84.
"""
_LEVELS = ((3, 0.8, 3.0), (2, 0.88, 4.0), (3, LEAST_ALIKE, 4.0))
"""Steps of alignment, the correlation to reach, and what counts as fine structure, in pixels.

At a quarter, at half and at the whole of the side.
"""

_LEAST_PROPOSED = 0.86
_MOST_PROPOSED = 5
"""Of the pictures that may be alike, so many are looked at for each."""
_FINEST = 10
"""Waves to a side of the finest structure in a spectrum."""
_SPECTRA = 64
"""The side of the pictures that spectra are taken of."""
_AT_ONCE = 64
_AS_IS = "as is"
_BLOCK = 512
_TURNED = (_AS_IS, "rotated +10", "rotated -10", "zoomed 1.1")
_EMPTY = 1.0
"""A thumbnail with less spread than this, in 256 levels, shows nothing."""


Proposal = tuple[int, int, str]
"""The places of two pictures, and the view that may make the second of the first."""


@dataclass(frozen=True)
class Pair:
    """Two pictures, by their places, that show the same; `view` makes the second of the first.

    `how` is "pixels" where their pixels are equal, else "picture"; `alike` their correlation.
    """

    first: int
    second: int
    how: Literal["pixels", "picture"]
    view: str
    alike: float


@dataclass(frozen=True)
class Pictures:
    """What is known of n pictures: thumbnails (n, 128, 128) uint8, (n, 2) rows and columns, names.

    Pictures whose `contents` are equal have the same pixels.
    """

    thumbnails: NDArray[np.uint8]
    shapes: NDArray[np.int64]
    contents: Sequence[bytes]


def find_look_alikes(pictures: Pictures, progress: Progress | None = None) -> list[Pair]:
    """Return the pairs of pictures that show the same, each picture with few others.

    Found are equal pixels, and what was re-encoded, resized, cropped by a few per cent, shifted
    by up to an eighth, made lighter or darker, and the views of `tlbench.augment`. Pictures that
    are alike through others may have no pair of their own.
    """
    pairs, first_of = _equal(pictures.contents)
    with one_blas_thread():
        kept = first_of[_not_empty(pictures.thumbnails, first_of)]
        proposed = propose(pictures, kept) if len(kept) > 1 else []
        progress = progress if progress and proposed else Progress()
        with progress.task("comparing", len(proposed), "pairs") as advance:
            for (source, target, view), alike in confirm(pictures, proposed, advance):
                pairs.append(Pair(source, target, "picture", view, alike))
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def _not_empty(thumbnails: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of some pictures show anything."""
    chunks = [rows[i : i + _AT_ONCE] for i in range(0, len(rows), _AT_ONCE)]
    spread = [thumbnails[chunk].std(axis=(1, 2), dtype=np.float32) for chunk in chunks]
    return np.asarray(np.concatenate(spread) >= _EMPTY)


def _equal(contents: Sequence[bytes]) -> tuple[list[Pair], NDArray[np.int64]]:
    """Return pairs of equal pictures, and the places of those without an equal before them."""
    first: dict[bytes, int] = {}
    pairs = []
    for place, content in enumerate(contents):
        other = first.setdefault(content, place)
        if other != place:
            pairs.append(Pair(other, place, "pixels", _AS_IS, 1.0))
    return pairs, np.array(list(first.values()), dtype=np.int64)


def propose(pictures: Pictures, kept: NDArray[np.int64]) -> list[Proposal]:
    """Return pairs of the `kept` pictures that may be alike, and the view between them."""
    views = _all_spectra(pictures, kept)
    plain, n = views[_AS_IS], len(kept)
    found: dict[tuple[int, int], tuple[float, Proposal]] = {}
    for start in range(0, n, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n))
        best = _Best(rows.stop - start, n)
        for name, view in views.items():
            best.add(view[rows] @ plain.T, name, backwards=False)
            if "zoomed" in name:  # of the others, what leads back is among the views itself
                best.add(plain[rows] @ view.T, name, backwards=True)
        best.values[np.arange(len(best.values)), np.arange(start, rows.stop)] = -1
        for row, column in best.highest():
            value, name, backwards = best.at(row, column)
            one, other = (column, start + row) if backwards else (start + row, column)
            key = (min(one, other), max(one, other))
            found[key] = max(found.get(key, (-1.0, (0, 0, ""))), (value, (one, other, name)))
    in_order = (found[key][1] for key in sorted(found))
    return [(int(kept[one]), int(kept[other]), name) for one, other, name in in_order]


class _Best:
    """The highest similarity of some pictures (m, n) to all, and the view that has it."""

    def __init__(self, m: int, n: int) -> None:
        self.values = np.full((m, n), -1, dtype=np.float32)
        self._by = np.zeros((m, n), dtype=np.int8)
        self._names: list[tuple[str, bool]] = []

    def add(self, values: Stack, name: str, *, backwards: bool) -> None:
        higher = values > self.values
        self._by[higher] = len(self._names)
        self._names.append((name, backwards))
        np.maximum(self.values, values, out=self.values)

    def highest(self) -> Iterator[tuple[int, int]]:
        """Yield row and column of the few nearest to each row that are near enough."""
        most = min(_MOST_PROPOSED, self.values.shape[1] - 1)
        columns = np.argpartition(-self.values, most - 1, axis=1)[:, :most]
        near = np.take_along_axis(self.values, columns, axis=1) >= _LEAST_PROPOSED
        for row, place in np.argwhere(near).tolist():
            yield row, int(columns[row, place])

    def at(self, row: int, column: int) -> tuple[float, str, bool]:
        return float(self.values[row, column]), *self._names[self._by[row, column]]


def _all_spectra(pictures: Pictures, kept: NDArray[np.int64]) -> dict[str, Stack]:
    """Return the spectra (n, d) of all views of the `kept` pictures, by the names of the views."""
    made: dict[str, list[Stack]] = {name: [] for name in TURNS}
    for start in range(0, len(kept), _AT_ONCE):
        some = kept[start : start + _AT_ONCE]
        small = halve(pictures.thumbnails[some].astype(np.float32))
        for name in _TURNED:
            maps = np.stack([turn_map(TURNS[name], shape) for shape in pictures.shapes[some]])
            seen = small if name == _AS_IS else sample(small, maps)[0]
            spectrum = np.fft.rfft2(flatten(seen, 4.0) * _window()).astype(np.complex64)
            made[name].append(_spectra(spectrum))
            # Mirrored and turned one way is turned the other way and mirrored.
            opposite = {"rotated +10": "rotated -10", "rotated -10": "rotated +10"}.get(name, name)
            mirrored = "mirrored" if name == _AS_IS else f"mirrored, {opposite}"
            made[mirrored].append(_spectra(spectrum, mirrored=True))
    return {name: np.concatenate(parts) for name, parts in made.items()}


def _window() -> Stack:
    wave = np.sqrt(np.hanning(_SPECTRA + 2)[1:-1])
    return np.asarray(np.outer(wave, wave), dtype=np.float32)


def _spectra(transform: NDArray[np.complex64], mirrored: bool = False) -> Stack:
    """Return the lower part of amplitude spectra, even over all directions, of length 1.

    Amplitudes do not change where a picture is shifted.
    """
    amplitude = np.sqrt(np.abs(np.fft.fftshift(transform, axes=1)))
    middle = _SPECTRA // 2
    part = amplitude[:, middle - _FINEST : middle + _FINEST + 1, : _FINEST + 1]
    if mirrored:  # a real picture's amplitudes are the same at opposite frequencies
        part = part[:, ::-1]
    y, x = np.mgrid[-_FINEST : _FINEST + 1, 0 : _FINEST + 1]
    radius = np.hypot(y, x)
    inside = (radius >= 1) & (radius < _FINEST + 0.5)
    rings = np.rint(radius[inside]).astype(np.int64)
    values = part[:, inside]
    member = (rings[:, None] == np.arange(_FINEST + 1)).astype(np.float32)
    mean = values @ member / np.maximum(member.sum(axis=0), 1)
    values = values - mean[:, rings]
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-6), dtype=np.float32)


def confirm(
    pictures: Pictures,
    pairs: Sequence[Proposal],
    advance: Callable[[int], None] = lambda done: None,
) -> list[tuple[Proposal, float]]:
    """Return those of the proposed pairs that are alike once aligned, with their correlation."""

    def align(some: Sequence[Proposal]) -> list[tuple[Proposal, float]]:
        maps = np.stack(
            [turn_map(TURNS[view], pictures.shapes[source]) for source, _, view in some]
        )
        sources = pictures.thumbnails[[source for source, _, _ in some]].astype(np.float32)
        targets = pictures.thumbnails[[target for _, target, _ in some]].astype(np.float32)
        left, alike = _align(sources, targets, maps)
        return [(some[i], float(value)) for i, value in zip(left, alike, strict=True)]

    chunks = [pairs[i : i + _AT_ONCE] for i in range(0, len(pairs), _AT_ONCE)]
    found = []
    with closing(in_threads(align, chunks)) as aligned:
        for chunk, alike in zip(chunks, aligned, strict=True):
            found += alike
            advance(len(chunk))
    return found


def _align(
    sources: Stack, targets: Stack, maps: Maps
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return which pairs are alike, and how much, dropping the others as early as can be."""
    left = np.arange(len(maps))
    frames = find_frames(sources), find_frames(targets)
    pyramids = _pyramid(sources), _pyramid(targets)
    alike = np.ones(len(maps), dtype=np.float32)
    for level, (steps, least, sigma) in enumerate(_LEVELS):
        a, b = (
            Level(flatten(pyramid[level][left], sigma), frame[left], sigma)
            for pyramid, frame in zip(pyramids, frames, strict=True)
        )
        if level == 0:
            seen, shared = look(a, b, maps)
            maps = follow(maps, shift_maps(seen * shared, b.pictures))
        maps, alike = refine(a, b, maps, steps)
        stay = alike >= least
        left, maps, alike = left[stay], maps[stay], alike[stay]
        if not len(left):
            break
    return left, alike


def _pyramid(pictures: Stack) -> list[Stack]:
    """Return pictures at a quarter, a half and the whole of their side."""
    half = halve(pictures)
    return [halve(half), half, pictures]
