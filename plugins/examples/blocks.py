"""A whole backbone in one file: the mean brightness of 8 x 8 blocks."""

import numpy as np

from tlbench import BackboneSpec, Preprocessing, hookimpl


def load(_weights_file):
    """Return what turns pixels (n, 64, 64), uint8 or uint16, into features (n, 64), float32."""

    def extract(pixels):
        images = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
        if images.ndim == 4:  # colour: (n, 64, 64, 3)
            images = images.mean(axis=3)
        blocks = images.reshape(len(images), 8, 8, 8, 8)
        return blocks.mean(axis=(2, 4)).reshape(len(images), 64)

    return extract


@hookimpl
def tlbench_register_backbones():
    """Offer the backbone to tlbench."""
    return [
        BackboneSpec(
            name="blocks",
            title="mean brightness of 8 x 8 blocks",
            feature_size=64,
            preprocessing=Preprocessing(size=(64, 64)),
            load=load,
            parameters=0,
            reference="none: an example",
            licence="Apache-2.0",
        )
    ]
