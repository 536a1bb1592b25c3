"""From what a user wrote to a backbone: by name, from a family, or cut at an earlier layer."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlbench.containment import contain_backbone
from tlbench.errors import PluginError
from tlbench.plugins import PluginHost
from tlbench.registry import Offer, unknown
from tlbench.specs import BackboneFamily, BackboneSpec

AT = "@"


def find_backbone(host: PluginHost, name: str) -> Offer[BackboneSpec]:
    """Return the backbone that `name` means: NAME, FAMILY:ARGUMENT, or either with @LAYER.

    Raises `UnknownNameError` where there is none, and `PluginError` where it needs packages that
    are not installed or its family makes something else.
    """
    if name in {offer.spec.name for offer in host.backbones}:
        return _usable(host.backbones.find(name))
    if ":" in name:
        return _usable(_from_family(host, name))
    backbone, at, layer = name.partition(AT)
    offer = _usable(host.backbones.find(backbone))
    if not at:
        return offer
    return Offer(contain_backbone(at_layer(offer.spec, layer), offer.source), offer.source)


def at_layer(spec: BackboneSpec, layer: str) -> BackboneSpec:
    """Return `spec` with features from an earlier layer, averaged over the image.

    Its name becomes NAME@LAYER, so that tables tell it from the whole. Raises `UnknownNameError`
    for a layer that the backbone doesn't declare.
    """
    if layer not in spec.layers:
        raise unknown(
            f"layer of {spec.name}",
            layer,
            list(spec.layers),
            "it has " + ", ".join(spec.layers) if spec.layers else "it offers its last layer only",
        )
    return replace(
        spec,
        name=f"{spec.name}{AT}{layer}",
        title=f"{spec.title}, up to {layer}",
        feature_size=spec.layers[layer],
        load=_cut(spec.load, layer),
        layers={},
        layer=layer,
        parameters=None,
    )


def missing_packages(spec: BackboneSpec | BackboneFamily) -> list[str]:
    """Return the distributions that `spec` needs and that are not installed here."""
    return [name for name in spec.packages if not _is_installed(name)]


def base_name(spec: BackboneSpec) -> str:
    """Return the name without the layer: what its weights are kept under."""
    return spec.name.removesuffix(f"{AT}{spec.layer}") if spec.layer else spec.name


def _from_family(host: PluginHost, name: str) -> Offer[BackboneSpec]:
    prefix, _, argument = name.partition(":")
    family = _usable(host.families.find(prefix))
    if not argument:
        raise PluginError(
            f'backbone "{name}" lacks what comes after the colon',
            f"write {prefix}:{family.spec.argument}",
        )
    spec = family.spec.make(argument)
    if not isinstance(spec, BackboneSpec):
        raise PluginError(
            f'backbone family "{prefix}" made {type(spec).__name__} instead of a BackboneSpec',
            "see `BackboneFamily` in plugins/README.md",
        )
    return Offer(spec, family.source)


def _usable(offer: Offer[Any]) -> Offer[Any]:
    missing = missing_packages(offer.spec)
    if missing:
        raise PluginError(
            f'backbone "{offer.spec.name}" needs {_listed(missing)}, not installed here',
            f"install it with `{offer.spec.install or 'pip install ' + ' '.join(missing)}`",
        )
    return offer


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):  # ValueError: no name at all
        return False
    return True


def _cut(load: Callable[[Path | None], Any], layer: str) -> Callable[[Path | None], Any]:
    def load_up_to(file: Path | None) -> Any:
        import keras

        model = load(file)
        output = model.get_layer(layer).output
        if len(output.shape) == 4:
            output = keras.layers.GlobalAveragePooling2D()(output)
        cut = keras.Model(model.input, output)
        cut.trainable = False
        return cut

    return load_up_to
