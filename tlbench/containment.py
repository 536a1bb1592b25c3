"""Calls into plugins: whatever goes wrong there becomes one line that says whose it is.

Only calls into plugins are wrapped, so that tlbench's own bugs keep their tracebacks.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from tlbench.errors import InterruptedRunError, PluginError, TlbenchError
from tlbench.quiet import stdout_aside
from tlbench.registry import Source
from tlbench.specs import (
    BackboneFamily,
    BackboneSpec,
    DatasetSpec,
    ProtocolSpec,
    TopLayer,
    WeightsSpec,
)

TRACEBACK = "TLBENCH_TRACEBACK"
HINT = f"its author can mend it: {TRACEBACK}=1 shows the traceback"
_LONGEST = 300
"""So many characters of an exception's text are shown; some hold whole arrays."""


@contextmanager
def plugin_at_work(source: Source, what: str) -> Iterator[None]:
    """Shelter a call into a plugin; what it raises becomes a `PluginError` that names the plugin.

    `what` says where, such as "`load`". What is meant for the user (`TlbenchError`) and Ctrl-C
    pass. The plugin's own exception is the cause of the error.
    """
    try:
        with sheltered():
            yield
    except (TlbenchError, InterruptedRunError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(
            f'plugin "{source.plugin}" ({source.origin}) failed in {what}: '
            f"{reason_of(error)}{_place(error)}",
            HINT,
        ) from error


@contextmanager
def sheltered() -> Iterator[None]:
    """Keep a plugin's hands off stdout, global random state, the current folder and the process."""
    with ExitStack() as stack:
        for keep in (stdout_aside, _same_random_state, _same_folder, _no_way_out):
            stack.enter_context(keep())
        yield


def reason_of(error: BaseException) -> str:
    """Return what an exception says, in one line."""
    if isinstance(error, TlbenchError):
        return error.message
    text = " ".join(str(error).split())
    if len(text) > _LONGEST:
        # Frameworks put whole tracebacks into a text, and what went wrong at its end.
        text = f"{text[: _LONGEST // 3]} ... {text[-_LONGEST * 2 // 3 :]}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: BaseException) -> str:
    """The file and line of the plugin at which the exception passed, as far as that is known."""
    import traceback

    frames = list(traceback.extract_tb(error.__traceback__))
    ours = [i for i, frame in enumerate(frames) if frame.filename == __file__]
    frames = frames[ours[-1] + 1 :] if ours else frames
    if not frames:
        return ""
    # Deeper frames may lie in libraries, which are rarely to blame.
    home = Path(frames[0].filename).parent
    last = [frame for frame in frames if Path(frame.filename).parent == home][-1]
    return f" ({Path(last.filename).name}, line {last.lineno})"


@contextmanager
def _same_random_state() -> Iterator[None]:
    python = random.getstate()
    # Where NumPy's generators were never imported, there is no state of the user's to keep.
    numpy = sys.modules.get("numpy.random")
    bits = numpy.get_bit_generator() if numpy else None
    state = bits.state if bits else None
    try:
        yield
    finally:
        random.setstate(python)
        if numpy and bits:
            numpy.set_bit_generator(bits)
            bits.state = state
        elif "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()


@contextmanager
def _same_folder() -> Iterator[None]:
    before = None
    with suppress(OSError):  # somebody may have removed it
        before = Path.cwd()
    try:
        yield
    finally:
        if before:
            os.chdir(before)


@contextmanager
def _no_way_out() -> Iterator[None]:
    """Make `os._exit` an exception: it would end the process without a word."""
    leave, process = os._exit, os.getpid()

    def stay(status: int) -> Any:
        if os.getpid() != process:  # a process that the plugin forked may well end this way
            leave(status)
        raise SystemExit(f"os._exit({status})")

    os._exit = stay
    try:
        yield
    finally:
        os._exit = leave


def contain(spec: Any, source: Source) -> Any:
    """Return `spec` with everything in it that calls the plugin contained."""
    if isinstance(spec, BackboneSpec):
        return contain_backbone(spec, source)
    if isinstance(spec, BackboneFamily):
        return replace(spec, make=_making(spec, source))
    if isinstance(spec, DatasetSpec):
        return replace(spec, read=_reading(spec, source))
    if isinstance(spec, ProtocolSpec):
        return replace(spec, train=_training(spec, source))
    return spec


def contain_backbone(spec: BackboneSpec, source: Source) -> BackboneSpec:
    """Return the backbone with its `load`, what that returns, and its weights contained."""
    weights = tuple(_contain_weights(spec.name, each, source) for each in spec.weights)
    return replace(spec, load=_loading(spec, source), weights=weights)


def _loading(spec: BackboneSpec, source: Source) -> Callable[[Path | None], Any]:
    @wraps(spec.load)
    def load(file: Path | None) -> Any:
        with plugin_at_work(source, f'`load` of backbone "{spec.name}"'):
            made = spec.load(file)
        if not callable(made):
            wanted = "a function" if spec.framework == "python" else "a keras.Model"
            raise _broken(source, f'`load` of backbone "{spec.name}"', made, wanted)
        if spec.framework == "keras":
            return made
        return _contained(made, source, f'backbone "{spec.name}"')

    return load


def _contain_weights(backbone: str, weights: WeightsSpec, source: Source) -> WeightsSpec:
    words = f'weights "{weights.name}" of backbone "{backbone}"'

    def obtain(request: Any) -> Path:
        with plugin_at_work(source, f"`obtain` of {words}"):
            file = weights.obtain(request)
        return _existing(file, source, f"`obtain` of {words}")

    def find(request: Any) -> Path | None:
        with plugin_at_work(source, f"`find` of {words}"):
            file = weights.find(request)
        return None if file is None else _existing(file, source, f"`find` of {words}")

    return replace(weights, obtain=obtain, find=find)


def _existing(file: Any, source: Source, what: str) -> Path:
    if not isinstance(file, (str, os.PathLike)):
        raise _broken(source, what, file, "the path of a file")
    path = Path(file)
    if not path.is_file():
        raise PluginError(
            f'plugin "{source.plugin}" ({source.origin}): {what} returned "{path}", which is no '
            "file",
            "its author can mend it",
        )
    return path


def _making(family: BackboneFamily, source: Source) -> Callable[[str], Any]:
    @wraps(family.make)
    def make(argument: str) -> Any:
        with plugin_at_work(source, f'backbone family "{family.name}"'):
            made = family.make(argument)
            return contain_backbone(made, source) if isinstance(made, BackboneSpec) else made

    return make


def _reading(dataset: DatasetSpec, source: Source) -> Callable[[Any], Any]:
    @wraps(dataset.read)
    def read(request: Any) -> Any:
        with plugin_at_work(source, f'the reader of data set "{dataset.name}"'):
            rows = dataset.read(request)
            # A generator would raise only later, where nobody knows whose it is.
            return list(rows) if isinstance(rows, Iterator) else rows

    return read


def _training(protocol: ProtocolSpec, source: Source) -> Callable[[Any], Any]:
    @wraps(protocol.train)
    def train(data: Any) -> Any:
        with plugin_at_work(source, f'`train` of protocol "{protocol.name}"'):
            layer = protocol.train(data)
        if not isinstance(layer, TopLayer):
            return layer
        score = _contained(layer.score, source, f'`score` of protocol "{protocol.name}"')
        return replace(layer, score=score)

    return train


def _contained(function: Callable[..., Any], source: Source, what: str) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        with plugin_at_work(source, what):
            return function(*args)

    return call


def _broken(source: Source, what: str, found: Any, wanted: str) -> PluginError:
    return PluginError(
        f'plugin "{source.plugin}" ({source.origin}): {what} returned {type(found).__name__} '
        f"instead of {wanted}",
        "see plugins/README.md",
    )
