import pytest

from tlbench.errors import PluginError, UnknownNameError
from tlbench.protocols.shipped import LINEAR_PROBE, PAPER2018
from tlbench.registry import Registry, Source
from tlbench.specs import ProtocolSpec

OURS = Source("protocols", "tlbench 1.0", "a" * 64)
THEIRS = Source("theirs", "theirs 2.0", "b" * 64)


@pytest.fixture
def registry() -> Registry[ProtocolSpec]:
    made: Registry[ProtocolSpec] = Registry("protocol", "protocols")
    made.add(PAPER2018, OURS)
    made.add(LINEAR_PROBE, OURS)
    return made


def test_a_known_name_is_found_with_its_source(registry: Registry[ProtocolSpec]) -> None:
    offer = registry.find("paper2018")
    assert offer.spec is PAPER2018
    assert offer.source is OURS


@pytest.mark.parametrize(
    ("asked", "meant"), [("paper2081", "paper2018"), ("linear_probe", "linear-probe")]
)
def test_a_misspelt_name_gets_the_nearest(
    registry: Registry[ProtocolSpec], asked: str, meant: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.find(asked)
    assert caught.value.message == f'unknown protocol "{asked}"'
    assert caught.value.hint == f'did you mean "{meant}"?'


def test_a_name_near_to_none_gets_the_list(registry: Registry[ProtocolSpec]) -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.find("zzz")
    assert caught.value.hint == "see `tlbench list protocols`"


def test_a_clash_names_both_plugins(registry: Registry[ProtocolSpec]) -> None:
    with pytest.raises(PluginError) as caught:
        registry.check([PAPER2018], THEIRS)
    for part in ('"paper2018"', '"protocols" (tlbench 1.0)', '"theirs" (theirs 2.0)'):
        assert part in caught.value.message


def test_one_plugin_offering_a_name_twice_is_a_clash(registry: Registry[ProtocolSpec]) -> None:
    with pytest.raises(PluginError, match="offered twice"):
        Registry[ProtocolSpec]("protocol", "protocols").check([PAPER2018, PAPER2018], THEIRS)
