"""The networks by name, photographs, and a small network of each family."""

from __future__ import annotations

from typing import Any

import numpy as np

import tlbench_keras
from tlbench_keras.applications import APPLICATIONS

APPLICATION = {application.name: application for application in APPLICATIONS}
BACKBONE = {spec.name: spec for spec in tlbench_keras.tlbench_register_backbones()}
SMALLEST = {
    application.family.module: application
    for application in sorted(APPLICATIONS, key=lambda application: -application.parameters)
}


def photographs(side: int) -> Any:
    """Return four everyday photographs, uint8 of shape (4, side, side, 3)."""
    from PIL import Image
    from skimage import data

    images = [data.chelsea(), data.coffee(), data.astronaut(), data.rocket()]
    sized = (Image.fromarray(i).resize((side, side), Image.Resampling.BILINEAR) for i in images)
    return np.stack([np.asarray(image) for image in sized])
