from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tlbench.errors import UnknownNameError, WeightsError
from tlbench.progress import Progress
from tlbench.specs import BackboneSpec, Preprocessing, WeightsRequest, WeightsSpec
from tlbench.weights import choose_weights

OWN_SCALE = Preprocessing((8, 8), scale=(-1, 1))


class Listener(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def weights(name: str, *, there: bool = True, **fields) -> WeightsSpec:
    def obtain(request: WeightsRequest) -> Path:
        if not there:
            raise WeightsError(f"{name} can't be had", "a hint")
        request.folder.mkdir(parents=True, exist_ok=True)
        file = request.folder / name
        file.write_text(name)
        return file

    return WeightsSpec(
        name, f"title of {name}", "photographs", "MIT", obtain, lambda _r: None, **fields
    )


def backbone(*all_weights: WeightsSpec) -> BackboneSpec:
    rule = Preprocessing((8, 8))
    return BackboneSpec("net", "a net", 3, rule, load=lambda _f: None, weights=all_weights)


def choose(spec: BackboneSpec, choice: str, folder: Path, progress: Progress | None = None):
    return choose_weights(spec, choice, folder, offline=False, progress=progress or Progress())


def test_auto_takes_the_first_that_can_be_had_and_says_why(tmp_path: Path) -> None:
    listener = Listener()
    spec = backbone(weights("first", there=False), weights("second", preprocessing=OWN_SCALE))
    chosen = choose(spec, "auto", tmp_path, listener)
    assert chosen.name == "second"
    assert chosen.preprocessing == OWN_SCALE
    assert chosen.sha256 == hashlib.sha256(b"second").hexdigest()
    assert listener.lines == ["net: no weights first: first can't be had; taking second"]


def test_auto_never_takes_a_control(tmp_path: Path) -> None:
    spec = backbone(weights("only", there=False), weights("random", control=True))
    with pytest.raises(WeightsError) as caught:
        choose(spec, "auto", tmp_path)
    assert "only can't be had" in caught.value.message
    assert "--weights random" in str(caught.value.hint)
    assert choose(spec, "random", tmp_path).control


def test_a_name_takes_that_one_or_fails(tmp_path: Path) -> None:
    spec = backbone(weights("first", there=False), weights("second"))
    with pytest.raises(WeightsError, match="first can't be had"):
        choose(spec, "first", tmp_path)
    assert choose(spec, "second", tmp_path).title == "title of second"


def test_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.weights.h5"
    file.write_text("mine")
    chosen = choose(backbone(weights("first")), str(file), tmp_path)
    assert (chosen.file, chosen.title) == (file, "file mine.weights.h5")
    assert chosen.sha256 == hashlib.sha256(b"mine").hexdigest()


@pytest.mark.parametrize("choice", ["no/such", "nothing.h5"])
def test_a_missing_file_is_named(tmp_path: Path, choice: str) -> None:
    with pytest.raises(WeightsError, match=f'weights file "{choice}" does not exist'):
        choose(backbone(weights("first")), choice, tmp_path)


def test_a_misspelt_name_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        choose(backbone(weights("imagenet")), "imagnet", tmp_path)
    assert caught.value.hint == 'did you mean "imagenet"?'


def test_a_backbone_without_weights_has_none_to_choose(tmp_path: Path) -> None:
    assert choose(backbone(), "auto", tmp_path).name == "none"
    with pytest.raises(WeightsError, match="has no weights to choose"):
        choose(backbone(), "random", tmp_path)
