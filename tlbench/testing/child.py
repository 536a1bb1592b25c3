"""A fresh process: the same features, no network, memory and speed. Runs itself as a script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.features.engines.base import BATCH, Features
from tlbench.quiet import quiet_framework
from tlbench.testing.report import Check, failed, passed, skipped, warned
from tlbench.testing.subject import TOLERANCE, Case, Subject, difference

LONGEST = 600
MUCH = 8e9
_NAMES = ("same in a fresh process", "offline", "memory", "speed")
_LOCAL = ("127.0.0.1", "localhost", "::1")


def check_fresh(case: Case, features: Features) -> Iterator[Check]:
    """Check what only a process of its own can tell."""
    if case.name is None:
        for name in _NAMES:
            yield skipped(name, "a fresh process finds backbones by name only: none was given")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "features.npy"
        done = _start(case, file)
        if isinstance(done, str) or done.returncode:
            reason = done if isinstance(done, str) else _reason(done.stderr)
            todo = "try it: `tlbench run --offline` in a new shell"
            yield failed(_NAMES[0], reason, todo)
            return
        found = json.loads(done.stdout.splitlines()[-1])
        worst = float(difference(features, np.load(file)).max())
    seen = f"largest difference {worst:.1g}"
    todo = "depend on nothing that another process has: hash(), time, threads"
    yield passed(_NAMES[0], seen) if worst <= TOLERANCE else failed(_NAMES[0], seen, todo)
    yield _offline(found["reached"])
    seen = f"{found['grown'] / 1e9:.2f} GB more than before loading, at its highest"
    if found["grown"] > MUCH:
        yield warned("memory", seen, "many laptops have less; load one copy of the weights only")
    else:
        yield passed("memory", seen)
    yield passed("speed", f"{found['rate']:,.0f} images/s in batches of {found['batch']}")


def _offline(reached: list[str]) -> Check:
    if not reached:
        return passed("offline", "loads from its cache, nothing reached for")
    todo = "fetch in `obtain` only, and not with `request.offline`; never in `load`"
    return failed("offline", f"tried to reach {', '.join(reached)}", todo)


def _start(case: Case, file: Path) -> subprocess.CompletedProcess[str] | str:
    wish = {
        "name": case.name,
        "weights": case.weights.name,
        "file": str(case.weights.file) if case.weights.file else None,
        "plugins": [str(Path(plugin).resolve()) for plugin in case.plugins],
        "cache": str(case.cache),
        "features": str(file),
    }
    paths = [path for path in sys.path if path]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "tlbench.testing.child", json.dumps(wish)]
    try:
        return subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return f"no end after {LONGEST} s"


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it ended without a word"


def examine(wish: dict[str, Any]) -> dict[str, Any]:
    """Load and run a backbone without a network; save its features and return figures."""
    from tlbench.backbones import find_backbone
    from tlbench.plugins import load_plugins
    from tlbench.progress import Progress
    from tlbench.weights import choose_weights

    spec = find_backbone(load_plugins([Path(p) for p in wish["plugins"]]), wish["name"]).spec
    cache = Path(wish["cache"])
    reached = _block_network()
    declared = {weights.name for weights in spec.weights} | {"none"}
    choice = wish["weights"] if wish["weights"] in declared else wish["file"]
    chosen = choose_weights(spec, choice, cache, offline=True, progress=Progress())
    if spec.framework == "keras":
        with quiet_framework():
            import tensorflow  # noqa: F401
    before = _peak()
    subject = Subject(Case(spec, chosen, cache))
    features = subject.features(subject.case.images())
    np.save(wish["features"], features)
    whole = subject.case.preprocessing.size is None
    images = subject.case.images(BATCH)
    batch = np.stack(images[:1] if whole else images)
    subject.call(batch)  # the first call of a kind builds a graph
    began, made = time.perf_counter(), 0
    while made < len(batch) or (time.perf_counter() - began < 0.5 and made < 10_000):
        subject.call(batch)
        made += len(batch)
    rate = made / (time.perf_counter() - began)
    return {"reached": reached, "grown": _peak() - before, "rate": rate, "batch": len(batch)}


def _block_network() -> list[str]:
    """Refuse all connections that leave this machine; return the list of those tried."""
    reached: list[str] = []

    def watch(event: str, values: tuple[Any, ...]) -> None:
        host = ""
        if event == "socket.connect" and isinstance(values[1], tuple):
            host = str(values[1][0])
        elif event == "socket.getaddrinfo":
            host = str(values[0])
        if host and host not in _LOCAL:
            reached.append(host)
            raise OSError(f"this check has no network: {host}")

    sys.addaudithook(watch)
    return reached


def _peak() -> int:
    """The most memory this process has had, in bytes."""
    # Linux hands the parent's `ru_maxrss` on to its children.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # which Windows has not

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a plugin prints goes elsewhere
    os.write(out, (json.dumps(examine(json.loads(sys.argv[1]))) + "\n").encode())
