"""`timm:NAME` where timm is installed: `pip install "tlbench[timm]"`, which takes PyTorch along."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("timm", reason="timm is not installed: tlbench[timm]")

import timm

import tlbench
from tests.radiographs import make_folder
from tlbench.backbones import find_backbone
from tlbench.errors import UnknownNameError, WeightsError
from tlbench.plugins import load_plugins
from tlbench.specs import BackboneSpec, WeightsRequest

NAME = "test_resnet"
"""The smallest network of timm's own tests."""

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def own_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def spec(name: str = NAME) -> BackboneSpec:
    return find_backbone(load_plugins(), f"timm:{name}").spec


def draw(dtype: str = "uint8", colour: bool = True) -> np.ndarray:
    size = spec().preprocessing.size
    shape = (8, *size, 3) if colour else (8, *size)
    return np.random.RandomState(1).randint(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def request(folder: Path) -> WeightsRequest:
    return WeightsRequest(folder, offline=True)


@pytest.mark.parametrize("name", [NAME, "resnet18.a1_in1k", "mobilenetv3_large_100", "vgg11"])
def test_features_and_scale_are_timms_own(name: str) -> None:
    backbone = spec(name)
    config = timm.get_pretrained_cfg(name)
    assert backbone.preprocessing.mean == config.mean
    assert backbone.preprocessing.size == config.input_size[1:]
    wanted = {"resnet18.a1_in1k": 512, "mobilenetv3_large_100": 1280, "vgg11": 4096}
    assert backbone.feature_size == wanted.get(name, backbone.feature_size)


def test_a_name_that_timm_does_not_have_comes_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match='unknown timm model "resnet19"') as caught:
        spec("resnet19")
    assert "resnet18" in caught.value.hint
    with pytest.raises(UnknownNameError) as caught:
        spec("resnet18.a1in1k")
    assert "resnet18.a1_in1k" in caught.value.hint


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("colour", [True, False])
def test_pixels_are_scaled_as_timm_does(tmp_path: Path, dtype: str, colour: bool) -> None:
    import torch
    from timm.models import load_state_dict

    backbone, pixels = spec(), draw(dtype, colour)
    file = backbone.weights[-1].obtain(request(tmp_path))
    got = backbone.load(file)(pixels)
    model = timm.create_model(NAME, num_classes=0).eval()
    model.load_state_dict(load_state_dict(str(file)))
    rule = backbone.preprocessing
    images = pixels / np.iinfo(dtype).max
    images = images if colour else np.repeat(images[..., None], 3, axis=3)
    images = np.moveaxis((images - rule.mean) / rule.std, 3, 1).astype(np.float32)
    with torch.inference_mode():
        wanted = model(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    assert got.dtype == np.float32
    assert (got == backbone.load(file)(pixels)).all()


def test_random_weights_are_the_same_bytes_again(tmp_path: Path) -> None:
    random = spec().weights[-1]
    one, two = (random.obtain(request(tmp_path / each)) for each in "ab")
    assert one.read_bytes() == two.read_bytes()
    assert random.control


@pytest.mark.parametrize("classes", [1000, 2, 0])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_of_ones_own_may_have_a_classifier(
    tmp_path: Path, classes: int, suffix: str
) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(4)
    state = timm.create_model(NAME, num_classes=classes).state_dict()
    file = tmp_path / f"own{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": state, "epoch": 3}, file)
    else:
        save_file(state, file)
    out = spec().load(file)(draw())
    bare = {key: value for key, value in state.items() if not key.startswith("fc.")}
    save_file(bare, tmp_path / "bare.safetensors")
    np.testing.assert_array_equal(out, spec().load(tmp_path / "bare.safetensors")(draw()))


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil"),))


def test_files_that_are_not_its_weights_get_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    Path("evil.pth").write_bytes(pickle.dumps(Evil()))
    torch.save({"model": Evil()}, "evil2.pth")
    Path("cut.safetensors").write_bytes(b"\0" * 50)
    Path("text.pth").write_text("hello")
    Path("weights.h5").write_text("hello")
    other = timm.create_model("test_vit", num_classes=0).state_dict()
    save_file(other, "other.safetensors")
    state = timm.create_model(NAME, num_classes=0).state_dict()
    first = next(iter(state))
    save_file(state | {first: state[first] * float("nan")}, "nan.safetensors")
    del state[first]
    save_file(state, "part.safetensors")
    said = {
        "evil.pth": "can't be read", "evil2.pth": "can't be read", "cut.safetensors": "read",
        "text.pth": "can't be read", "weights.h5": "no weights file of PyTorch",
        "other.safetensors": "does not fit timm's", "nan.safetensors": "not finite",
        "part.safetensors": "does not fit timm's test_resnet: it lacks conv1.0.weight",
    }  # fmt: skip
    for name, words in said.items():
        with pytest.raises(WeightsError, match=words) as caught:
            spec().load(Path(name))
        assert "\n" not in caught.value.message
    assert not Path("evil").exists()


def test_without_a_network_it_says_so_at_once(tmp_path: Path) -> None:
    pretrained = spec("resnet18.a1_in1k").weights[0]
    with pytest.raises(WeightsError, match="the run is offline"):
        pretrained.obtain(request(tmp_path))
    assert pretrained.find(request(tmp_path)) is None
    with pytest.raises(WeightsError, match="can't be downloaded from the Hugging Face hub"):
        pretrained.obtain(WeightsRequest(tmp_path))


def test_what_is_in_the_users_cache_is_taken(tmp_path: Path) -> None:
    """The cache is laid out here as the hub's client would, for nothing may be downloaded."""
    from safetensors.torch import save_file

    folder = tmp_path / "hub" / "models--timm--test_resnet.r160_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    save_file(timm.create_model(NAME).state_dict(), folder / "snapshots/abc/model.safetensors")
    pretrained = spec(f"{NAME}.r160_in1k").weights[0]
    file = pretrained.obtain(request(tmp_path))
    assert file == folder / "snapshots" / "abc" / "model.safetensors"
    assert spec().load(file)(draw()).shape == (8, spec().feature_size)


def test_a_run_names_what_it_used(tmp_path: Path) -> None:
    record = tlbench.run(
        f"timm:{NAME}", weights="random", dataset="folder", protocol="linear-probe",
        data_root=make_folder(tmp_path / "pictures", per_class=12), offline=True,
        cache=tmp_path / "cache", results=tmp_path / "results",
    )  # fmt: skip
    assert record["control"]
    assert record["backbone"] == f"timm:{NAME}"
    assert "torch" in record["details"]["backbone"]["version"]
