"""Reference backbones built by Keras, offered to tlbench as a plugin.

Listing them imports no framework: networks are built, and weights fetched, when they are asked for.
"""

from __future__ import annotations

from tlbench.hookspecs import hookimpl
from tlbench.specs import BackboneSpec, Preprocessing, WeightsSpec
from tlbench_keras import inception, keras_weights, nsfwjs, random_weights

_CENTRED = Preprocessing(size=inception.SIZE, scale=(-1.0, 1.0))
_IMAGENET = WeightsSpec(
    name="imagenet",
    title="ImageNet (Keras)",
    trained_on="ImageNet ILSVRC 2012, 1.28 million photographs, 1000 classes",
    licence="Apache-2.0, as Keras Applications states; ImageNet's own terms apply to its images",
    obtain=keras_weights.obtain,
    find=keras_weights.find,
    size=keras_weights.INCEPTION_V3.size,
    checksum=f"md5:{keras_weights.INCEPTION_V3.md5}",
    source=keras_weights.INCEPTION_V3.url,
    preprocessing=_CENTRED,
)
_NSFWJS = WeightsSpec(
    name="nsfwjs",
    title="nsfwjs (ImageNet to mixed5, then fine-tuned; 8 bit)",
    trained_on=(
        "ImageNet ILSVRC 2012; layers after mixed5 fine-tuned on photographs and drawings "
        "for content moderation, 5 classes"
    ),
    licence="MIT",
    obtain=nsfwjs.obtain,
    find=nsfwjs.find,
    size=nsfwjs.SIZE,
    checksum=nsfwjs.PACKAGE.integrity,
    source=f"npm package {nsfwjs.PACKAGE}, dist/models/inception_v3",
    preprocessing=Preprocessing(size=inception.SIZE, scale=(0.0, 1.0)),
)
_RANDOM = WeightsSpec(
    name="random",
    title="random (He, seeded; not trained)",
    trained_on="nothing: a control",
    licence="none needed: made on this machine",
    obtain=random_weights.obtain,
    find=random_weights.find,
    preprocessing=_CENTRED,
    control=True,
)


@hookimpl
def tlbench_register_backbones() -> list[BackboneSpec]:
    """Return the backbones of this plugin."""
    return [
        BackboneSpec(
            name=inception.NAME,
            title="Inception v3",
            feature_size=inception.FEATURE_SIZE,
            preprocessing=_CENTRED,
            load=inception.load,
            framework="keras",
            weights=(_IMAGENET, _NSFWJS, _RANDOM),
            layers=inception.LAYERS,
            parameters=inception.PARAMETERS,
            reference=(
                "Szegedy C, Vanhoucke V, Ioffe S, Shlens J, Wojna Z. Rethinking the Inception "
                "architecture for computer vision. CVPR 2016:2818-2826. "
                "doi:10.1109/CVPR.2016.308"
            ),
            licence="Apache-2.0 (Keras Applications)",
        )
    ]
