from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import tlbench
from tests.radiographs import make_folder
from tlbench.cli.main import app
from tlbench.datasets.table import read_table
from tlbench.doctor import find_network, make_batches, measure_drifts, measure_engines
from tlbench.errors import WeightsError
from tlbench.features.engines.base import Network, version_of
from tlbench.features.engines.choose import quantiser_version
from tlbench.plugins import load_plugins
from tlbench.progress import Progress
from tlbench.specs import DataChoice

TINY = Path(__file__).parent / "plugins" / "files" / "tiny_keras.py"


def test_the_doctor_names_engines_and_cache(tmp_path: Path) -> None:
    out = CliRunner().invoke(app, ["doctor", "--json", "--cache", str(tmp_path)])
    facts = json.loads(out.stdout)
    assert [e["engine"] for e in facts["engines"]] == ["tensorflow", "openvino", "onnxruntime"]
    assert sum(e["auto"] for e in facts["engines"]) == 1
    assert facts["cache"]["free"] > 0
    assert facts["precision"] in ("float32", "bfloat16")
    assert facts["int8"] == (quantiser_version() if version_of("openvino") else None)
    text = CliRunner().invoke(app, ["doctor", "--cache", str(tmp_path)]).stdout
    assert "(auto)" in text


@pytest.mark.skipif(not version_of("openvino"), reason="OpenVINO not installed")
@pytest.mark.parametrize(
    ("version", "said"),
    [("3.4.0", "nncf 3.4.0, experimental"), (None, 'pip install "tlbench[int8]"')],
)
def test_the_doctor_says_how_to_get_int8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, said: str
) -> None:
    monkeypatch.setattr("tlbench.doctor.quantiser_version", lambda: version)
    assert said in CliRunner().invoke(app, ["doctor", "--cache", str(tmp_path)]).stdout


def test_engines_are_measured_on_the_same_batches(tmp_path: Path) -> None:
    (offer,) = (o for o in load_plugins([TINY]).backbones if o.spec.name == "tiny")
    network = Network(offer.spec, offer.spec.preprocessing, None, "", "", tmp_path)
    measured = measure_engines(network, make_batches(network, 2))
    installed = [n for n in ("tensorflow", "openvino", "onnxruntime") if version_of(n)]
    assert [m.engine for m in measured] == installed
    assert all(m.rate > 0 for m in measured)
    assert all(np.isclose(m.least_cosine, 1, atol=1e-5) for m in measured)


@pytest.mark.skipif(
    not (version_of("openvino") and quantiser_version()), reason="OpenVINO or NNCF not installed"
)
def test_int8_is_measured_too(tmp_path: Path) -> None:
    (offer,) = (o for o in load_plugins([TINY]).backbones if o.spec.name == "tiny")
    network = Network(offer.spec, offer.spec.preprocessing, None, "", "", tmp_path)
    measured = measure_engines(network, make_batches(network, 2), ("float32", "int8"))
    (int8,) = (m for m in measured if m.precision == "int8")
    assert int8.engine == "openvino"
    assert 0.99 < int8.least_cosine < 1


def test_the_drift_is_measured_on_radiographs_and_their_features_are_kept(tmp_path: Path) -> None:
    host = load_plugins([TINY])
    (offer,) = (o for o in host.backbones if o.spec.name == "tiny")
    network = Network(offer.spec, offer.spec.preprocessing, None, "", offer.source.digest, tmp_path)
    pictures = make_folder(tmp_path / "pictures")
    folder = host.datasets.find("folder").spec
    table = read_table(folder, DataChoice(data_root=pictures), tmp_path, Progress())
    drifts = measure_drifts(network, table, tmp_path, Progress())
    assert next(iter(drifts)) == ("tensorflow", "float32")
    assert all(abs(drift.mean) < 0.01 and drift.least_cosine > 0.9999 for drift in drifts.values())
    lines: list[str] = []
    talk = Progress()
    talk.warn = talk.say = lines.append  # type: ignore[method-assign]
    again = tlbench.run(
        "tiny", plugins=[TINY], dataset="folder", data_root=pictures, cache=tmp_path,
        results=tmp_path / "results", protocol="linear-probe", precision="float32", progress=talk,
    )  # fmt: skip
    assert again["radiographs"] == len(table)
    assert not any("exporting" in line or "loading" in line for line in lines)


def test_nothing_is_measured_without_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no backbone of Keras has its weights"):
        find_network(load_plugins(), None, tmp_path, Progress())
