"""From a name of timm's to a backbone: `make` is what stands behind `timm:NAME`."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from tlbench.errors import PluginError
from tlbench.registry import unknown
from tlbench.specs import BackboneSpec, Preprocessing, WeightsSpec
from tlbench_timm import hub, random_weights
from tlbench_timm.network import features_of, loader


def make(name: str) -> BackboneSpec:
    """Return the backbone that timm calls `name`, an architecture with or without a tag.

    Size and scale of the input are those that timm states for the tag; tlbench resizes the whole
    radiograph, without timm's crop. Raises `UnknownNameError` for what timm doesn't have.
    """
    timm = _import_timm()
    _check_name(timm, name)
    config = timm.get_pretrained_cfg(name, allow_unregistered=False)
    channels, rows, columns = config.input_size
    size, parameters = features_of(name, (channels, rows, columns))
    tag = config.tag or ""
    return BackboneSpec(
        name=f"timm:{name}",
        title=f"timm {name.partition('.')[0]}",
        feature_size=size,
        preprocessing=Preprocessing((rows, columns), mean=config.mean, std=config.std),
        load=loader(name, config.mean, config.std),
        weights=(*_pretrained(name, tag, config), _random(name)),
        parameters=parameters,
        reference=config.paper_name or "timm",
        licence="Apache-2.0 (timm)",
        version="; ".join(f"{each} {importlib.metadata.version(each)}" for each in _DECIDE),
    )


_DECIDE = ("timm", "torch")


def _import_timm() -> Any:
    try:
        import timm
    except (ImportError, OSError, RuntimeError) as error:
        # PyTorch and torchvision of different builds fail in all of these ways.
        raise PluginError(
            f"timm can't be imported here: {' '.join(str(error).split())[:150]}",
            'install matching builds of torch and torchvision, as `pip install "tlbench[timm]"` '
            "does in an empty environment",
        ) from error
    return timm


def _check_name(timm: Any, name: str) -> None:
    architecture, _, tag = name.partition(".")
    known = timm.list_models()
    if architecture in known:
        tagged = timm.list_pretrained(f"{architecture}.*")
        if not tag or name in tagged:
            return
        has = ", ".join(each.partition(".")[2] for each in tagged) or "none"
        raise unknown("timm model", name, tagged, f"{architecture} has the tags {has}")
    raise unknown("timm model", name, known, "see `timm.list_models()` in Python")


def _pretrained(name: str, tag: str, config: Any) -> list[WeightsSpec]:
    if not (config.hf_hub_id or config.url):
        return []
    return [
        WeightsSpec(
            name="pretrained",
            title=f"timm {tag}".strip(),
            trained_on=config.description or f'"{tag}", in timm\'s words',
            licence=config.license or "see its model card",
            obtain=lambda request: hub.obtain(name, config, request),
            find=lambda _request: hub.find(config),
            source=f"Hugging Face hub, {config.hf_hub_id}" if config.hf_hub_id else config.url,
        )
    ]


def _random(name: str) -> WeightsSpec:
    return WeightsSpec(
        name="random",
        title="random (timm's own, seeded; not trained)",
        trained_on="nothing: a control",
        licence="none needed: made on this machine",
        obtain=lambda request: random_weights.obtain(name, request),
        find=lambda request: random_weights.find(name, request),
        control=True,
    )
