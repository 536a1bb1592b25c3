"""Checks of what a backbone declares about itself and its weights."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from tlbench.testing.report import Check, failed, passed, skipped, warned
from tlbench.testing.subject import Case, Subject


def check_metadata(case: Case) -> Check:
    """Check that licence, reference and origin are there: a paper has to state them."""
    missing = [name for name in ("title", "licence", "reference") if not getattr(case.spec, name)]
    for weights in case.spec.weights:
        missing += [
            f"{name} of weights {weights.name}"
            for name in ("title", "trained_on", "licence")
            if not getattr(weights, name)
        ]
    if missing:
        todo = "fill these fields; where nothing was published, say so in words"
        return failed("metadata", f"missing: {', '.join(missing)}", todo)
    return passed("metadata", "licence, reference and origin of all weights are stated")


def check_parameters(subject: Subject) -> Check:
    """Check the declared number of parameters against the network's."""
    name, spec = "parameters", subject.case.spec
    declared = spec.parameters
    real = subject.model.count_params() if subject.model is not None else None
    if declared is None and spec.layer:
        return skipped(name, "not declared for earlier layers")
    if declared is None:
        todo = f"declare parameters={real if real is not None else '...'}"
        return warned(name, "not declared", todo + ("" if real is not None else ", 0 for none"))
    if real is None:
        return skipped(name, f"{declared:,} declared; they can't be counted in a function")
    if real != declared:
        return failed(name, f"{real:,}, but {declared:,} declared", f"declare parameters={real}")
    return passed(name, f"{real:,}")


def check_checksum(case: Case) -> Check:
    """Compare the weights file with the published checksum, where that is of this very file."""
    name = "checksum"
    chosen = case.weights
    declared = {weights.name: weights for weights in case.spec.weights}.get(chosen.name)
    if chosen.file is None:
        return skipped(name, "no weights")
    if declared is None or declared.control:
        return skipped(name, "made on this machine, or the user's own file")
    if declared.checksum is None:
        return warned(name, "not declared", "state the published one, e.g. sha256:...")
    algorithm, digests = _digests(chosen.file, declared.checksum)
    if algorithm is None:
        todo = "write the algorithm first, e.g. sha256:..., in hexadecimal digits"
        return failed(name, f'"{declared.checksum[:20]}" is none that is known', todo)
    if declared.checksum.lower() in (d.lower() for d in digests):
        return passed(name, f"{algorithm} is the published one")
    if declared.size is not None and chosen.file.stat().st_size != declared.size:
        return skipped(name, "the file was made from the download that was checked")
    todo = "fetch the file again; compare what is declared with what is published"
    return failed(name, f"{algorithm} of the file is {digests[0]}", todo)


def _digests(file: Path, declared: str) -> tuple[str | None, list[str]]:
    """Return the algorithm of a checksum and the file's own, as it may be written."""
    algorithm = declared.replace("-", ":", 1).partition(":")[0].lower()
    if algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
        return None, []
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, algorithm).digest()
    text = base64.b64encode(digest).decode()
    return algorithm, [f"{algorithm}:{digest.hex()}", f"{algorithm}-{text}"]
