"""The radiographs of a hold-out, found again on disk and held against what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.compare import Compared
from tlbench.datasets.table import build_table, fingerprint_image
from tlbench.datasets.units import fingerprint_units
from tlbench.errors import DataError, TlbenchError
from tlbench.plugins import PluginHost
from tlbench.progress import Progress
from tlbench.records import Prediction, Record
from tlbench.specs import DatasetRequest, DatasetSpec, Radiograph


@dataclass(frozen=True, kw_only=True)
class CasesRequest:
    """What a user asks of the cases on a page: pictures, heat maps, and where radiographs are.

    The record knows data set and subset; `data_root`, `positive`, `manifest` and `columns` are
    those of `DataChoice`. Which part of the data set was taken needs no telling: cases are found by
    name. Heat maps need pictures to lie on.
    """

    images: bool = True
    heatmaps: bool = False
    data_root: Path | None = None
    positive: str | None = None
    manifest: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None
    offline: bool = False

    @property
    def names_data(self) -> bool:
        """Whether the user said where the radiographs are."""
        return self.data_root is not None or self.manifest is not None


@dataclass(frozen=True)
class Source:
    """A radiograph of the hold-out, with the SHA-256 of its file."""

    radiograph: Radiograph
    digest: str


@dataclass(frozen=True)
class Sources:
    """What was found, by case, lines on what was not, and what to do where nothing was."""

    found: Mapping[str, Source] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hint: str = ""


def find_sources(
    compared: Compared, request: CasesRequest, host: PluginHost, cache: Path, progress: Progress
) -> Sources:
    """Return the radiographs of the hold-out whose files are those that were measured.

    Files are held against the fingerprints in the predictions, or, in records of earlier versions,
    all of them against the one of the hold-out. What is missing or another file is left out and
    noted. Where the user did not say where the radiographs are and they can't be had, the note says
    how to name them. Raises `DataError` where not one radiograph of the folder named is right, and
    whatever its reader raises.
    """
    if not request.images:
        return Sources(hint="leave out --no-images")
    record = _with_fingerprints(compared)
    held = _held(record)
    name = record["dataset"]
    try:
        dataset = host.datasets.find(name).spec
        if dataset.needs_root and not request.names_data:
            hint = f"give the folder that holds {dataset.layout}: --data-root DIR"
            return Sources(
                notes=(f"Without pictures, for records hold none. To show them, {hint}.",),
                hint=hint,
            )
        rows = _read(dataset, record["subset"], request, cache, progress)
    except TlbenchError as error:
        if request.names_data:
            raise
        return Sources(notes=(f"Without pictures: {error}.",), hint=str(error))
    sources = _match(record, held, {row.case: row for row in rows}, request)
    for line in sources.notes:
        progress.warn(line)
    return sources


def images_of_units(compared: Compared) -> dict[str, list[str]]:
    """Return for each case of the hold-out its images: the one of that name, or those of its unit.

    They are in the order of the predictions, of which a case is the first.
    """
    units: dict[str, list[str]] = {}
    for row in _held(compared.entries[0].record):
        units.setdefault(row.case if row.unit is None else row.unit, []).append(row.case)
    return {images[0]: images for images in units.values()}


def _held(record: Record) -> list[Prediction]:
    return [row for row in record.predictions() if row.partition == "hold-out"]


def _with_fingerprints(compared: Compared) -> Record:
    """Of the records, which share a hold-out, one that tells its files, where there is one."""
    records = [entry.record for entry in compared.entries]
    return next((r for r in records if all(row.fingerprint for row in _held(r))), records[0])


def _read(
    dataset: DatasetSpec,
    subset: str | None,
    request: CasesRequest,
    cache: Path,
    progress: Progress,
) -> Sequence[Radiograph]:
    rows = dataset.read(
        DatasetRequest(
            folder=cache / "datasets",
            root=request.data_root,
            subset=subset,
            positive=request.positive,
            say=progress.say,
            track=progress.track,
            manifest=request.manifest,
            columns=request.columns,
            lenient=True,
        )
    )
    return [row for row in rows if isinstance(row, Radiograph)]


def _match(
    record: Record,
    held: Sequence[Prediction],
    rows: Mapping[str, Radiograph],
    request: CasesRequest,
) -> Sources:
    there = [rows[row.case] for row in held if row.case in rows and _is_file(rows[row.case])]
    found = _right(record, held, there) if there else {}
    if there and not found and request.names_data:
        raise DataError(
            f"the radiographs there are not those that these runs measured: {len(there):,} of "
            f"{len(held):,} in the hold-out have the same name, none is the same file",
            "check --data-root, or leave pictures out with --no-images",
        )
    if not found and request.names_data:
        raise DataError(
            f"none of the {len(held):,} radiographs of the hold-out is there",
            "check --data-root, or leave pictures out with --no-images",
        )
    return Sources(
        found,
        tuple(
            f"Shown without a picture, for {why}: {count:,} of {len(held):,} radiographs."
            for why, count in (
                ("the file is missing", len(held) - len(there)),
                ("the file is not the one that was measured", len(there) - len(found)),
            )
            if count
        ),
    )


def _right(
    record: Record, held: Sequence[Prediction], there: Sequence[Radiograph]
) -> dict[str, Source]:
    """Those of the radiographs that are the files measured, by case."""
    table = build_table(there)
    found = {
        radiograph.case: Source(radiograph, digest)
        for radiograph, digest in zip(table.radiographs, table.digests, strict=True)
    }
    measured = {row.case: row.fingerprint for row in held}
    if all(measured.values()):
        return {
            case: source
            for case, source in found.items()
            if fingerprint_image(source.digest) == measured[case]
        }
    # A record of an earlier version: the hold-out is the same as a whole, or nothing is known.
    whole = len(found) == len(held)
    fingerprint = fingerprint_units(table, range(len(table)), record["unit"]) if whole else None
    return found if fingerprint == record["holdout"]["fingerprint"] else {}


def _is_file(radiograph: Radiograph) -> bool:
    try:
        return radiograph.path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
