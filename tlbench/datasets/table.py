"""The table of radiographs: what a reader returned, checked and put in order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.datasets.selection import select
from tlbench.errors import DataError, PluginError
from tlbench.files import file_sha256
from tlbench.progress import Progress
from tlbench.specs import DataChoice, DatasetRequest, DatasetSpec, Radiograph, Unit
from tlbench.words import few


@dataclass(frozen=True)
class Table:
    """n radiographs in the order of their case names, with the SHA-256 of each file's bytes.

    `alike` are pairs of these digests whose images show the same picture; `warnings` is what the
    reader had to say of the data set, `labels_of` what labels belong to; `selection` says what was
    taken of it (results/README.md).
    """

    radiographs: tuple[Radiograph, ...]
    digests: tuple[str, ...]
    alike: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    labels_of: Unit = "image"
    selection: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.radiographs)

    @cached_property
    def files(self) -> dict[str, Path]:
        """The file of each image, by the SHA-256 of its bytes."""
        return dict(zip(self.digests, (r.path for r in self.radiographs), strict=True))

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Labels (n,), 1 = fracture."""
        return np.array([r.label for r in self.radiographs], dtype=np.int64)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Patient numbers (n,), the same for all that must stay together.

        Radiographs of one patient have one number, and so have files of the same bytes and images
        that are alike, whoever their patients are; an image without a patient counts as one of
        its own, or its study does, where it names one.
        """
        return np.unique(self._joined, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def _joined(self) -> list[str]:
        """For each radiograph the least name among the patients it is joined with."""
        least: dict[str, str] = {}

        def find(name: str) -> str:
            while least.setdefault(name, name) != name:
                name = least[name]
            return name

        def join(one: str, other: str) -> None:
            low, high = sorted((find(one), find(other)))
            least[high] = low

        for r, patient, digest in zip(self.radiographs, self._patients, self.digests, strict=True):
            join(patient, f"~{digest}")
            if r.patient is None and r.study is not None:
                join(patient, f"~study {r.study}")
        for one, other in self.alike:
            join(f"~{one}", f"~{other}")
        return [find(patient) for patient in self._patients]

    @property
    def copies(self) -> int:
        """How many files have the same bytes as another before them."""
        return len(self.digests) - len(set(self.digests))

    @property
    def contradictions(self) -> int:
        """How many images, by their bytes, have both labels."""
        seen: dict[str, set[int]] = {}
        for radiograph, digest in zip(self.radiographs, self.digests, strict=True):
            seen.setdefault(digest, set()).add(radiograph.label)
        return sum(len(labels) == 2 for labels in seen.values())

    @cached_property
    def _patients(self) -> list[str]:
        return [
            f"case {r.case}" if r.patient is None else f"patient {r.patient}"
            for r in self.radiographs
        ]

    @property
    def has_patients(self) -> bool:
        """Whether every radiograph names its patient."""
        return all(r.patient is not None for r in self.radiographs)

    def count_patients(self, rows: Iterable[int] | None = None) -> int | None:
        """Return how many patients there are, in some rows or in all; None where not all are named.

        They count as the data set names them: two who share a picture are one of `groups`, and two
        patients.
        """
        if not self.has_patients:
            return None
        taken = range(len(self)) if rows is None else rows
        return len({self.radiographs[row].patient for row in taken})

    @cached_property
    def given(self) -> tuple[str | None, ...]:
        """The partition (n,) that the data set puts each radiograph in, None where it doesn't."""
        return tuple(r.partition for r in self.radiographs)

    @property
    def gives_partitions(self) -> bool:
        """Whether the data set puts any radiograph into a partition."""
        return any(name is not None for name in self.given)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over case, image, label, patient, study and partition of every radiograph."""
        fingerprint = self.fingerprint_of(range(len(self)))
        more = [(r.study, r.partition) for r in self.radiographs]
        if all(pair == (None, None) for pair in more):
            return fingerprint
        return hashlib.sha256(f"{fingerprint}\n{more!r}".encode()).hexdigest()

    def fingerprint_of(self, rows: Iterable[int]) -> str:
        """Return the SHA-256 over case, image, label and patient of some radiographs."""
        digest = hashlib.sha256()
        for row in rows:
            r = self.radiographs[row]
            line = (r.case, self.digests[row], str(r.label), self._patients[row])
            digest.update(("\0".join(line) + "\n").encode())
        return digest.hexdigest()

    @cached_property
    def pseudonyms(self) -> list[str]:
        """A pseudonym (n,) for each patient, the same in every run on these images."""
        return [self.pseudonym(patient) for patient in self._joined]

    def pseudonym(self, name: str) -> str:
        """Return the pseudonym of a patient or a study.

        The salt is a hash of all images, which no output holds: who has no images can't turn a
        guessed patient id into its pseudonym.
        """
        return hashlib.sha256(self._salt + name.encode()).hexdigest()[:12]

    @cached_property
    def _salt(self) -> bytes:
        return hashlib.sha256(b"salt\0" + "".join(self.digests).encode()).digest()

    def without(self, digests: Collection[str]) -> Table:
        """Return the table without the images of these digests."""
        kept = [i for i, digest in enumerate(self.digests) if digest not in digests]
        return replace(
            self,
            radiographs=tuple(self.radiographs[i] for i in kept),
            digests=tuple(self.digests[i] for i in kept),
            alike=tuple(pair for pair in self.alike if not set(pair) & set(digests)),
        )


def fingerprint_image(digest: str) -> str:
    """Return 12 hexadecimal digits that stand for an image in predictions.

    They are of a hash of its digest, not of the digest: all digests together are the salt of
    pseudonyms, which no output may hold.
    """
    return hashlib.sha256(f"image {digest}".encode()).hexdigest()[:12]


def read_table(dataset: DatasetSpec, choice: DataChoice, cache: Path, progress: Progress) -> Table:
    """Return the radiographs that `choice` takes of a data set, checked and in order.

    Raises `DataError` where `choice.data_root` is missing, and whatever its reader raises.
    """
    if dataset.needs_root and choice.data_root is None:
        raise DataError(
            f'data set "{dataset.name}" is not part of tlbench: say where it is',
            f"--data-root DIR, a folder with {dataset.layout}",
        )
    warnings: list[str] = []
    units: list[Unit] = [dataset.unit]

    def warn(line: str) -> None:
        warnings.append(line)
        progress.warn(line)

    request = DatasetRequest(
        folder=cache / "datasets",
        root=choice.data_root,
        subset=choice.subset,
        positive=choice.positive,
        say=progress.say,
        track=progress.track,
        warn=warn,
        labels_of=units.append,
        manifest=choice.manifest,
        columns=choice.columns,
    )
    selected = select(_check_type(dataset.read(request)), dataset, choice, warn)
    table = build_table(selected.radiographs)
    return replace(table, warnings=tuple(warnings), selection=selected.record, labels_of=units[-1])


def build_table(radiographs: Iterable[Radiograph]) -> Table:
    """Return the table; raises `DataError` for no rows, doubled cases, odd labels, lost files."""
    rows = _check_type(radiographs)
    rows.sort(key=lambda r: r.case)
    if not rows:
        raise DataError("the data set has no radiographs", "check --data-root and --subset")
    odd_names = [ascii(r.case) for r in rows if not _is_text(r.case)]
    if odd_names:
        raise DataError(
            f"{len(odd_names)} file names are not UTF-8: {few(odd_names)}", "rename these files"
        )
    doubled = [case for case, count in Counter(r.case for r in rows).items() if count > 1]
    if doubled:
        raise DataError(f"{few(doubled)} stand twice in the data set", "each case needs one row")
    odd = [r.case for r in rows if r.label not in (0, 1)]
    if odd:
        raise DataError(f"{few(odd)} have a label that is neither 0 nor 1", "1 means fracture")
    return Table(tuple(rows), tuple(_digests(rows)))


def _check_type(radiographs: Iterable[Radiograph]) -> list[Radiograph]:
    """What a reader returned, if it is what a reader must return."""
    if isinstance(radiographs, Iterable):
        rows = list(radiographs)
        if all(isinstance(row, Radiograph) for row in rows):
            _check_fields(rows)
            return rows
    raise PluginError(
        f"the data set's reader returned {type(radiographs).__name__} instead of a list of "
        "Radiograph",
        "its plugin is at fault",
    )


def _check_fields(rows: list[Radiograph]) -> None:
    for row in rows:
        named = (row.patient, row.study, row.partition)
        texts = [row.case, *(text for text in named if text is not None)]
        if not all(isinstance(text, str) for text in texts) or not isinstance(row.path, Path):
            raise PluginError(
                # The case alone: a whole row may name a patient.
                f"the data set's reader returned {row.case!r}, a radiograph whose case is not a "
                "str, path not a Path, or patient, study or partition neither a str nor None",
                "its plugin is at fault",
            )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _digests(rows: list[Radiograph]) -> list[str]:
    # Hashing lets go of the interpreter, so that threads share the work.
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(_digest, [row.path for row in rows]))
    lost = [row.case for row, digest in zip(rows, digests, strict=True) if digest is None]
    if lost:
        raise DataError(
            f"{len(lost)} radiographs can't be opened: {few(lost)}",
            "check that the files are there and may be read",
        )
    return [digest for digest in digests if digest is not None]


def _digest(path: Path) -> str | None:
    """The SHA-256 of a file's bytes, or None where it can't be opened."""
    try:
        return file_sha256(path)
    except OSError:
        return None
