"""`timm:NAME` where timm is not installed: listed all the same, with the line that installs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tlbench_timm
from tlbench import backbones
from tlbench.backbones import find_backbone, missing_packages
from tlbench.errors import PluginError
from tlbench.plugins import load_plugins


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "_is_installed", lambda _distribution: False)


def test_the_family_says_what_it_needs() -> None:
    (family,) = tlbench_timm.tlbench_register_families()
    assert missing_packages(family) == ["timm", "torch", "torchvision"]
    with pytest.raises(PluginError, match='needs "timm", "torch", "torchvision"') as caught:
        find_backbone(load_plugins(), "timm:resnet18")
    assert caught.value.hint == 'install it with `pip install "tlbench[timm]"`'


def test_listing_imports_neither_timm_nor_its_framework() -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import tlbench_timm, tlbench_onnx\n"
        "tlbench_timm.tlbench_register_families()\n"
        "tlbench_onnx.tlbench_register_families()\n"
        "heavy = {'timm', 'torch', 'onnxruntime', 'numpy', 'huggingface_hub', 'tensorflow'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
