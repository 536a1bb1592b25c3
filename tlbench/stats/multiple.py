"""Correction for multiple tests, and which classifiers no test tells apart."""

from collections.abc import Iterable, Sequence

import numpy as np

# statsmodels' multipletests gives the same numbers, but importing it takes over a second; both
# procedures are one cumulative extremum. Tests hold them against statsmodels and R.


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Return p values adjusted by Holm, in the order given; None stays None and does not count.

    Step down: the i-th smallest of k times (k - i + 1), cumulative maximum, at most 1. Raises
    ValueError for a p value outside [0, 1]. Holm 1979, https://www.jstor.org/stable/4615733.
    """
    order, values = _ordered(p)
    factors = np.arange(len(values), 0, -1)
    return _restore(len(p), order, np.minimum(1.0, np.maximum.accumulate(values * factors)))


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Return p values adjusted by Benjamini and Hochberg; None stays None and does not count.

    Step up: the i-th smallest of k times k / i, cumulative minimum from the largest, at most 1.
    Raises ValueError for a p value outside [0, 1].
    Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    order, values = _ordered(p)
    count = len(values)
    scaled = (values * (count / np.arange(1, count + 1)))[::-1]
    return _restore(len(p), order, np.minimum(1.0, np.minimum.accumulate(scaled)[::-1]))


def _ordered(p: Sequence[float | None]) -> tuple[list[int], np.ndarray]:
    known = [(value, index) for index, value in enumerate(p) if value is not None]
    for value, index in known:
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"p[{index}] is {value!r}: a p value lies between 0 and 1")
    known.sort()
    return [index for _, index in known], np.array([value for value, _ in known], dtype=np.float64)


def _restore(size: int, order: list[int], adjusted: np.ndarray) -> list[float | None]:
    result: list[float | None] = [None] * size
    for index, value in zip(order, adjusted, strict=True):
        result[index] = float(value)
    return result


def indistinguishable(
    names: Sequence[str], different: Iterable[tuple[str, str]]
) -> list[tuple[str, ...]]:
    """Return the maximal sets of classifiers among which no pair was told apart.

    `names` in the order wanted, `different` the pairs that a test told apart. Sets may overlap: A
    and C may differ while neither differs from B. They are the maximal cliques of the graph of
    pairs not told apart (Bron and Kerbosch 1973, doi:10.1145/362342.362367), what a compact letter
    display shows (Piepho 2004, doi:10.1198/1061860043515). Raises ValueError for unknown names.
    """
    place = {name: index for index, name in enumerate(names)}
    if len(place) != len(names):
        raise ValueError("names occur twice")
    near = {index: set(place.values()) - {index} for index in place.values()}
    for a, b in different:
        if a not in place or b not in place:
            raise ValueError(f"pair ({a!r}, {b!r}) names a classifier that is not listed")
        near[place[a]].discard(place[b])
        near[place[b]].discard(place[a])
    found: list[tuple[int, ...]] = []

    def extend(chosen: set[int], open_: set[int], done: set[int]) -> None:
        if not open_ and not done:
            found.append(tuple(sorted(chosen)))
            return
        pivot = max(open_ | done, key=lambda index: len(near[index] & open_))
        for index in sorted(open_ - near[pivot]):
            extend(chosen | {index}, open_ & near[index], done & near[index])
            open_ = open_ - {index}
            done = done | {index}

    if names:
        extend(set(), set(place.values()), set())
    return [tuple(names[index] for index in members) for members in sorted(found)]
