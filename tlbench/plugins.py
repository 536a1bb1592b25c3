"""The plugin host: finds plugins, asks each what it offers, and contains the broken ones."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from tlbench import hookspecs
from tlbench.containment import contain, reason_of, sheltered
from tlbench.errors import InterruptedRunError, PluginError
from tlbench.registry import Registry, Source
from tlbench.specs import BackboneFamily, BackboneSpec, DatasetSpec, ProtocolSpec, RunFinished

GROUP = "tlbench"


@dataclass(frozen=True)
class Plugin:
    """A plugin as it was found: `problem` is None, or the one-line reason it is left out.

    `error` is the exception behind it.
    """

    source: Source
    offers: tuple[str, ...] = ()
    problem: str | None = None
    error: BaseException | None = field(default=None, compare=False)


class PluginHost:
    """All plugins, and the backbones, data sets and protocols they offer."""

    def __init__(self) -> None:
        lost: list[str] = []
        self.backbones: Registry[BackboneSpec] = Registry("backbone", "backbones", lost)
        self.families: Registry[BackboneFamily] = Registry("backbone family", "backbones", lost)
        self.datasets: Registry[DatasetSpec] = Registry("data set", "datasets", lost)
        self.protocols: Registry[ProtocolSpec] = Registry("protocol", "protocols", lost)
        self._lost = lost
        self.plugins: list[Plugin] = []
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)

    @property
    def problems(self) -> list[Plugin]:
        """The plugins that were left out."""
        return [plugin for plugin in self.plugins if plugin.problem]

    def admit(self, source: Source, load: Callable[[], Any]) -> None:
        """Load one plugin and take what it offers; if anything fails, take nothing of it."""
        name = f"{source.plugin} ({source.origin})"
        try:
            with sheltered():
                module = load()
                # Two packages may call their plugin alike; where each comes from tells them apart.
                self._manager.register(module, name=name)
                self._manager.check_pending()
                offers = self._ask(module, source)
        except (KeyboardInterrupt, InterruptedRunError):
            raise
        except BaseException as error:
            # pluggy 1.6 leaves a plugin with a misspelt hook half registered.
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            self.plugins.append(Plugin(source, problem=reason_of(error), error=error))
            self._lost.append(source.plugin)
            return
        self.plugins.append(Plugin(source, offers=offers))

    def _ask(self, module: Any, source: Source) -> tuple[str, ...]:
        """Ask one plugin for its specs; check all of them before taking any."""
        others = [p for p in self._manager.get_plugins() if p is not module]
        kinds: tuple[tuple[str, type, Registry[Any]], ...] = (
            ("tlbench_register_backbones", BackboneSpec, self.backbones),
            ("tlbench_register_families", BackboneFamily, self.families),
            ("tlbench_register_datasets", DatasetSpec, self.datasets),
            ("tlbench_register_protocols", ProtocolSpec, self.protocols),
        )
        taken: list[tuple[Registry[Any], list[Any]]] = []
        for hook, kind, registry in kinds:
            caller = self._manager.subset_hook_caller(hook, remove_plugins=others)
            answers = caller()
            specs = [contain(s, source) for a in answers for s in _specs(a, hook, kind)]
            registry.check(specs, source)
            taken.append((registry, specs))
        for registry, specs in taken:
            for spec in specs:
                registry.add(spec, source)
        return tuple(f"{registry.kind} {spec.name}" for registry, specs in taken for spec in specs)

    def notify(self, event: RunFinished, warn: Callable[[str], None]) -> None:
        """Tell every observer that a run has finished; a failing one costs a warning only."""
        everyone = self._manager.get_plugins()
        for observer in everyone:
            caller = self._manager.subset_hook_caller(
                "tlbench_run_finished", remove_plugins=[p for p in everyone if p is not observer]
            )
            try:
                with sheltered():
                    caller(event=event)
            except (KeyboardInterrupt, InterruptedRunError):
                raise
            except BaseException as error:
                name = self._manager.get_name(observer)
                warn(f'plugin "{name}" failed after the run: {reason_of(error)}')


def load_plugins(files: Sequence[Path] = (), *, strict: bool = False) -> PluginHost:
    """Return a host with all entry points of group `tlbench`, then the given files, in order.

    Never looks for plugins in the current folder. Plugins named in `TLBENCH_BLOCK_PLUGINS`
    (separated by commas) are left out. A broken plugin is kept with its reason; with `strict`,
    and for a file the user named, it is a `PluginError`.
    """
    host = PluginHost()
    blocked = {n.strip() for n in os.environ.get("TLBENCH_BLOCK_PLUGINS", "").split(",")}
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=_entry_order):
        if entry.name not in blocked:
            with _interruptible(entry):
                host.admit(_entry_source(entry), entry.load)
    for file in dict.fromkeys(files):
        source = _file_source(file)
        host.admit(source, _file_loader(file))
        problem = host.plugins[-1].problem
        if problem:
            raise PluginError(
                f'plugin "{file}" can\'t be used: {problem}', "mend the file, or leave out --plugin"
            ) from host.plugins[-1].error
    if strict and host.problems:
        first = host.problems[0]
        raise PluginError(
            f'plugin "{first.source.plugin}" ({first.source.origin}) can\'t be used: '
            f"{first.problem}",
            "mend or uninstall it, or leave out --strict-plugins",
        ) from first.error
    return host


def _entry_order(entry: importlib.metadata.EntryPoint) -> tuple[bool, str, str]:
    # tlbench's own come first, so that a clash is blamed on the newcomer.
    dist = (entry.dist.name if entry.dist else "") or ""
    return (dist != "tlbench", dist, entry.name)


@contextmanager
def _interruptible(entry: importlib.metadata.EntryPoint) -> Iterator[None]:
    """Say whose plugin it was that the user lost patience with: it may never come to an end."""
    try:
        yield
    except InterruptedRunError as error:
        raise InterruptedRunError(
            f'while plugin "{entry.name}" was being loaded; TLBENCH_BLOCK_PLUGINS={entry.name} '
            "leaves it out"
        ) from error


def _entry_source(entry: importlib.metadata.EntryPoint) -> Source:
    origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "entry point"
    return Source(entry.name, origin, _module_digest(entry))


def _module_digest(entry: importlib.metadata.EntryPoint) -> str:
    """SHA-256 of a plugin's Python sources; empty if there are none."""
    try:
        with sheltered():
            # Of `package.plugin` this imports `package`, which may do anything.
            found = importlib.util.find_spec(entry.module)
    except (KeyboardInterrupt, InterruptedRunError):
        raise
    except BaseException:  # loading it will fail the same way, and be reported
        return ""
    if found is None or not found.origin:
        return ""
    origin = Path(found.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    return source_digest(files)


def source_digest(files: Iterable[Path]) -> str:
    """Return the SHA-256 over names and contents of `files`, as hexadecimal digits."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _file_source(file: Path) -> Source:
    if not file.is_file():
        raise PluginError(f'plugin file "{file}" does not exist', "give the path of a Python file")
    return Source(file.stem, str(file), source_digest([file]))


def _file_loader(file: Path) -> Callable[[], ModuleType]:
    def load() -> ModuleType:
        # A prefix keeps a plugin called `numpy.py` from standing in for the real one.
        name = f"tlbench_plugin_file_{file.stem}"
        found = importlib.util.spec_from_file_location(name, file)
        if found is None or found.loader is None:
            raise PluginError("it is not a Python file", "its name must end in .py")
        module = importlib.util.module_from_spec(found)
        sys.modules[name] = module  # dataclasses look their module up by name
        try:
            found.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return load


def _specs(answer: Any, hook: str, kind: type) -> list[Any]:
    if isinstance(answer, (str, bytes)) or not isinstance(answer, Iterable):
        raise PluginError(
            f"{hook} returned {type(answer).__name__} instead of a list of {kind.__name__}"
        )
    specs = list(answer)
    for spec in specs:
        if not isinstance(spec, kind):
            raise PluginError(
                f"{hook} returned a list with {type(spec).__name__} instead of {kind.__name__}"
            )
    return specs
