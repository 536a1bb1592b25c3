"""The plugin host, with real plugin files and a real installed distribution, sound and broken."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tlbench.errors import InterruptedRunError, PluginError
from tlbench.plugins import load_plugins
from tlbench.specs import RunFinished

BLOCKS = Path(__file__).parents[2] / "plugins" / "examples" / "blocks.py"
HEAD = "from tlbench import BackboneSpec, Preprocessing, hookimpl\n"
SPEC = "BackboneSpec('{name}', 't', 3, Preprocessing((8, 8)), load=lambda file: None)"
OFFER = "@hookimpl\ndef tlbench_register_backbones():\n    return [" + SPEC + "]\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Make a distribution with an entry point, as pip leaves it, and put it on the path."""

    def make(name: str, source: str) -> None:
        site = tmp_path / "site"
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (site / f"{name}.py").write_text(textwrap.dedent(source))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[tlbench]\n{name} = {name}\n")
        monkeypatch.syspath_prepend(str(site))

    return make


def test_what_ships_comes_through_entry_points() -> None:
    host = load_plugins()
    assert {"datasets", "keras", "protocols"} <= {p.source.plugin for p in host.plugins}
    assert host.backbones.find("inception_v3").source.origin.startswith("tlbench ")
    assert not host.problems


def test_a_file_adds_a_backbone() -> None:
    offer = load_plugins([BLOCKS]).backbones.find("blocks")
    assert offer.source.origin == str(BLOCKS)
    assert len(offer.source.digest) == 64


def test_an_installed_plugin_is_found(install) -> None:
    install("tlb_good", HEAD + OFFER.format(name="good"))
    assert load_plugins().backbones.find("good").source.origin == "tlb_good 1.0"


def test_a_blocked_plugin_is_not_loaded(install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("tlb_blocked", HEAD + OFFER.format(name="blocked"))
    monkeypatch.setenv("TLBENCH_BLOCK_PLUGINS", "tlb_blocked, other")
    assert all(p.source.plugin != "tlb_blocked" for p in load_plugins().plugins)


def test_a_file_in_the_current_folder_is_never_picked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tlbench_plugin.py").write_text(HEAD + OFFER.format(name="stray"))
    monkeypatch.chdir(tmp_path)
    names = {offer.spec.name for offer in load_plugins().backbones}
    assert "stray" not in names


BROKEN = {
    "import_fails": ("import no_such_module\n", "ModuleNotFoundError: No module named"),
    "syntax": ("def broken(:\n", "SyntaxError"),
    "exits": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "vanishes": ("import os\nos._exit(3)\n", "SystemExit: os._exit(3)"),
    "base": ("class Own(BaseException): pass\nraise Own('own')\n", "Own: own"),
    "memory": ("raise MemoryError\n", "MemoryError"),
    "misspelt": (
        HEAD + "@hookimpl\ndef tlbench_register_backbone():\n    return []\n",
        "unknown hook 'tlbench_register_backbone'",
    ),
    "bad_argument": (
        HEAD + "@hookimpl\ndef tlbench_register_backbones(register):\n    return []\n",
        "register",
    ),
    "raises": (
        HEAD + "@hookimpl\ndef tlbench_register_backbones():\n    raise RuntimeError('late')\n",
        "RuntimeError: late",
    ),
    "wrong_type": (
        HEAD + "@hookimpl\ndef tlbench_register_backbones():\n    return ['inception']\n",
        "returned a list with str instead of BackboneSpec",
    ),
    "no_list": (
        HEAD + "@hookimpl\ndef tlbench_register_backbones():\n    return 7\n",
        "returned int instead of a list of BackboneSpec",
    ),
    "bad_field": (
        HEAD + OFFER.format(name="bad").replace("3, Pre", "'3', Pre"),
        "feature_size is '3', not a whole number",
    ),
    "bad_size": (
        HEAD + OFFER.format(name="bad").replace("(8, 8)", "'big'"),
        "size is 'big', not (rows, columns)",
    ),
    "title": (HEAD + OFFER.format(name="bad").replace("'t'", "7"), "title is 7, not a str"),
    "words": (
        HEAD + OFFER.format(name="bad").replace("load=", "packages='timm', load="),
        "packages is 'timm', not a tuple of str",
    ),
    "weights": (
        HEAD + OFFER.format(name="bad").replace("load=", "weights=['imagenet'], load="),
        "weights are something else than a tuple of WeightsSpec",
    ),
    "scale": (
        HEAD + OFFER.format(name="bad").replace("(8, 8)", "(8, 8), scale=255"),
        "scale is 255, not 2 numbers",
    ),
    "generator": (
        HEAD + "@hookimpl\ndef tlbench_register_backbones():\n    yield 1 / 0\n",
        "ZeroDivisionError: division by zero",
    ),
    "no_name": (HEAD + OFFER.format(name=""), "the name of a backbone is ''"),
    "clash": (HEAD + OFFER.format(name="inception_v3"), '"inception_v3" is offered twice'),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_listed_and_stops_nobody(install, kind: str) -> None:
    source, reason = BROKEN[kind]
    install(f"tlb_{kind}", source)
    install("tlb_zz_good", HEAD + OFFER.format(name="good"))
    host = load_plugins()
    (problem,) = host.problems
    assert problem.source.plugin == f"tlb_{kind}"
    assert reason in problem.problem
    assert "\n" not in problem.problem
    assert host.backbones.find("good")
    assert host.backbones.find("inception_v3").source.plugin == "keras"


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_an_error_when_named_or_strict(
    install, tmp_path: Path, kind: str
) -> None:
    source, reason = BROKEN[kind]
    file = tmp_path / "named.py"
    file.write_text(source)
    with pytest.raises(PluginError) as caught:
        load_plugins([file])
    assert str(file) in caught.value.message
    assert reason in caught.value.message
    install(f"tlb_strict_{kind}", source)
    with pytest.raises(PluginError, match=f"tlb_strict_{kind}"):
        load_plugins(strict=True)


def test_two_packages_may_call_their_plugin_alike(install, tmp_path: Path) -> None:
    hook = "@hookimpl\ndef tlbench_run_finished(event):\n    (event.folder / '{0}').touch()\n"
    for name in ("tlb_one", "tlb_two"):
        install(name, HEAD + OFFER.format(name=name) + hook.format(name))
        (tmp_path / "site" / f"{name}-1.0.dist-info" / "entry_points.txt").write_text(
            f"[tlbench]\nmy-backbones = {name}\n"
        )
    host = load_plugins()
    assert not host.problems
    assert host.backbones.find("tlb_one")
    assert host.backbones.find("tlb_two")
    host.notify(RunFinished({}, tmp_path), print)
    assert (tmp_path / "tlb_one").exists()
    assert (tmp_path / "tlb_two").exists()


def test_nothing_of_a_half_sound_plugin_is_taken(install) -> None:
    install(
        "tlb_half",
        HEAD
        + OFFER.format(name="half")
        + "@hookimpl\ndef tlbench_register_protocols():\n    return [1]\n",
    )
    host = load_plugins()
    assert "half" not in {offer.spec.name for offer in host.backbones}


def test_a_package_that_fails_around_its_plugin_is_left_out(install, tmp_path: Path) -> None:
    """Looking for `package.plugin` imports `package`."""
    install("tlb_around", "")
    package = tmp_path / "site" / "tlb_fails_around"
    package.mkdir()
    (package / "__init__.py").write_text("import os\nos._exit(3)\n")
    (package / "plugin.py").touch()
    (tmp_path / "site" / "tlb_around-1.0.dist-info" / "entry_points.txt").write_text(
        "[tlbench]\na = tlb_fails_around.plugin\nb = no such module!\n"
    )
    host = load_plugins()
    assert {p.source.plugin for p in host.problems} == {"a", "b"}
    assert host.backbones.find("inception_v3")


def test_who_loses_patience_learns_whose_plugin_it_was(install) -> None:
    install("tlb_slow", "from tlbench.errors import InterruptedRunError as E\nraise E\n")
    with pytest.raises(InterruptedRunError, match="TLBENCH_BLOCK_PLUGINS=tlb_slow leaves it out"):
        load_plugins()


def test_what_a_plugin_prints_does_not_reach_stdout(
    install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("tlb_chatty", "print('hello from a plugin')\n")
    load_plugins()
    out, err = capsys.readouterr()
    assert out == ""
    assert "hello from a plugin" in err


def test_a_missing_plugin_file_is_named() -> None:
    with pytest.raises(PluginError, match=r'plugin file "no/such\.py" does not exist'):
        load_plugins([Path("no/such.py")])


def test_an_observer_that_fails_costs_a_warning_only(install, tmp_path: Path) -> None:
    hook = "@hookimpl\ndef tlbench_run_finished(event):\n"
    install("tlb_aa_fails", HEAD + hook + "    raise ValueError('observer is broken')\n")
    install("tlb_ab_leaves", HEAD + hook + "    raise SystemExit(4)\n")
    install("tlb_zz_sees", HEAD + hook + "    (event.folder / 'seen').write_text('yes')\n")
    warnings: list[str] = []
    load_plugins().notify(RunFinished({}, tmp_path), warnings.append)
    first, second = sorted(warnings)
    assert "tlb_aa_fails" in first
    assert "observer is broken" in first
    assert "tlb_ab_leaves" in second
    assert "SystemExit: 4" in second
    assert (tmp_path / "seen").read_text() == "yes"
