"""Does loading and extracting leave the process as it was: random state, settings, stdout?"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import random
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.quiet import quiet_framework
from tlbench.testing.report import Check, failed, passed
from tlbench.testing.subject import Subject

_SEEDING = "draw from a generator of your own, np.random.default_rng(seed), not the global one"


class Watch:
    """Notes what loading and extracting did to the process."""

    def __init__(self, *, keras: bool) -> None:
        self._keras = keras
        self._text = ""
        self._before: dict[str, Any] = {}
        self._after: dict[str, Any] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Compare before and after, and put random state and settings back."""
        if self._keras:
            with quiet_framework():  # importing them sets what it sets, whoever does it
                import keras  # noqa: F401
                import tensorflow  # noqa: F401
        states = random.getstate(), np.random.get_state()
        self._before = _settings() | _streams(keras=self._keras)
        with _stdout_aside() as text:
            try:
                yield
            finally:
                self._after = _settings() | _streams(keras=self._keras)
                self._text = text()
                random.setstate(states[0])
                np.random.set_state(states[1])

    def checks(self) -> Iterator[Check]:
        """Yield what was found."""
        changed = [k for k, v in self._before.items() if self._after.get(k, v) != v]
        drawn = [name for name in changed if name.startswith("random state")]
        other = [name for name in changed if name not in drawn]
        name = "random state"
        if drawn:
            yield failed(name, f"changed: {', '.join(drawn)}", _SEEDING)
        else:
            kept = "numpy and tensorflow" if self._keras else "random and numpy"
            yield passed(name, f"that of {kept} is as before")
        if other:
            yield failed("global settings", f"changed: {', '.join(other)}", "put them back")
        else:
            yield passed("global settings", f"all {len(self._before) - 2} watched are as before")
        if self._text:
            line = self._text.strip().splitlines()[0][:60] if self._text.strip() else ""
            todo = "write to stderr, or keep silent: stdout belongs to the user's data"
            yield failed("nothing on stdout", f'"{line}"', todo)
        else:
            yield passed("nothing on stdout", "nothing")


def check_frozen(subject: Subject, before: str) -> Check:
    """Check that a Keras model has nothing to train and that extracting changed no weight."""
    name = "frozen"
    free = len(subject.model.trainable_weights)
    if free:
        return failed(name, f"{free} trainable weights", "set `model.trainable = False` in `load`")
    if weights_digest(subject.model) != before:
        todo = "leave weights alone in `call`, batch statistics too"
        return failed(name, "weights changed while features were extracted", todo)
    return passed(name, f"{len(subject.model.weights)} weights, none trainable, none changed")


def weights_digest(model: Any) -> str:
    """Return the SHA-256 of all weights of a Keras model."""
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


def _streams(*, keras: bool) -> dict[str, Any]:
    """The state of global generators; Keras itself draws from Python's for every layer it makes."""
    found = {"random state of numpy": repr(np.random.get_state())}
    if not keras:
        found["random state of random"] = repr(random.getstate())
        return found
    from tensorflow.python.eager import context  # nothing public tells the global seed

    return found | {"random state of tensorflow": context.global_seed()}


def _settings() -> dict[str, Any]:
    found: dict[str, Any] = {
        "current folder": str(Path.cwd()),
        "numpy's error handling": tuple(np.geterr().items()),
        "numpy's print options": repr(np.get_printoptions()),
        "time limit of sockets": socket.getdefaulttimeout(),
        "level of the root logger": logging.getLogger().level,
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }
    keras = sys.modules.get("keras")
    if keras is not None:
        config = keras.config
        found |= {
            "Keras's image_data_format": config.image_data_format(),
            "Keras's dtype policy": config.dtype_policy().name,
            "Keras's floatx": config.floatx(),
            "Keras's epsilon": config.epsilon(),
        }
    return found


@contextmanager
def _stdout_aside() -> Iterator[Any]:
    """Catch what is written to `sys.stdout`, and past it to the file descriptor."""
    sys.stdout.flush()
    keep = os.dup(1)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 1)
        caught = io.StringIO()

        def text() -> str:
            aside.seek(0)
            return caught.getvalue() + aside.read().decode(errors="replace")

        try:
            with redirect_stdout(caught):
                yield text
        finally:
            os.dup2(keep, 1)
            os.close(keep)
