"""Records: what a run leaves behind, and how it is found again."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tlbench.errors import CacheError, UnknownNameError
from tlbench.files import unwritable
from tlbench.registry import unknown

SCHEMA = 1
_NEEDED = (
    *("run", "created", "backbone", "weights", "dataset", "subset", "protocol", "seed"),
    *("synthetic", "control", "holdout", "auc", "operating_point", "operating_point_optimistic"),
    *("top_layer", "warnings", "details"),
)
_NEEDED_WITHIN = {
    "holdout": ("n", "positives", "patients", "fingerprint"),
    "auc": ("value",),
    "operating_point": ("rule", "chosen_on", "cutoff", "ties"),
    "details.dataset": ("fingerprint",),
    "details.backbone": ("title",),
    "details.weights": ("title",),
    "details.features": ("digest",),
}
_MAY_BE_NULL = {"patients", "cutoff", "ties"}
PREDICTION_COLUMNS = ("case", "patient", "partition", "label", "score")
"""Then `unit` where that is not the image, and `fingerprint` where it is known."""


@dataclass(frozen=True)
class Prediction:
    """The score of one radiograph, or of one unit, which goes by the first of its cases.

    `patient` is a pseudonym, never the data set's own id, and so is `unit`: of the study or the
    patient that the score belongs to, None where that is the image. `fingerprint` stands for the
    bytes of the radiograph's file; records of earlier versions have none.
    """

    case: str
    patient: str
    partition: str
    label: int
    score: float
    unit: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, repr=False)
class Record(Mapping[str, Any]):
    """A finished run: reads like the JSON in `record.json`, e.g. `record["auc"]["value"]`."""

    data: Mapping[str, Any]
    folder: Path

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        auc = self.data["auc"]
        return (
            f"<Record {self.data['run']}: AUC {auc['value']:.3f} "
            f"({auc['low']:.3f} to {auc['high']:.3f})>"
        )

    def _repr_html_(self) -> str:
        from tlbench.report.html import record_to_html

        return record_to_html(self)

    def predictions(self) -> list[Prediction]:
        """Return the scores of all radiographs, as `predictions.csv` holds them."""
        file = self.folder / "predictions.csv"
        try:
            with file.open(newline="", encoding="utf-8") as stream:
                return [
                    Prediction(
                        row["case"],
                        row["patient"],
                        row["partition"],
                        int(row["label"]),
                        float(row["score"]),
                        row["unit"] if self.data.get("unit", "image") != "image" else None,
                        row.get("fingerprint"),
                    )
                    for row in csv.DictReader(stream)
                ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CacheError(
                f'the predictions in "{file}" can\'t be read: {error}', "run it anew with --force"
            ) from error

    def unit_predictions(self) -> list[Prediction]:
        """Return one prediction for each unit in each partition: what all statistics are made of.

        Its score is the mean of the unit's radiographs there, its label 1 if one of theirs is.
        """
        from tlbench.stats.units import collect_units

        rows = self.predictions()
        names = [f"{row.partition} {row.case if row.unit is None else row.unit}" for row in rows]
        units = collect_units([row.label for row in rows], names)
        scores = units.average([row.score for row in rows])
        found = zip(units.first.tolist(), units.labels.tolist(), scores.tolist(), strict=True)
        return [
            replace(rows[first], label=label, score=score) for first, label, score in sorted(found)
        ]


def to_json(value: Mapping[str, Any]) -> str:
    """Return `value` as JSON; a number that is not finite is a bug and raises ValueError."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def save_record(
    results: Path,
    record: Mapping[str, Any],
    predictions: Sequence[Prediction],
    arrays: Mapping[str, Any],
    log: Sequence[str],
) -> Record:
    """Write the folder of a run whole or not at all, in place of an earlier one of that name."""
    import numpy as np

    folder = results / record["run"]
    temporary = None
    try:
        results.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=results, prefix=".writing-"))
        temporary.chmod(0o755)
        (temporary / "predictions.csv").write_text(_predictions_csv(predictions), encoding="utf-8")
        np.savez(temporary / "top_layer.npz", **arrays)
        (temporary / "run.log").write_text("\n".join(log) + "\n", encoding="utf-8")
        (temporary / "record.json").write_text(to_json(record) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except OSError as error:
        raise unwritable(results, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return Record(record, folder)


def _predictions_csv(predictions: Sequence[Prediction]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    more = [
        name
        for name in ("unit", "fingerprint")
        if any(getattr(p, name) is not None for p in predictions)
    ]
    writer.writerow([*PREDICTION_COLUMNS, *more])
    for p in predictions:
        # repr gives the shortest text that reads back as the same double.
        row = [p.case, p.patient, p.partition, p.label, repr(float(p.score))]
        writer.writerow([*row, *(getattr(p, name) for name in more)])
    return out.getvalue()


def check_writable(results: Path) -> None:
    """Raise `CacheError` where `results` can't be made or written, before any work is done."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=results):
            pass
    except OSError as error:
        raise unwritable(results, error) from error


def find_record(results: Path, run: str) -> Record | None:
    """Return the finished record of a run, or None."""
    folder = results / run
    return load_record(folder) if (folder / "record.json").is_file() else None


def load_record(folder: Path) -> Record:
    """Read one record; raises `CacheError` where it is damaged or of a later schema."""
    file = folder / "record.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        schema = int(data["schema"])
        lost = list(_lost(data)) if schema <= SCHEMA else []
        if lost:
            raise ValueError(f"it lacks {', '.join(lost)}")
        data.setdefault("unit", "image")  # what all records were of before there were others
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CacheError(
            f'"{file}" is not a record: {error}', "run it anew with --force, or delete its folder"
        ) from error
    if schema > SCHEMA:
        raise CacheError(
            f'"{file}" has schema {schema}, this tlbench knows up to {SCHEMA}',
            "install a newer tlbench",
        )
    return Record(data, folder)


def _lost(data: Mapping[str, Any]) -> Iterator[str]:
    """What a record lacks that every version of tlbench has written."""
    yield from (name for name in _NEEDED if name not in data)
    for path, fields in _NEEDED_WITHIN.items():
        first, _, second = path.partition(".")
        within = data.get(first)
        if not isinstance(within, dict):
            continue
        if second:
            within = within.get(second) or {}
        for field in fields:
            if field not in within or (within[field] is None and field not in _MAY_BE_NULL):
                yield f"{path}.{field}"


def list_records(results: Path, warn: Callable[[str], None]) -> list[Record]:
    """Return all readable records in `results`, by name; `warn` hears of the others."""
    found = []
    for file in sorted(results.glob("*/record.json")):
        try:
            found.append(load_record(file.parent))
        except CacheError as error:
            warn(f"left out: {error.message}")
    return found


def get_record(results: Path, run: str) -> Record:
    """Return the record of `run`; raises `UnknownNameError` with the nearest names."""
    record = find_record(results, run)
    if record is not None:
        return record
    names = [file.parent.name for file in results.glob("*/record.json")]
    error: UnknownNameError = unknown(
        "run", run, names, f'"{results}" has {len(names)} runs; see `tlbench list runs`'
    )
    raise error
