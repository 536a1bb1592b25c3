"""The backbone: replace this with your own network."""

import numpy as np


def extract(pixels):
    """Return features (n, 128), float32, of pixels (n, 64, 64) or (n, 64, 64, 3).

    For each of 8 x 8 blocks the mean step of brightness downwards and to the right. Pixels are
    uint8 or uint16, and scaling them is the backbone's own affair.
    """
    images = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    if images.ndim == 4:
        images = images.mean(axis=3)
    features = [_by_block(np.abs(np.diff(images, axis=axis, append=0))) for axis in (1, 2)]
    return np.concatenate(features, axis=1)


def _by_block(images):
    blocks = images.reshape(len(images), 8, 8, 8, 8)
    return blocks.mean(axis=(2, 4)).reshape(len(images), 64)
