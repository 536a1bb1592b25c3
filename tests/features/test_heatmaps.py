"""Heat maps explain the very scores a run has left, are cached, and say what they can't do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tlbench
from tests.radiographs import make_folder
from tlbench.backbones import find_backbone
from tlbench.errors import CacheError, DataError, EngineError
from tlbench.features.engines.base import Network
from tlbench.features.heatmaps import HeatMaps, make_heatmaps
from tlbench.features.linear_top import LinearTop, read_linear_top
from tlbench.features.spaces import list_spaces, verify_space
from tlbench.plugins import load_plugins
from tlbench.progress import Progress
from tlbench.weights import choose_weights

PLUGINS = [
    Path(__file__).parents[1] / "plugins" / "files" / name
    for name in ("tiny_keras.py", "tiny_heads.py")
]
BLOCKS = Path(__file__).parents[2] / "plugins" / "examples" / "blocks.py"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures"), per_class=20)


@pytest.fixture
def record(pictures: Path, tmp_path: Path) -> Callable[..., tlbench.Record]:
    def call(backbone: str, protocol: str = "linear-probe", **more: Any) -> tlbench.Record:
        return tlbench.run(
            backbone=backbone,
            protocol=protocol,
            plugins=PLUGINS,
            dataset="folder",
            data_root=pictures,
            engine="tensorflow",
            results=tmp_path / "results",
            cache=tmp_path / "cache",
            **more,
        )

    return call


def network(name: str, cache: Path) -> Network:
    offer = find_backbone(load_plugins([*PLUGINS, BLOCKS]), name)
    weights = choose_weights(offer.spec, "auto", cache, offline=True, progress=Progress())
    return Network(offer.spec, weights.preprocessing, None, "", offer.source.digest, cache)


def held_out(record: tlbench.Record, pictures: Path) -> Any:
    """The files of the hold-out by digest, and their scores in the same order."""
    import hashlib

    held = [row for row in record.predictions() if row.partition == "hold-out"]
    files = {
        hashlib.sha256((pictures / row.case).read_bytes()).hexdigest(): pictures / row.case
        for row in held
    }
    assert len(files) == len(held) > 4
    return SimpleNamespace(files=files, scores=np.array([row.score for row in held]))


def make(record: tlbench.Record, pictures: Path, cache: Path, steps: Any = ()) -> HeatMaps:
    files = held_out(record, pictures).files
    top = read_linear_top(record.folder)
    return make_heatmaps(network(record["backbone"], cache), top, files, steps, Progress())


def check_sums(made: HeatMaps, held: Any) -> None:
    """The mean of each map is the log odds of the score, to a fraction of how these differ."""
    log_odds = np.log(held.scores / (1 - held.scores))
    means = [made.maps[digest].mean(dtype=np.float64) for digest in held.files]
    np.testing.assert_allclose(means, log_odds, rtol=0, atol=2e-3 * log_odds.std())
    # And not by being the same all over.
    assert all(each.std() > 0.1 * log_odds.std() > 0 for each in made.maps.values())


@pytest.mark.parametrize("protocol", ["linear-probe", "paper2018"])
@pytest.mark.parametrize("backbone", ["tiny", "averaged"])
def test_the_mean_of_an_exact_map_is_the_log_odds_of_the_score(
    record, pictures: Path, tmp_path: Path, protocol: str, backbone: str
) -> None:
    found = record(backbone, protocol)
    made = make(found, pictures, tmp_path / "cache")
    held = held_out(found, pictures)
    assert made.method == "exact"
    assert {each.shape for each in made.maps.values()} == {
        (12, 12) if backbone == "tiny" else (8, 12)
    }
    check_sums(made, held)


def test_the_map_is_of_the_pixels_as_the_run_prepared_them(
    record, pictures: Path, tmp_path: Path
) -> None:
    found = record("tiny", prepare=("clahe",))
    made = make(found, pictures, tmp_path / "cache", ("clahe",))
    held = held_out(found, pictures)
    check_sums(made, held)


def test_where_features_are_no_averages_the_gradient_stands_in(
    record, pictures: Path, tmp_path: Path
) -> None:
    """For a layer that changes nothing, Grad-CAM has to be what an exact map has above its bias."""
    files = held_out(record("averaged"), pictures).files
    top = LinearTop(np.array([1.0, -2.0, 0.5, 3.0, -1.0, 0.25]), 0.7)
    cache = tmp_path / "cache"
    exact = make_heatmaps(network("averaged", cache), top, files, (), Progress())
    gradient = make_heatmaps(network("projected", cache), top, files, (), Progress())
    assert (exact.method, gradient.method) == ("exact", "gradient")
    for digest, values in gradient.maps.items():
        expected = np.maximum(exact.maps[digest] - 0.7, 0) / values.size
        np.testing.assert_allclose(values, expected, atol=1e-6)
    assert any(values.max() > 0 for values in gradient.maps.values())


def test_maps_are_cached_verified_and_made_anew_where_damaged(
    record, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    found = record("tiny")
    first = make(found, pictures, cache)
    monkeypatch.setenv("TINY_KERAS_MUST_NOT_LOAD", "1")
    again = make(found, pictures, cache)
    assert again.method == first.method
    assert all((again.maps[name] == values).all() for name, values in first.maps.items())

    (space,) = [space for space in list_spaces(cache) if space.kind == "heatmaps"]
    assert space.title == "tiny"
    assert verify_space(space, print) == (1, 0)
    (shard,) = space.folder.rglob("*.npy")
    content = bytearray(shard.read_bytes())
    content[-3] ^= 255
    shard.write_bytes(content)
    with pytest.raises(tlbench.TlbenchError, match="although its graph is cached"):
        make(found, pictures, cache)
    monkeypatch.delenv("TINY_KERAS_MUST_NOT_LOAD")
    mended = make(found, pictures, cache)
    assert all((mended.maps[name] == values).all() for name, values in first.maps.items())


def test_another_top_layer_has_other_maps(record, pictures: Path, tmp_path: Path) -> None:
    one = make(record("tiny", "linear-probe"), pictures, tmp_path / "cache")
    other = make(record("tiny", "paper2018"), pictures, tmp_path / "cache")
    shared = one.maps.keys() & other.maps.keys()
    assert shared
    assert all(np.abs(one.maps[name] - other.maps[name]).max() > 1e-3 for name in shared)


def test_a_file_that_cant_be_read_has_no_map(record, pictures: Path, tmp_path: Path) -> None:
    found = record("tiny")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG, no more")
    files = held_out(found, pictures).files | {"0" * 64: broken}
    top = read_linear_top(found.folder)
    made = make_heatmaps(network("tiny", tmp_path / "c"), top, files, (), Progress())
    assert made.maps.keys() == files.keys() - {"0" * 64}


def test_what_can_have_no_map_says_so(record, pictures: Path, tmp_path: Path) -> None:
    found = record("flat")
    with pytest.raises(EngineError, match='"flat" has no layer with rows and columns'):
        make(found, pictures, tmp_path / "cache")
    files = held_out(found, pictures).files
    with pytest.raises(EngineError, match='"blocks" is no network of Keras'):
        make_heatmaps(network("blocks", tmp_path), LinearTop(np.ones(3), 0), files, (), Progress())
    with pytest.raises(EngineError, match="has 24 features and the top layer takes 6"):
        make_heatmaps(network("tiny", tmp_path), LinearTop(np.ones(6), 0), files, (), Progress())


def test_top_layers_of_other_kinds_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "top_layer.npz", weights=np.ones((4, 3)), bias=np.ones(3))
    with pytest.raises(DataError, match="linear in the features"):
        read_linear_top(tmp_path)
    (tmp_path / "top_layer.npz").write_bytes(b"PK, no more")
    with pytest.raises(CacheError, match="can't be read"):
        read_linear_top(tmp_path)
    (tmp_path / "top_layer.npz").unlink()
    with pytest.raises(CacheError, match="can't be read"):
        read_linear_top(tmp_path)
