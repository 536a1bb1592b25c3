"""Every backbone that ships keeps its promises, seen through the kit that authors use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.plugins import load_plugins
from tlbench.specs import BackboneSpec
from tlbench.testing import check_backbone

EXAMPLES = Path(__file__).parents[2] / "plugins" / "examples"
LIGHT = 9_000_000
"""Backbones of up to so many parameters are checked: of each architecture the smallest one."""


def shipped() -> list[BackboneSpec]:
    return [o.spec for o in load_plugins().backbones if o.source.origin.startswith("tlbench ")]


def family(name: str) -> str:
    """The architecture: `efficientnet_b3` and `efficientnet_b0` share one."""
    return name.rstrip("0123456789").rpartition("_")[0] or name


def chosen() -> list[BackboneSpec]:
    """The smallest of each family of light networks, and all that is no network."""
    light = [s for s in shipped() if s.parameters is not None and s.parameters <= LIGHT]
    light.sort(key=lambda spec: (spec.parameters, spec.name))
    first = {family(spec.name): spec for spec in reversed(light)}
    return sorted(first.values(), key=lambda spec: spec.name)


@pytest.mark.slow
@pytest.mark.parametrize("spec", chosen(), ids=lambda spec: spec.name)
def test_light_backbones_pass(spec: BackboneSpec) -> None:
    if spec.weights and not any(weights.name == "random" for weights in spec.weights):
        pytest.skip("it has no weights that can be made here")
    report = check_backbone(spec.name, weights="random" if spec.weights else "auto", offline=True)
    assert report.passed, str(report)


def test_the_control_without_a_network_passes() -> None:
    report = check_backbone("image_statistics", offline=True)
    assert report.passed, str(report)
    assert report["grey as colour"].result == "warn"  # one feature says whether there is colour


@pytest.mark.slow
@pytest.mark.network
def test_the_reference_passes_with_real_weights(reference_cache: Path) -> None:
    report = check_backbone("inception_v3", weights="nsfwjs", cache=reference_cache)
    assert report.passed, str(report)
    assert report["input scale"].result == "pass"
    assert not [check.name for check in report if check.result == "warn"]


def test_the_example_passes_without_a_warning() -> None:
    report = check_backbone("blocks", plugins=[EXAMPLES / "blocks.py"])
    assert {check.result for check in report} == {"pass", "skipped"}, str(report)


@pytest.mark.parametrize("spec", shipped(), ids=lambda spec: spec.name)
def test_every_backbone_states_what_a_paper_needs(spec: BackboneSpec) -> None:
    missing = [name for name in ("title", "licence", "reference") if not getattr(spec, name)]
    for weights in spec.weights:
        missing += [n for n in ("title", "trained_on", "licence") if not getattr(weights, n)]
    assert not missing
    assert spec.parameters is not None
