"""Protocols: everything between a data set and a score."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tlbench.specs import ProtocolSpec


def describe_protocol(protocol: ProtocolSpec) -> dict[str, Any]:
    """Return the protocol whole, as a record stores it."""
    return {
        "name": protocol.name,
        "title": protocol.title,
        "steps": list(protocol.steps),
        "parameters": dict(protocol.parameters),
        "holdout": asdict(protocol.holdout),
        "split": list(protocol.split),
        "split_views": protocol.split_views,
        "training_views": list(protocol.training_views),
        "reference": protocol.reference,
    }
