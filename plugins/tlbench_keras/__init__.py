"""Backbones of Keras Applications, offered to tlbench as a plugin.

Listing them imports no framework: networks are built, and weights fetched, when they are asked for.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tlbench.hookspecs import hookimpl
from tlbench.specs import BackboneSpec, Preprocessing, WeightsSpec
from tlbench_keras import keras_weights, networks, nsfwjs, random_weights
from tlbench_keras.applications import APPLICATIONS, Application
from tlbench_keras.block_ends import BLOCK_ENDS
from tlbench_keras.releases import RELEASES

_LICENCE = "Apache-2.0, as Keras Applications states; ImageNet's own terms apply to its images"
_SCALINGS = {
    "tf": Preprocessing(size=None, scale=(-1.0, 1.0)),
    "caffe": Preprocessing(
        size=None, scale=(0.0, 255.0), mean=(103.939, 116.779, 123.68), channels="bgr"
    ),
    "torch": Preprocessing(
        size=None, scale=(0.0, 1.0), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    ),
    "inside": Preprocessing(size=None, scale=(0.0, 255.0)),
}


@hookimpl
def tlbench_register_backbones() -> list[BackboneSpec]:
    """Return the backbones of this plugin."""
    return [_backbone(application) for application in APPLICATIONS]


def _backbone(application: Application) -> BackboneSpec:
    weights = [_imagenet(application), _random(application)]
    if application.name in nsfwjs.FROZEN_TO:
        weights.insert(1, _nsfwjs(application))
    return BackboneSpec(
        name=application.name,
        title=application.title,
        feature_size=application.feature_size,
        preprocessing=_preprocessing(application),
        load=partial(networks.load, application),
        framework="keras",
        weights=tuple(weights),
        layers=BLOCK_ENDS[application.name],
        parameters=application.parameters,
        reference=application.family.reference,
        licence="Apache-2.0 (Keras Applications)",
    )


def _preprocessing(application: Application, scaling: str = "") -> Preprocessing:
    rule = _SCALINGS[scaling or application.family.scaling]
    return replace(rule, size=(application.size, application.size))


def _imagenet(application: Application) -> WeightsSpec:
    release = RELEASES[application.name]
    return WeightsSpec(
        name="imagenet",
        title="ImageNet (Keras)",
        trained_on=application.trained_on,
        licence=_LICENCE,
        obtain=partial(keras_weights.obtain, release),
        find=partial(keras_weights.find, release),
        size=release.size,
        checksum=release.checksum,
        source=release.url,
        preprocessing=_preprocessing(application),
    )


def _nsfwjs(application: Application) -> WeightsSpec:
    frozen = nsfwjs.FROZEN_TO[application.name]
    return WeightsSpec(
        name="nsfwjs",
        title=f"nsfwjs (ImageNet to {frozen}, then fine-tuned; 8 bit)",
        trained_on=(
            f"ImageNet ILSVRC 2012; layers after {frozen} fine-tuned on photographs and drawings "
            "for content moderation, 5 classes"
        ),
        licence="MIT",
        obtain=partial(nsfwjs.obtain, application),
        find=partial(nsfwjs.find, application),
        size=nsfwjs.SIZE,
        checksum=nsfwjs.PACKAGE.integrity,
        source=f"npm package {nsfwjs.PACKAGE}, dist/models/{application.name}",
        preprocessing=replace(_preprocessing(application), scale=(0.0, 1.0)),
    )


def _random(application: Application) -> WeightsSpec:
    # Kernels that know nothing want the plainest scaling: centred, unless the network does it.
    inside = application.family.scaling == "inside"
    return WeightsSpec(
        name="random",
        title="random (He, seeded; not trained)",
        trained_on="nothing: a control",
        licence="none needed: made on this machine",
        obtain=partial(random_weights.obtain, application),
        find=partial(random_weights.find, application),
        preprocessing=_preprocessing(application, "inside" if inside else "tf"),
        control=True,
    )
