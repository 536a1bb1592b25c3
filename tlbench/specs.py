"""What plugins return: frozen descriptions whose heavy parts load lazily.

This module imports neither numpy nor any framework, so that listing what exists is free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tlbench.fields import (
    check_count,
    check_functions,
    check_mapping,
    check_name,
    check_numbers,
    check_texts,
    check_words,
    is_size,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Extract = Callable[[NDArray[np.uint8] | NDArray[np.uint16]], NDArray[np.float32]]


def _silent(_line: str) -> None:
    return None


@dataclass(frozen=True)
class Preprocessing:
    """How pixels become a network's input; it belongs to the backbone, never to the user.

    `size` is (rows, columns) in pixels; None hands over whole radiographs, one a call, and is for
    `framework="python"` alone. A pixel at fraction t of full white becomes
    `(low + t * (high - low) - mean) / std`, per channel in the order of `channels`;
    grey radiographs are repeated over the three channels.
    """

    size: tuple[int, int] | None
    scale: tuple[float, float] = (0.0, 1.0)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channels: Literal["rgb", "bgr"] = "rgb"

    def __post_init__(self) -> None:
        check_numbers(self, 2, "scale")
        check_numbers(self, 3, "mean", "std")
        if self.size is not None and not is_size(self.size):
            raise ValueError(f"size is {self.size!r}, not (rows, columns) in pixels")
        if self.channels not in ("rgb", "bgr"):
            raise ValueError(f'channels is {self.channels!r}, neither "rgb" nor "bgr"')


@dataclass(frozen=True)
class WeightsRequest:
    """What a plugin may use to bring weights to disk: a folder of its own and the user's wishes."""

    folder: Path
    offline: bool = False
    say: Callable[[str], None] = _silent


@dataclass(frozen=True)
class WeightsSpec:
    """A named set of parameters of a backbone.

    `obtain` returns the file, bringing it to disk first where that is needed, or raises
    `WeightsError` within seconds; with `request.offline` it never touches the network.
    `find` returns the file if it is on disk already. `checksum` is the published one of what is
    downloaded (algorithm first); the record also holds the SHA-256 of the file that was used.
    `seen` names data sets that the weights were trained on, as tlbench names them, or gives the
    SHA-256 of image files: a run on these is a leak.
    """

    name: str
    title: str
    trained_on: str
    licence: str
    obtain: Callable[[WeightsRequest], Path]
    find: Callable[[WeightsRequest], Path | None]
    size: int | None = None
    checksum: str | None = None
    source: str | None = None
    preprocessing: Preprocessing | None = None
    control: bool = False
    seen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name, "set of weights")
        check_texts(self, "title", "trained_on", "licence")
        check_words(self, "seen")
        check_functions(self, "obtain", "find")
        if not isinstance(self.preprocessing, (Preprocessing, type(None))):
            raise TypeError(f"preprocessing is {self.preprocessing!r}, not a Preprocessing")
        if self.size is not None:
            check_count(self.size, "size")


@dataclass(frozen=True)
class BackboneSpec:
    """A frozen network that turns an image into a vector of features.

    With `framework="keras"`, `load(file)` returns a `keras.Model` from float images, already
    scaled as `preprocessing` says, of shape (n, rows, columns, 3) to features (n, feature_size);
    tlbench scales, batches and runs it. With `framework="python"`, `load(file)` returns a
    function from pixels, uint8 or uint16 of shape (n, rows, columns) or (n, rows, columns, 3),
    to float32 features (n, feature_size), and scales them itself. `file` is the weights file, or
    None for a backbone without weights. `version` is raised by the author when features change.

    `layers` names earlier layers of a Keras model whose average-pooled output may serve as
    features instead, and how many features that makes (see `tlbench.backbones`). `packages` are
    the distributions it needs that are not among tlbench's own, `install` the command that
    installs them.
    """

    name: str
    title: str
    feature_size: int
    preprocessing: Preprocessing
    load: Callable[[Path | None], Any]
    framework: Literal["keras", "python"] = "python"
    weights: tuple[WeightsSpec, ...] = ()
    parameters: int | None = None
    reference: str = ""
    licence: str = ""
    version: str = "1"
    control: bool = False
    layers: Mapping[str, int] = field(default_factory=dict)
    layer: str | None = None
    packages: tuple[str, ...] = ()
    install: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "backbone")
        check_texts(self, "title", "reference", "licence", "version", "install")
        check_words(self, "packages")
        check_mapping(self.layers, "layers")
        check_count(self.feature_size, "feature_size")
        for layer, size in self.layers.items():
            check_name(layer, "layer")
            check_count(size, f'the size of layer "{layer}"')
        if self.parameters:
            check_count(self.parameters, "parameters")
        if not isinstance(self.preprocessing, Preprocessing):
            raise TypeError(f"preprocessing is {self.preprocessing!r}, not a Preprocessing")
        if self.framework not in ("keras", "python"):
            raise ValueError(f'framework is {self.framework!r}, neither "keras" nor "python"')
        if self.preprocessing.size is None and self.framework != "python":
            raise ValueError('size is None, which only framework="python" can deal with')
        check_functions(self, "load")
        if not isinstance(self.weights, (tuple, list)) or not all(
            isinstance(weights, WeightsSpec) for weights in self.weights
        ):
            raise TypeError("weights are something else than a tuple of WeightsSpec")


@dataclass(frozen=True)
class BackboneFamily:
    """Backbones that no list can hold: a user writes NAME:ARGUMENT, say a model's name or a file.

    `make(argument)` returns the backbone, whose own name should be NAME:SOMETHING without any
    path in it; it raises a `TlbenchError` where there is no such backbone. `argument` is the word
    for what comes after the colon. `packages` and `install` are those of `BackboneSpec`.
    """

    name: str
    title: str
    argument: str
    make: Callable[[str], BackboneSpec]
    packages: tuple[str, ...] = ()
    install: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "backbone family")
        if ":" in self.name:
            raise ValueError(f'the name of a backbone family is {self.name!r}, which holds a ":"')
        check_texts(self, "title", "argument", "install")
        check_words(self, "packages")
        check_functions(self, "make")


Unit = Literal["image", "study", "patient"]
"""What a score, and so each statistic, is of: scores of the images of one unit are averaged."""
UNIT_WORDS: Mapping[str, str] = {"image": "radiographs", "study": "studies", "patient": "patients"}
"""What several of a unit are called."""


@dataclass(frozen=True)
class Radiograph:
    """One image of a data set: where it lies, its label (1 = fracture) and its patient.

    `case` names it within the data set and may stand in results; `patient` and `study`, None where
    the data set has none, never do. `partition` is the one the data set puts it in ("train",
    "validation", "test" or "hold-out"), None where it leaves that to tlbench. `metadata` has the
    words "view", "laterality", "age" and "sex" where these are known, and whatever else the data
    set says.
    """

    case: str
    path: Path
    label: int
    patient: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    study: str | None = None
    partition: str | None = None


@dataclass(frozen=True, kw_only=True)
class DataChoice:
    """Which radiographs a user wants: a data set, where it lies, and what of it.

    `where` is a condition on metadata, `without` names exclusions that the data set offers,
    `cohort` one of its cohorts, `exclude` a file that lists cases to leave out; `manifest` is a
    table of radiographs or labels and `columns` says what its columns are.
    """

    dataset: str = "demo"
    subset: str | None = None
    data_root: Path | None = None
    positive: str | None = None
    manifest: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    without: tuple[str, ...] = ()
    cohort: str | None = None
    exclude: Path | None = None


@dataclass(frozen=True)
class DatasetRequest:
    """What a reader gets: the user's folder and choices, and a folder for what it generates.

    What `warn` hears stands among the warnings of every record made of this data set. With
    `lenient`, radiographs whose files are missing are left out, or returned, instead of refused.
    """

    folder: Path
    root: Path | None = None
    subset: str | None = None
    positive: str | None = None
    say: Callable[[str], None] = _silent
    track: Callable[[Iterable[Any], str, int], Iterable[Any]] = lambda items, _what, _total: items
    warn: Callable[[str], None] = _silent
    labels_of: Callable[[Unit], None] = _silent
    manifest: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    lenient: bool = False


@dataclass(frozen=True)
class CohortRule:
    """So many radiographs of each label, drawn by whole patients from `seed`.

    `where` is the condition on metadata that all of them meet.
    """

    positives: int
    negatives: int
    title: str
    where: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_count(self.positives, "positives")
        check_count(self.negatives, "negatives")
        check_texts(self, "title")


@dataclass(frozen=True)
class DatasetSpec:
    """A data set, or a layout that many data sets have, and how it is read.

    `label` says how a label comes about, `group` what names a patient, `known_issues` what a user
    should know; `unit` is what a label belongs to. `exclusions` names conditions on metadata that
    a user may leave out, `cohorts` selections that a user may draw. `reveals_label` are metadata
    that no model and no control may see. With `partial`, a reader may return radiographs whose
    images are not on disk: those are left out with one warning, and a cohort is drawn from all.
    """

    name: str
    title: str
    read: Callable[[DatasetRequest], list[Radiograph]]
    layout: str
    licence: str = ""
    source: str = ""
    citation: str = ""
    subsets: tuple[str, ...] = ()
    needs_root: bool = True
    synthetic: bool = False
    unit: Unit = "image"
    exclusions: Mapping[str, str] = field(default_factory=dict)
    cohorts: Mapping[str, CohortRule] = field(default_factory=dict)
    reveals_label: tuple[str, ...] = ()
    partial: bool = False
    label: str = ""
    group: str = ""
    known_issues: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name, "data set")
        check_texts(self, "title", "layout", "licence", "source", "citation", "label", "group")
        check_words(self, "subsets", "reveals_label", "known_issues")
        check_mapping(self.exclusions, "exclusions", str)
        check_mapping(self.cohorts, "cohorts", CohortRule)
        check_functions(self, "read")
        if self.unit not in ("image", "study", "patient"):
            raise ValueError(f'unit is {self.unit!r}, not "image", "study" or "patient"')


@dataclass(frozen=True)
class HoldoutRule:
    """The final test set: `per_class` images of each label, at most `largest_share` of the set.

    Where the data set is smaller, the largest balanced hold-out within the share is taken.
    It is drawn from `seed`, not from the run's seed, so that runs of all seeds share it.
    """

    per_class: int = 50
    largest_share: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class ProtocolSpec:
    """Everything between data set and score: named, frozen, stored whole in each record.

    `training_views` names the views of a training radiograph (see `tlbench.augment`).
    `split` holds the shares of train, validation and test. `train` fits the top layer.
    """

    name: str
    title: str
    steps: tuple[str, ...]
    train: Callable[[TrainingData], TopLayer]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    holdout: HoldoutRule = HoldoutRule()
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    training_views: tuple[str, ...] = ("as is",)
    split_views: bool = False
    reference: str = ""
    warning: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "protocol")
        check_texts(self, "title", "reference")
        check_words(self, "steps", "training_views")
        check_mapping(self.parameters, "parameters")
        check_numbers(self, 3, "split")
        check_functions(self, "train")
        if not isinstance(self.holdout, HoldoutRule):
            raise TypeError(f"holdout is {self.holdout!r}, not a HoldoutRule")
        if not self.training_views:
            raise ValueError('training_views is empty: "as is" is the radiograph itself')


@dataclass(frozen=True)
class TrainingData:
    """What a protocol may see: the features of the training and validation partitions.

    `train` (n, d) and `validation` (m, d) are float32; labels are 0 or 1; groups name patients.
    `seed` is the run's seed, from which the protocol derives its streams by name. Units are
    numbers (n,) and (m,) of studies or patients where scores are averaged over these; else each
    row is a unit of its own. A unit's label is 1 if any of its rows has label 1.
    """

    train: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    train_groups: NDArray[np.int64]
    validation: NDArray[np.float32]
    validation_labels: NDArray[np.int64]
    validation_groups: NDArray[np.int64]
    seed: int
    parameters: Mapping[str, Any]
    rows: NDArray[np.int64]
    """For each training row, the radiograph it comes from: views of one share a number."""
    train_units: NDArray[np.int64]
    validation_units: NDArray[np.int64]


@dataclass(frozen=True)
class TopLayer:
    """A trained top layer, and the scores on which its cut-off may be chosen.

    `score` maps features (n, d) to scores (n,), float64. `arrays` is what `top_layer.npz` keeps.
    `cutoff_units` (k,) are the units of the k scores the cut-off may be chosen on, as
    `TrainingData` numbers them: tlbench averages these scores over units. None says that each
    score is a unit of its own, which is refused where scores are of studies or patients.
    """

    score: Callable[[NDArray[np.float32]], NDArray[np.float64]]
    cutoff_labels: NDArray[np.int64]
    cutoff_scores: NDArray[np.float64]
    cutoff_chosen_on: str
    arrays: Mapping[str, NDArray[Any]]
    history: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    cutoff_units: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class RunFinished:
    """What an observer gets when a run has ended: the record and where it lies."""

    record: Mapping[str, Any]
    folder: Path
