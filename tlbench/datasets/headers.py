"""What the headers of DICOM files add to a data set: names that identify nobody, and metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tlbench.datasets.pseudonyms import make_salt, pseudonym
from tlbench.dicom import DicomFacts


def name_cases(facts: Mapping[str, DicomFacts | None]) -> dict[str, str]:
    """Return a pseudonym for each file, the same wherever these files lie; None: no header.

    Paths and UIDs of hospital exports may identify people. The pseudonym is a hash of the image's
    own UID, with a salt made of the UIDs of all images, which no output holds: nobody without the
    files can find out whose it is. A file without a UID of its own goes by its path.
    """
    known = [fact for fact in facts.values() if fact is not None]
    salt = make_salt("\0".join((f.instance or "", f.study or "", f.patient or "")) for f in known)
    uids = Counter(fact.instance for fact in known)
    names: dict[str, str] = {}
    for path, fact in facts.items():
        own = fact is not None and fact.instance is not None and uids[fact.instance] == 1
        name = f"uid {fact.instance}" if own and fact else f"path {path}"
        names[path] = pseudonym(salt, name)
    return names


def describe_header(facts: DicomFacts) -> dict[str, str]:
    """Return what a header says of view, side, age, sex and device, as metadata."""
    age = None if facts.age is None else f"{facts.age:.4g}"
    found = {
        "view": facts.view,
        "laterality": facts.laterality,
        "age": age,
        "sex": facts.sex,
        "device": facts.manufacturer,
        "modality": facts.modality,
    }
    return {word: text for word, text in found.items() if text}
