"""From what a user writes to a backbone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.backbones import find_backbone
from tlbench.errors import PluginError, UnknownNameError
from tlbench.plugins import load_plugins

FAMILY = """
from tlbench import BackboneFamily, BackboneSpec, Preprocessing, hookimpl

def make(argument):
    if argument == "rubbish":
        return 3
    return BackboneSpec(f"squares:{argument}", "t", 3, Preprocessing((8, 8)), lambda file: None)

@hookimpl
def tlbench_register_families():
    return [
        BackboneFamily("squares", "squares of any side", "SIDE", make),
        BackboneFamily("far", "far away", "NAME", make, ("no-such-package",)),
        BackboneFamily("off", "far away", "NAME", make, ("no-such-package",), "pip install x[y]"),
    ]
"""


@pytest.fixture
def host(tmp_path: Path):
    file = tmp_path / "families.py"
    file.write_text(FAMILY)
    return load_plugins([file])


def test_a_family_makes_what_stands_after_the_colon(host) -> None:
    offer = find_backbone(host, "squares:5")
    assert offer.spec.name == "squares:5"
    assert offer.source.plugin == "families"


def test_a_family_says_what_is_wrong(host) -> None:
    with pytest.raises(PluginError, match="lacks what comes after") as caught:
        find_backbone(host, "squares:")
    assert caught.value.hint == "write squares:SIDE"
    with pytest.raises(PluginError, match="made int instead of a BackboneSpec"):
        find_backbone(host, "squares:rubbish")
    with pytest.raises(UnknownNameError, match='unknown backbone family "square"') as caught_name:
        find_backbone(host, "square:5")
    assert "squares" in caught_name.value.hint


@pytest.mark.parametrize(
    ("name", "line"), [("far:x", "pip install no-such-package"), ("off:x", "pip install x[y]")]
)
def test_missing_packages_come_with_the_line_that_installs_them(host, name: str, line: str) -> None:
    with pytest.raises(PluginError, match='needs "no-such-package"') as caught:
        find_backbone(host, name)
    assert line in caught.value.hint


def test_a_layer_makes_another_backbone(host) -> None:
    spec = find_backbone(host, "inception_v3@mixed7").spec
    assert (spec.name, spec.feature_size, spec.layer) == ("inception_v3@mixed7", 768, "mixed7")
    with pytest.raises(UnknownNameError, match='unknown layer of inception_v3 "mixed77"') as caught:
        find_backbone(host, "inception_v3@mixed77")
    assert "mixed7" in caught.value.hint
    with pytest.raises(UnknownNameError, match='unknown layer of image_statistics "x"') as caught:
        find_backbone(host, "image_statistics@x")
    assert caught.value.hint == "it offers its last layer only"
