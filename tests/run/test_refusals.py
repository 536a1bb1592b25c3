"""What a run refuses: names, choices, files and plugins that are not what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.radiographs import BLOCKS
from tlbench.errors import DataError, PluginError, TlbenchError, UnknownNameError, WeightsError


@pytest.mark.parametrize(
    ("options", "error", "message", "hint"),
    [
        ({"backbone": "block"}, UnknownNameError, 'unknown backbone "block"', '"blocks"'),
        ({"dataset": "fracatlass"}, UnknownNameError, 'unknown data set', '"fracatlas"'),
        ({"protocol": "paper2081"}, UnknownNameError, "unknown protocol", '"paper2018"'),
        ({"backbone": "inception_v3", "weights": "imagnet"}, UnknownNameError,
         'unknown weights of inception_v3 "imagnet"', '"imagenet"'),
        ({"backbone": "inception_v3", "weights": "no/such.h5"}, WeightsError,
         'weights file "no/such.h5" does not exist', "path"),
        ({"data_root": None}, DataError, "say where it is", "--data-root DIR"),
    ],
)  # fmt: skip
def test_unknown_names_get_a_hint(
    evaluate, options: dict[str, Any], error: type[TlbenchError], message: str, hint: str
) -> None:
    with pytest.raises(error) as caught:
        evaluate(**options)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


def test_unreadable_files_are_named(evaluate, spoilt: Path) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(data_root=spoilt)
    for name in ("fracture/000.png", "no_fracture/002.png", "no_fracture/003.png"):
        assert name in caught.value.message
    assert "--skip-unreadable" in str(caught.value.hint)


def spoil(source: str, old: str, new: str, folder: Path) -> Path:
    assert old in source
    file = folder / "spoilt_plugin.py"
    file.write_text(source.replace(old, new))
    return file


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("feature_size=64", "feature_size=65", "declares 65 numbers"),
        ("blocks.mean(axis=(2, 4))", "np.nan * blocks.mean(axis=(2, 4))", "not finite"),
        ("blocks.mean(axis=(2, 4))", "0 * blocks.mean(axis=(2, 4))", "the same features"),
        ("return blocks.mean", "return 'rubbish', blocks.mean", "yields tuple"),
    ],
)
def test_rubbish_features_are_refused(
    evaluate, tmp_path: Path, old: str, new: str, message: str
) -> None:
    plugin = spoil(BLOCKS.read_text(), old, new, tmp_path)
    with pytest.raises(PluginError, match=message):
        evaluate(plugins=[plugin])


def test_features_too_large_for_half_precision_are_refused(evaluate, tmp_path: Path) -> None:
    file = tmp_path / "large.py"
    file.write_text(BLOCKS.read_text().replace("blocks.mean", "1e6 * blocks.mean"))
    with pytest.raises(PluginError, match="too large for float16") as caught:
        evaluate(plugins=[file], cached_as="float16")
    assert "--cached-as" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("def load(_file):\n    return None\n", {}, "`load` of backbone"),
        (
            "def read(_request):\n    return [1, 2]\n"
            "@hookimpl\ndef tlbench_register_datasets():\n"
            "    return [DatasetSpec('odd', 'odd', read, 'nothing', needs_root=False)]\n",
            {"dataset": "odd", "data_root": None},
            "reader returned list instead of a list of Radiograph",
        ),
        (
            "@hookimpl\ndef tlbench_register_protocols():\n"
            "    return [ProtocolSpec('odd', 'odd', (), lambda data: 3)]\n",
            {"protocol": "odd"},
            'protocol "odd" returned int instead of a TopLayer',
        ),
    ],
)
def test_wrong_types_from_plugins_are_named(
    evaluate, tmp_path: Path, source: str, options: dict[str, Any], message: str
) -> None:
    plugin = tmp_path / "odd.py"
    plugin.write_text(
        BLOCKS.read_text().replace('name="blocks"', 'name="odd"')
        + "\nfrom tlbench import DatasetSpec, ProtocolSpec\n"
        + source
    )
    with pytest.raises(PluginError, match=message):
        evaluate(plugins=[BLOCKS, plugin], backbone="odd", **options)


def test_an_exception_inside_a_backbone_is_the_cause_of_the_error(evaluate, tmp_path: Path) -> None:
    plugin = spoil(BLOCKS.read_text(), "images = pixels", "1 / 0; images = pixels", tmp_path)
    with pytest.raises(PluginError) as caught:
        evaluate(plugins=[plugin])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    "options", [{"level": 2}, {"ci": "x"}, {"seed": -1}, {"seed": "0"}, {"repeats": 0}]
)
def test_wrong_choices_from_python_are_errors_to_act_on(evaluate, options: dict[str, Any]) -> None:
    with pytest.raises(TlbenchError, match=next(iter(options))):
        evaluate(**options)


def test_an_unknown_step_of_preparation_is_refused(evaluate) -> None:
    with pytest.raises(UnknownNameError, match='unknown preparation step "padd"') as caught:
        evaluate(prepare=["padd"])
    assert caught.value.hint == 'did you mean "pad"?'
    with pytest.raises(TlbenchError, match="not a list of steps"):
        evaluate(prepare="pad")


def test_results_that_cannot_be_written_are_found_before_any_work(evaluate, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(TlbenchError, match="can't write to"):
        evaluate(results=tmp_path / "blocked" / "results")
    assert not (tmp_path / "cache" / "features").exists()
