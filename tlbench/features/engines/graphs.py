"""Graphs that an engine exported, on disk: a later run imports neither TensorFlow nor Keras."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from tlbench.errors import TlbenchError
from tlbench.features.engines.base import Kind, Network, engine_error
from tlbench.features.engines.tensorflow_engine import trace
from tlbench.features.spaces import explain, hold
from tlbench.files import unwritable, write_whole
from tlbench.quiet import quiet_framework

FAILED = "failed.json"

Export = Callable[[Any, Path], None]
"""Writes a traced TensorFlow function, and what belongs to it, under the given path."""


class GraphCache:
    """The exported graphs of one network for one engine, one folder for each kind of pixels."""

    def __init__(self, network: Network, engine: str) -> None:
        self._network = network
        self._engine = engine
        self._explained = network.describe(engine)
        self._folder = network.folder(engine)
        self._model: Any = None

    def find(self, kind: Kind, name: str, export: Export) -> Path:
        """Return the file `name` of the graph for `kind`, exporting it first where need be.

        Of two processes that want it, one exports and the other waits. Raises `EngineError`
        where it can't be exported, which is noted, so that it is not tried again.
        """
        explain(self._folder, self._explained)
        return self._once(kind.name, name, lambda file: self._export(kind, file, export))

    def derive(self, folder: str, name: str, make: Callable[[Path], None]) -> Path:
        """Return the file `name` of a graph made from one that was found, making it where need be.

        A failure is not noted, for the engine can still run the graph it was to be made from.
        """
        return self._once(folder, name, make)

    def fail(self, error: Exception) -> NoReturn:
        """Note that the engine can't run this network, and raise it as an `EngineError`."""
        said = engine_error(self._engine, self._network.spec.name, error)
        self._note(FAILED, {"reason": said.message})
        raise said from error

    def _once(self, folder: str, name: str, make: Callable[[Path], None]) -> Path:
        file = self._folder / folder / name
        if not file.is_file():
            try:
                with hold(self._folder):
                    if not file.is_file():
                        self._make(file, make)
            except OSError as error:
                raise unwritable(self._folder, error) from error
        return file

    def _make(self, file: Path, make: Callable[[Path], None]) -> None:
        part = Path(tempfile.mkdtemp(dir=self._folder, prefix=".writing-"))
        try:
            make(part / file.name)
            shutil.rmtree(file.parent, ignore_errors=True)
            part.rename(file.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _export(self, kind: Kind, file: Path, export: Export) -> None:
        network = self._network
        network.say(f"exporting {network.spec.name} to {self._engine} (once)")
        try:
            with quiet_framework():
                self._model = self._model or network.spec.load(network.weights)
                export(trace(self._model, network.preprocessing, kind), file)
        except (OSError, TlbenchError):  # the plugin's own faults among them
            raise
        except Exception as error:  # whatever a converter raises, it can't convert this network
            self.fail(error)

    def _note(self, name: str, value: dict[str, Any]) -> None:
        text = json.dumps(value, sort_keys=True, indent=1).encode()
        write_whole(self._folder / name, lambda stream: stream.write(text))


def failure(network: Network, engine: str) -> str | None:
    """Return why `engine` could not run `network` earlier; None if it was never found out."""
    file = network.folder(engine) / FAILED
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError, KeyError):
        return None
