"""The networks of Keras Applications: one table of what is known of each.

A test checks every figure against the Keras that is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_IMAGENET_1K = "ImageNet ILSVRC 2012, 1.28 million photographs, 1000 classes"
_IMAGENET_21K = f"ImageNet-21k, 14 million photographs, 21,841 classes; then {_IMAGENET_1K}"

Scaling = Literal["tf", "caffe", "torch", "inside"]
"""What Keras calls them: -1..1; 0..255 as BGR less ImageNet's means; 0..1 standardised; none, for
the network scales 0..255 itself."""


@dataclass(frozen=True)
class Family:
    """What sizes of one network share: their module in `keras.applications`, the scaling that
    Keras's weights were trained with, and the paper."""

    module: str
    scaling: Scaling
    reference: str


@dataclass(frozen=True)
class Application:
    """A network of `keras.applications`, without its top layer and average-pooled.

    `size` is the side of its square input in pixels.
    """

    name: str
    title: str
    function: str
    family: Family
    size: int
    feature_size: int
    parameters: int
    trained_on: str = _IMAGENET_1K


_INCEPTION_V3 = Family(
    "inception_v3",
    "tf",
    "Szegedy C, Vanhoucke V, Ioffe S, Shlens J, Wojna Z. Rethinking the Inception architecture "
    "for computer vision. CVPR 2016:2818-2826. doi:10.1109/CVPR.2016.308",
)
_INCEPTION_RESNET_V2 = Family(
    "inception_resnet_v2",
    "tf",
    "Szegedy C, Ioffe S, Vanhoucke V, Alemi AA. Inception-v4, Inception-ResNet and the impact of "
    "residual connections on learning. AAAI 2017:4278-4284. doi:10.1609/aaai.v31i1.11231",
)
_XCEPTION = Family(
    "xception",
    "tf",
    "Chollet F. Xception: deep learning with depthwise separable convolutions. "
    "CVPR 2017:1800-1807. doi:10.1109/CVPR.2017.195",
)
_VERY_DEEP = (
    "Simonyan K, Zisserman A. Very deep convolutional networks for large-scale image recognition. "
    "ICLR 2015. arXiv:1409.1556"
)
_VGG16 = Family("vgg16", "caffe", _VERY_DEEP)
_VGG19 = Family("vgg19", "caffe", _VERY_DEEP)
_RESNET = Family(
    "resnet",
    "caffe",
    "He K, Zhang X, Ren S, Sun J. Deep residual learning for image recognition. "
    "CVPR 2016:770-778. doi:10.1109/CVPR.2016.90",
)
_RESNET_V2 = Family(
    "resnet_v2",
    "tf",
    "He K, Zhang X, Ren S, Sun J. Identity mappings in deep residual networks. "
    "ECCV 2016:630-645. doi:10.1007/978-3-319-46493-0_38",
)
_DENSENET = Family(
    "densenet",
    "torch",
    "Huang G, Liu Z, van der Maaten L, Weinberger KQ. Densely connected convolutional networks. "
    "CVPR 2017:2261-2269. doi:10.1109/CVPR.2017.243",
)
_MOBILENET = Family(
    "mobilenet",
    "tf",
    "Howard AG, Zhu M, Chen B, et al. MobileNets: efficient convolutional neural networks for "
    "mobile vision applications. 2017. arXiv:1704.04861",
)
_MOBILENET_V2 = Family(
    "mobilenet_v2",
    "tf",
    "Sandler M, Howard A, Zhu M, Zhmoginov A, Chen LC. MobileNetV2: inverted residuals and linear "
    "bottlenecks. CVPR 2018:4510-4520. doi:10.1109/CVPR.2018.00474",
)
_MOBILENET_V3 = Family(
    "mobilenet_v3",
    "inside",
    "Howard A, Sandler M, Chu G, et al. Searching for MobileNetV3. "
    "ICCV 2019:1314-1324. doi:10.1109/ICCV.2019.00140",
)
_EFFICIENTNET = Family(
    "efficientnet",
    "inside",
    "Tan M, Le QV. EfficientNet: rethinking model scaling for convolutional neural networks. "
    "ICML 2019:6105-6114. arXiv:1905.11946",
)
_EFFICIENTNET_V2 = Family(
    "efficientnet_v2",
    "inside",
    "Tan M, Le QV. EfficientNetV2: smaller models and faster training. "
    "ICML 2021:10096-10106. arXiv:2104.00298",
)
_NASNET = Family(
    "nasnet",
    "tf",
    "Zoph B, Vasudevan V, Shlens J, Le QV. Learning transferable architectures for scalable image "
    "recognition. CVPR 2018:8697-8710. doi:10.1109/CVPR.2018.00907",
)
_CONVNEXT = Family(
    "convnext",
    "inside",
    "Liu Z, Mao H, Wu CY, Feichtenhofer C, Darrell T, Xie S. A ConvNet for the 2020s. "
    "CVPR 2022:11966-11976. doi:10.1109/CVPR52688.2022.01167",
)

APPLICATIONS = (
    Application(
        "inception_v3", "Inception v3", "InceptionV3", _INCEPTION_V3, 299, 2048, 21_802_784
    ),
    Application(
        "inception_resnet_v2",
        "Inception-ResNet v2",
        "InceptionResNetV2",
        _INCEPTION_RESNET_V2,
        299,
        1536,
        54_336_736,
    ),
    Application("xception", "Xception", "Xception", _XCEPTION, 299, 2048, 20_861_480),
    Application("vgg16", "VGG16", "VGG16", _VGG16, 224, 512, 14_714_688),
    Application("vgg19", "VGG19", "VGG19", _VGG19, 224, 512, 20_024_384),
    Application("resnet50", "ResNet50", "ResNet50", _RESNET, 224, 2048, 23_587_712),
    Application("resnet101", "ResNet101", "ResNet101", _RESNET, 224, 2048, 42_658_176),
    Application("resnet152", "ResNet152", "ResNet152", _RESNET, 224, 2048, 58_370_944),
    Application("resnet50_v2", "ResNet50 V2", "ResNet50V2", _RESNET_V2, 224, 2048, 23_564_800),
    Application("resnet101_v2", "ResNet101 V2", "ResNet101V2", _RESNET_V2, 224, 2048, 42_626_560),
    Application("resnet152_v2", "ResNet152 V2", "ResNet152V2", _RESNET_V2, 224, 2048, 58_331_648),
    Application("densenet121", "DenseNet121", "DenseNet121", _DENSENET, 224, 1024, 7_037_504),
    Application("densenet169", "DenseNet169", "DenseNet169", _DENSENET, 224, 1664, 12_642_880),
    Application("densenet201", "DenseNet201", "DenseNet201", _DENSENET, 224, 1920, 18_321_984),
    Application("mobilenet", "MobileNet V1", "MobileNet", _MOBILENET, 224, 1024, 3_228_864),
    Application("mobilenet_v2", "MobileNet V2", "MobileNetV2", _MOBILENET_V2, 224, 1280, 2_257_984),
    Application(
        "mobilenet_v3_small",
        "MobileNet V3 Small",
        "MobileNetV3Small",
        _MOBILENET_V3,
        224,
        576,
        939_120,
    ),
    Application(
        "mobilenet_v3_large",
        "MobileNet V3 Large",
        "MobileNetV3Large",
        _MOBILENET_V3,
        224,
        960,
        2_996_352,
    ),
    Application(
        "efficientnet_b0", "EfficientNet B0", "EfficientNetB0", _EFFICIENTNET, 224, 1280, 4_049_571
    ),
    Application(
        "efficientnet_b1", "EfficientNet B1", "EfficientNetB1", _EFFICIENTNET, 240, 1280, 6_575_239
    ),
    Application(
        "efficientnet_b2", "EfficientNet B2", "EfficientNetB2", _EFFICIENTNET, 260, 1408, 7_768_569
    ),
    Application(
        "efficientnet_b3", "EfficientNet B3", "EfficientNetB3", _EFFICIENTNET, 300, 1536, 10_783_535
    ),
    Application(
        "efficientnet_b4", "EfficientNet B4", "EfficientNetB4", _EFFICIENTNET, 380, 1792, 17_673_823
    ),
    Application(
        "efficientnet_b5", "EfficientNet B5", "EfficientNetB5", _EFFICIENTNET, 456, 2048, 28_513_527
    ),
    Application(
        "efficientnet_b6", "EfficientNet B6", "EfficientNetB6", _EFFICIENTNET, 528, 2304, 40_960_143
    ),
    Application(
        "efficientnet_b7", "EfficientNet B7", "EfficientNetB7", _EFFICIENTNET, 600, 2560, 64_097_687
    ),
    Application(
        "efficientnet_v2_b0",
        "EfficientNet V2 B0",
        "EfficientNetV2B0",
        _EFFICIENTNET_V2,
        224,
        1280,
        5_919_312,
    ),
    Application(
        "efficientnet_v2_b1",
        "EfficientNet V2 B1",
        "EfficientNetV2B1",
        _EFFICIENTNET_V2,
        240,
        1280,
        6_931_124,
    ),
    Application(
        "efficientnet_v2_b2",
        "EfficientNet V2 B2",
        "EfficientNetV2B2",
        _EFFICIENTNET_V2,
        260,
        1408,
        8_769_374,
    ),
    Application(
        "efficientnet_v2_b3",
        "EfficientNet V2 B3",
        "EfficientNetV2B3",
        _EFFICIENTNET_V2,
        300,
        1536,
        12_930_622,
    ),
    Application(
        "efficientnet_v2_s",
        "EfficientNet V2 S",
        "EfficientNetV2S",
        _EFFICIENTNET_V2,
        384,
        1280,
        20_331_360,
    ),
    Application(
        "efficientnet_v2_m",
        "EfficientNet V2 M",
        "EfficientNetV2M",
        _EFFICIENTNET_V2,
        480,
        1280,
        53_150_388,
    ),
    Application(
        "efficientnet_v2_l",
        "EfficientNet V2 L",
        "EfficientNetV2L",
        _EFFICIENTNET_V2,
        480,
        1280,
        117_746_848,
    ),
    Application("nasnet_mobile", "NASNet Mobile", "NASNetMobile", _NASNET, 224, 1056, 4_269_716),
    Application("nasnet_large", "NASNet Large", "NASNetLarge", _NASNET, 331, 4032, 84_916_818),
    Application("convnext_tiny", "ConvNeXt Tiny", "ConvNeXtTiny", _CONVNEXT, 224, 768, 27_820_128),
    Application(
        "convnext_small", "ConvNeXt Small", "ConvNeXtSmall", _CONVNEXT, 224, 768, 49_454_688
    ),
    Application(
        "convnext_base",
        "ConvNeXt Base",
        "ConvNeXtBase",
        _CONVNEXT,
        224,
        1024,
        87_566_464,
        _IMAGENET_21K,
    ),
    Application(
        "convnext_large",
        "ConvNeXt Large",
        "ConvNeXtLarge",
        _CONVNEXT,
        224,
        1536,
        196_230_336,
        _IMAGENET_21K,
    ),
    Application(
        "convnext_xlarge",
        "ConvNeXt XLarge",
        "ConvNeXtXLarge",
        _CONVNEXT,
        224,
        2048,
        348_147_968,
        _IMAGENET_21K,
    ),
)
