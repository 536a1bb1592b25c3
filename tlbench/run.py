"""One run: a backbone, its weights, a data set, a protocol and a seed, down to the record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from tlbench import __version__
from tlbench.audit.gate import Audited, audit_run
from tlbench.backbones import find_backbone
from tlbench.datasets.table import Table, read_table
from tlbench.datasets.units import number_units
from tlbench.environment import cache_folder, describe_environment, peak_memory_mb
from tlbench.errors import DataError, EngineError, TlbenchError, UnreadableImageError
from tlbench.features.calibration import calibrate
from tlbench.features.engines.base import Engine, EngineKey, Network
from tlbench.features.engines.choose import AUTO, choose_engine, load_engine
from tlbench.features.engines.graphs import failure
from tlbench.features.extract import (
    Extraction,
    FeatureSpace,
    FeatureStore,
    PixelStore,
    Radiographs,
    Wanted,
    check_varied,
    extract_features,
)
from tlbench.features.reading import read_radiographs
from tlbench.features.self_check import describe_int8, settle_precision
from tlbench.features.signatures import SignatureStore
from tlbench.measures import finite
from tlbench.plugins import PluginHost, load_plugins
from tlbench.preparation import order_steps
from tlbench.progress import Progress
from tlbench.protocols import describe_protocol
from tlbench.protocols.given import number_given
from tlbench.quiet import stdout_aside
from tlbench.records import SCHEMA, Record, check_writable, find_record, save_record
from tlbench.registry import Offer
from tlbench.run_request import RunRequest, check_request
from tlbench.scores import Measured, Plan, all_wanted, plan_seed, train_and_measure
from tlbench.specs import (
    BackboneSpec,
    DatasetSpec,
    ProtocolSpec,
    RunFinished,
    Unit,
)
from tlbench.threads import in_threads
from tlbench.weights import ChosenWeights, choose_weights
from tlbench.words import counted, few

_NAMED = 10
"""So many unreadable files are named one by one, with the reason."""


def run(backbone: str, **options: Any) -> Record:
    """Evaluate one backbone and return its record, at once if the same run is finished already.

    `backbone`, `dataset` ("demo"), `subset`, `protocol` ("paper2018") and `weights` ("auto") are
    names as `tlbench list` shows them; `data_root` is the folder of the data set, `manifest` a
    table of radiographs or labels, `columns` what its columns are; `where`, `without`, `exclude`
    and `cohort` take a part of it (see datasets/README.md); `audit` ("strict", "warn" or "off")
    says what a leak does; `seed` (0) decides partitions and training, never the hold-out; `engine`
    ("auto", "tensorflow", "openvino" or "onnxruntime") and `precision` ("auto", "float32",
    "bfloat16" or "int8") what runs the backbone and in which numbers; `cached_as` ("float32" or
    "float16") the numbers features are kept in; `prepare` steps that change pixels first ("crop",
    "clahe", "pad"); `unit` ("image", "study" or "patient") what a score is of, by default what
    labels belong to; `level` (0.95) and `ci` ("logit" or "wald") the intervals; `results`
    ("results") and `cache` the folders written to; `offline` keeps it off the network;
    `skip_unreadable` leaves out files that can't be read; `force` runs anew. `plugins` are files
    that offer more. Raises `TlbenchError` for what a user can mend.
    """
    (record,) = run_seeds(backbone, repeats=1, **options)
    return record


def run_seeds(
    backbone: str,
    *,
    repeats: int,
    plugins: Sequence[str | Path] = (),
    strict_plugins: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> list[Record]:
    """Evaluate one backbone with `repeats` seeds, from `seed` on, and return their records.

    Each is the record that `run` makes with that seed, to the last bit of its predictions; data,
    weights, engine and features are prepared once for all. What is finished already is returned
    at once. The options are those of `run`.
    """
    for name in ("data_root", "manifest", "exclude", "results", "cache"):
        if options.get(name) is not None:
            options[name] = Path(options[name])
    host = load_plugins([Path(file) for file in plugins], strict=strict_plugins)
    request = RunRequest(backbone=backbone, repeats=repeats, **options)
    return execute(request, host, progress or Progress())


def execute(request: RunRequest, host: PluginHost, progress: Progress) -> list[Record]:
    """Carry out one request with the plugins of `host`, and return a record for each seed."""
    check_request(request)
    # What a plugin or a framework prints must not end up among a user's data.
    with stdout_aside():
        return _execute(request, host, progress)


def _execute(request: RunRequest, host: PluginHost, progress: Progress) -> list[Record]:
    backbone = find_backbone(host, request.backbone)
    dataset = host.datasets.find(request.dataset).spec
    protocol = host.protocols.find(request.protocol).spec
    check_writable(request.results)
    cache = request.cache or cache_folder()
    weights = choose_weights(
        backbone.spec, request.weights, cache, offline=request.offline, progress=progress
    )
    progress.say(f"{backbone.spec.name}: weights {weights.title}")
    table = read_table(dataset, request, cache, progress)
    dataset = replace(dataset, unit=table.labels_of)
    # What is wrong with units and given partitions is said at once.
    number_units(table, request.unit or dataset.unit)
    if table.gives_partitions:
        number_given(table.given)
    network = Network(
        backbone.spec,
        weights.preprocessing,
        weights.file,
        weights.sha256,
        backbone.source.digest,
        cache,
        progress.say,
        f'plugin "{backbone.source.plugin}" ({backbone.source.origin})',
    )
    engine = choose_engine(network, request.engine, request.precision)
    asked_for_less = request.precision not in (AUTO, "float32")
    work = _Work(request, backbone, dataset, protocol, weights, cache, progress, network, engine)
    try:
        return work.finish(table, host)
    except EngineError as error:
        # Less than float32 is not the same in TensorFlow: nobody asked for that.
        if request.engine != AUTO or engine.name == "tensorflow" or asked_for_less:
            raise
        progress.warn(f"{error.message}; taking tensorflow")
        other = choose_engine(network, "tensorflow", request.precision)
        return replace(work, engine=other).finish(table, host)


@dataclass
class _Work:
    """One run under way."""

    request: RunRequest
    backbone: Offer[BackboneSpec]
    dataset: DatasetSpec
    protocol: ProtocolSpec
    weights: ChosenWeights
    cache: Path
    progress: Progress
    network: Network
    engine: EngineKey
    self_check: dict[str, Any] | None = None
    started: float = field(default_factory=time.monotonic)
    loaded: Engine | None = field(default=None, init=False)
    extraction: Extraction = field(default_factory=Extraction, init=False)
    audited: Audited = field(init=False)

    def finish(self, table: Table, host: PluginHost) -> list[Record]:
        size = self.weights.preprocessing.size
        pixels = PixelStore(self.cache, size, self.progress, self.request.prepare)
        table, skipped = self._look_through(table, pixels)
        self.network, self.engine = calibrate(self.network, self.engine, table.files, pixels)
        self.engine, self.self_check = settle_precision(
            self.network, self.engine, table.files, pixels, self.progress
        )
        version = self.engine.version.partition("/")[0]
        self.progress.say(f"engine {self.engine.name} {version} in {self.engine.precision}")
        features = FeatureStore(self.cache, self._space(), self.progress)
        works = [self._with_seed(self.request.seed + i) for i in range(self.request.repeats)]
        found = {work.request.seed: work._finished(table, skipped) for work in works}
        if all(found.values()):
            return [record for record in found.values() if record is not None]
        due = [work for work in works if found[work.request.seed] is None]
        plans = [plan_seed(table, self.protocol, work.request.seed, self.unit) for work in due]
        self._extract(all_wanted(plans), table, features, pixels)

        def measure(plan: Plan) -> Measured:
            read = partial(self._read_features, table, features)
            return train_and_measure(plan, read, level=self.request.level, method=self.request.ci)

        with closing(in_threads(measure, plans)) as measured:
            for work, result in zip(due, measured, strict=True):
                work.extraction = self.extraction
                saved = work._save(table, skipped, features, result, host)
                found[work.request.seed] = saved
        return [record for record in found.values() if record is not None]

    @property
    def unit(self) -> Unit:
        """What a score is of: what the user wants, else what the data set's labels belong to."""
        return self.request.unit or self.dataset.unit

    def _with_seed(self, seed: int) -> _Work:
        work = replace(self, request=replace(self.request, seed=seed))
        work.audited = self.audited
        return work

    def _finished(self, table: Table, skipped: list[dict[str, str]]) -> Record | None:
        """Return the record of this very run, if it is there and not to be made anew."""
        name = self._name(table, skipped)
        done = None if self.request.force else find_record(self.request.results, name)
        if done is not None:
            self.progress.say(f'run "{name}" is finished already; --force runs it anew')
        return done

    def _save(
        self,
        table: Table,
        skipped: list[dict[str, str]],
        features: FeatureStore,
        measured: Measured,
        host: PluginHost,
    ) -> Record:
        record = self._head(self._name(table, skipped), table, skipped) | measured.statistics
        record["warnings"] = self._warnings(table, skipped) + record["warnings"]
        record["details"] = self._details(table, skipped, features)
        record |= describe_environment()
        record["extraction"] = {
            "images": self.extraction.made,
            "seconds": round(self.extraction.seconds, 3),
            "reading_seconds": round(self.extraction.reading, 3),
        }
        record["seconds"] = round(time.monotonic() - self.started, 3)
        record["memory_mb"] = peak_memory_mb()
        record = finite(record)
        log = [json.dumps(record["details"], sort_keys=True), *record["warnings"]]
        saved = save_record(
            self.request.results, record, measured.predictions, measured.arrays, log
        )
        host.notify(RunFinished(deepcopy(record), saved.folder), self.progress.warn)
        return saved

    def _space(self) -> FeatureSpace:
        steps = order_steps(self.request.prepare)
        return FeatureSpace.of(self.network, self.engine, self.request.cached_as, steps)

    def _look_through(self, table: Table, pixels: PixelStore) -> tuple[Table, list[dict[str, str]]]:
        """Return what of the data is taken, and what can't be read; look at all of it before.

        All that stops a run for its data does so here, before any engine is loaded.
        """
        signatures = SignatureStore(self.cache, self.progress)
        unread = signatures.missing(table.files)
        reading = read_radiographs(table.files, signatures, self.progress, pixels, unread)
        self.extraction += Extraction(seconds=reading.seconds, reading=reading.seconds)
        table, skipped = self._readable(table, reading.unreadable)
        self.audited = audit_run(
            table,
            signatures,
            mode=self.request.audit,
            dataset=self.dataset,
            weights=(self.weights.name, self.weights.seen),
            progress=self.progress,
        )
        return self.audited.table, skipped

    def _readable(
        self, table: Table, unreadable: Mapping[str, UnreadableImageError]
    ) -> tuple[Table, list[dict[str, str]]]:
        """Leave out, or refuse, what could not be read."""
        if not unreadable:
            return table, []
        errors = [
            (r.case, unreadable[digest])
            for r, digest in zip(table.radiographs, table.digests, strict=True)
            if digest in unreadable
        ]
        # A message names the file, whose path may name a patient: it is for the terminal alone.
        skipped = [{"case": case, "reason": error.reason} for case, error in errors]
        for _, error in errors[:_NAMED]:
            self.progress.warn(error.message)
        if not self.request.skip_unreadable or len(skipped) == len(table):
            raise _unreadable_error(skipped, unreadable)
        self.progress.warn(f"{counted(len(skipped), 'unreadable file')} left out")
        return table.without(unreadable), skipped

    def _extract(
        self, wanted: Sequence[Wanted], table: Table, features: FeatureStore, pixels: PixelStore
    ) -> None:
        """Bring all wanted features into the cache, from radiographs that are read first."""
        absent = {digest for digest, _ in features.missing(wanted)}
        signatures = SignatureStore(self.cache, self.progress)
        reading = read_radiographs(table.files, signatures, self.progress, pixels, absent)
        self.extraction += Extraction(seconds=reading.seconds, reading=reading.seconds)
        radiographs = Radiographs(table.files, pixels)
        self.extraction += extract_features(
            wanted, radiographs, features, self._engine, self.progress, self.backbone.spec
        )
        for error in radiographs.unreadable.values():  # a file that was there a moment ago
            raise error

    def _engine(self) -> Engine:
        """Return the engine, loaded at most once."""
        self.loaded = self.loaded or load_engine(self.network, self.engine)
        return self.loaded

    def _read_features(
        self, table: Table, features: FeatureStore, wanted: Sequence[Wanted]
    ) -> np.ndarray[Any, Any]:
        out = features.read(wanted)
        if {digest for digest, _ in wanted} == set(table.digests):
            check_varied(out, self.backbone.spec.name)
        return out

    def _name(self, table: Table, skipped: list[dict[str, str]]) -> str:
        """A name that a person can read, ending in a digest of all that decides the run.

        What decides what the record says of its data belongs to it: the same radiographs may have
        been chosen in another way, or their metadata may tell something else.
        """
        request = self.request
        decides = {
            "tlbench": __version__,
            "space": self._space().digest,
            "data": table.fingerprint,
            "selection": table.selection,
            "said of the data": [*self.audited.warnings(), *table.warnings],
            "skipped": skipped,
            "protocol": describe_protocol(self.protocol),
            "seed": request.seed,
            "level": request.level,
            "ci": request.ci,
        }
        if table.alike or request.audit == "off":
            decides["audit"] = "off" if request.audit == "off" else table.alike
        if self.unit != "image":  # so that runs from before there were units keep their names
            decides["unit"] = self.unit
        digest = sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:8]
        steps = "+".join(order_steps(request.prepare))
        parts = [self.backbone.spec.name, self.weights.name, request.dataset, request.subset]
        parts += [request.cohort, steps, request.protocol, f"s{request.seed}", digest]
        words = "-".join(part for part in parts if part)
        return "".join(c if c.isalnum() or c in "-_." else "_" for c in words)

    def _head(self, name: str, table: Table, skipped: list[Any]) -> dict[str, Any]:
        request = self.request
        return {
            "schema": SCHEMA,
            "run": name,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "tlbench": __version__,
            "backbone": self.backbone.spec.name,
            "weights": self.weights.name,
            "dataset": request.dataset,
            "subset": request.subset,
            "protocol": request.protocol,
            "seed": request.seed,
            "unit": self.unit,
            "synthetic": self.dataset.synthetic,
            "control": self.backbone.spec.control or self.weights.control,
            "radiographs": len(table),
            "positives": int(table.labels.sum()),
            "patients": table.count_patients(),
            "skipped": len(skipped),
            "audit": self.audited.describe(),
        }

    def _engine_failed(self) -> str | None:
        """Why another engine than the first choice ran, where one did."""
        fallen_back = self.request.engine == AUTO and self.engine.name == "tensorflow"
        return failure(self.network, "openvino") if fallen_back else None

    def _warnings(self, table: Table, skipped: list[Any]) -> list[str]:
        lines = [*self.audited.warnings(), *table.warnings]
        if self.dataset.synthetic:
            lines.append("synthetic data: the figures say nothing about patients")
        if not table.has_patients:
            lines.append(
                f"the data set does not name patients: every {_patient_of_its_own(table)} counts "
                "as a patient of its own, so images of one patient may be in training and in the "
                "hold-out"
            )
        if table.copies:
            line = f"{table.copies:,} files are copies of others, byte for byte"
            drawn = not any(table.given)
            lines.append(line + ("; copies are kept together in one partition" if drawn else ""))
        if table.contradictions and self.audited.mode == "off":  # else the audit names them
            lines.append(f"{table.contradictions} images stand in the data set with both labels")
        if skipped:
            lines.append(f"{counted(len(skipped), 'unreadable file')} left out")
        if self.self_check and self.engine.precision == "int8":
            lines.append(describe_int8(self.self_check))
        if self.protocol.warning:
            lines.append(self.protocol.warning)
        return lines

    def _details(self, table: Table, skipped: list[Any], features: FeatureStore) -> dict[str, Any]:
        spec, source = self.backbone.spec, self.backbone.source
        return {
            "backbone": {
                "title": spec.title,
                "version": spec.version,
                "plugin": source.plugin,
                "origin": Path(source.origin).name,
                "plugin_sha256": source.digest,
                "layer": spec.layer,
                "feature_size": spec.feature_size,
                "parameters": spec.parameters,
                "reference": spec.reference,
                "licence": spec.licence,
            },
            "weights": self.weights.describe(),
            "dataset": {
                "title": self.dataset.title,
                "licence": self.dataset.licence,
                "source": self.dataset.source,
                "citation": self.dataset.citation,
                "fingerprint": table.fingerprint,
                "selection": dict(table.selection),
                "skipped": skipped,
            },
            "protocol": describe_protocol(self.protocol),
            "features": asdict(features.space)
            | {
                "digest": features.space.digest,
                "self_check": self.self_check,
                "engine_failed": self._engine_failed(),
            },
        }


def _patient_of_its_own(table: Table) -> str:
    named = all(r.patient is not None or r.study is not None for r in table.radiographs)
    return "study" if named else "image"


def _unreadable_error(
    skipped: list[dict[str, str]], unreadable: Mapping[str, UnreadableImageError]
) -> TlbenchError:
    hint = "mend or remove it, or leave it out with --skip-unreadable"
    if len(skipped) == 1:
        return UnreadableImageError(next(iter(unreadable.values())).message, hint)
    return DataError(
        f"{len(skipped):,} files can't be read: {few([item['case'] for item in skipped])}",
        hint.replace(" it", " them"),
    )
