"""Plugins that fail while they are used: one line that says whose fault it is, and no more harm."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlbench
from tests.radiographs import make_folder
from tlbench.backbones import find_backbone
from tlbench.containment import plugin_at_work
from tlbench.errors import PluginError, TlbenchError, UnknownNameError
from tlbench.plugins import load_plugins
from tlbench.registry import Source

FILES = Path(__file__).parent / "files"
BLOCKS = Path(__file__).parents[2] / "plugins" / "examples" / "blocks.py"
LATE = FILES / "broken_late.py"
RUDE = FILES / "bad_manners.py"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures"), per_class=30)


@pytest.fixture
def run(pictures: Path, tmp_path: Path):
    def call(backbone: str = "sound", **options: Any) -> tlbench.Record:
        defaults: dict[str, Any] = {
            "plugins": [LATE],
            "dataset": "folder",
            "data_root": pictures,
            "protocol": "linear-probe",
            "results": tmp_path / "results",
        }
        if "dataset" in options:
            del defaults["data_root"]
        return tlbench.run(backbone, **(defaults | options))

    return call


BROKEN = "RuntimeError: broken on purpose (broken_late.py, line "
CASES: list[tuple[dict[str, str], str]] = [
    ({"backbone": "load-raises"}, f'`load` of backbone "load-raises": {BROKEN}'),
    ({"backbone": "load-leaves"}, '`load` of backbone "load-leaves": SystemExit: 7'),
    ({"backbone": "load-vanishes"}, "SystemExit: os._exit(9)"),
    ({"backbone": "load-returns-nothing"}, "returned NoneType instead of a function"),
    ({"backbone": "extract-raises"}, f'failed in backbone "extract-raises": {BROKEN}'),
    ({"backbone": "extract-leaves"}, "SystemExit: 7"),
    ({"backbone": "extract-returns-text"}, 'backbone "extract-returns-text" yields str instead'),
    ({"backbone": "obtain-raises"}, f'weights "made" of backbone "obtain-raises": {BROKEN}'),
    ({"backbone": "obtain-returns-nothing"}, "returned NoneType instead of the path of a file"),
    ({"backbone": "obtain-returns-no-file"}, 'returned "no/such/file", which is no file'),
    ({"backbone": "keras-load-raises"}, f'`load` of backbone "keras-load-raises": {BROKEN}'),
    ({"backbone": "keras-load-returns-nothing"}, "returned NoneType instead of a keras.Model"),
    ({"backbone": "late:fails"}, f'backbone family "late": {BROKEN}'),
    ({"backbone": "late:other"}, f'failed in backbone "late:other": {BROKEN}'),
    ({"dataset": "read-raises"}, f'the reader of data set "read-raises": {BROKEN}'),
    ({"dataset": "read-raises-later"}, f'the reader of data set "read-raises-later": {BROKEN}'),
    ({"dataset": "read-returns-nothing"}, "reader returned NoneType"),
    ({"dataset": "read-returns-odd-fields"}, "whose case is not a str"),
    ({"protocol": "train-raises"}, f'`train` of protocol "train-raises": {BROKEN}'),
    ({"protocol": "train-returns-nothing"}, "returned NoneType instead of a TopLayer"),
    ({"protocol": "score-raises"}, f'`score` of protocol "score-raises": {BROKEN}'),
    ({"protocol": "score-returns-one"}, '`score` of protocol "score-returns-one": shape (1,)'),
    ({"protocol": "score-returns-text"}, "str that holds no numbers"),
    ({"protocol": "score-is-none"}, '`score` of protocol "score-is-none": TypeError'),
    ({"protocol": "cutoff-of-one-class"}, "`cutoff_labels`"),
    ({"protocol": "cutoff-of-other-length"}, "`cutoff_scores`"),
    ({"protocol": "history-is-no-json"}, "`history`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "reason"), CASES, ids=[next(iter(c.values())) for c, _ in CASES]
)
def test_a_late_failure_is_one_line_that_names_the_plugin(
    run, choice: dict[str, str], reason: str
) -> None:
    with pytest.raises(TlbenchError) as caught:
        run(**choice)
    assert caught.value.exit_code == 1
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    if BROKEN in reason:
        assert f'plugin "broken_late" ({LATE})' in caught.value.message
        assert "TLBENCH_TRACEBACK=1" in caught.value.hint or "--weights" in caught.value.hint
        assert _root(caught.value).args == ("broken on purpose",)


def _root(error: BaseException) -> BaseException:
    return _root(error.__cause__) if error.__cause__ else error


def test_a_network_that_fails_is_named_whatever_the_engine(run) -> None:
    for engine in ("auto", "tensorflow"):
        with pytest.raises(TlbenchError) as caught:
            run("keras-call-raises", engine=engine)
        assert 'backbone "keras-call-raises" of plugin "broken_late"' in caught.value.message
        assert "broken on purpose" in caught.value.message


def test_weights_that_fail_make_way_for_the_next(run) -> None:
    assert run("second-weights")["weights"] == "made"


def test_a_plugin_that_fails_late_stops_nobody_else(run) -> None:
    assert run("sound")["auc"]["value"] > 0


def test_looking_around_survives_weights_that_cannot_be_found() -> None:
    from tlbench.cli.catalogue import _backbone_facts
    from tlbench.doctor import examine

    host = load_plugins([LATE])
    for name in ("find-raises", "find-returns-number"):
        facts = _backbone_facts(find_backbone(host, name).spec, "", None)
        assert [w["here"] for w in facts["weights"]] == [False]
    assert examine(host, Path("cache"))["weights_here"]["find-raises"] == []


def test_manners_of_a_plugin_cost_nothing(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing on stdout, the same bytes, and the user's own random numbers and folder."""
    monkeypatch.chdir(tmp_path)
    usual = run("blocks", plugins=[BLOCKS], results="alone", cache="a")
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    record = run("blocks", plugins=[RUDE, BLOCKS], results="beside", cache="b")
    rude = run("bad-manners", plugins=[RUDE], results="beside", cache="b")
    assert (random.random(), np.random.random()) == expected
    assert Path.cwd() == tmp_path
    files = [r.folder / "predictions.csv" for r in (usual, record, rude)]
    assert len({file.read_bytes() for file in files}) == 1
    assert all((tmp_path / file).exists() for file in files)
    out, err = capfd.readouterr()
    assert out == ""
    for words in ("printed by Python", "written past Python", "printed by a process"):
        assert words in err


def test_a_forked_process_may_still_leave() -> None:
    with plugin_at_work(Source("p", "o", ""), "w"):
        child = os.fork()
        if child == 0:
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


def test_what_may_be_in_a_plugin_left_out_is_said(tmp_path: Path, monkeypatch) -> None:
    info = tmp_path / "tlb_lost-1.0.dist-info"
    info.mkdir()
    (tmp_path / "tlb_lost.py").write_text("import no_such_module\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tlb_lost\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tlbench]\ntlb_lost = tlb_lost\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UnknownNameError) as caught:
        find_backbone(load_plugins(), "theirs")
    assert "plugins left out, with reasons: `tlbench list plugins`" in str(caught.value.hint)


def test_long_reasons_are_cut() -> None:
    with (
        pytest.raises(PluginError) as caught,
        plugin_at_work(Source("p", "o", ""), "w"),
    ):
        raise ValueError("x\n" * 5000)
    assert len(caught.value.message) < 500
    assert "\n" not in caught.value.message
