"""One image per call of a Keras model: `one_by_one.py PICTURES WEIGHTS` prints JSON."""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
from classify import save

from tlbench.plugins import load_plugins


def main(pictures: str, weights: str) -> None:
    model = load_plugins().backbones.find("inception_v3").spec.load(Path(weights))
    files = sorted(Path(pictures).glob("*/*.jpg"))
    features = []
    began = time.perf_counter()
    for file in files:
        image = keras.utils.load_img(file, target_size=(299, 299))
        pixels = keras.utils.img_to_array(image)[None] / 255.0
        features.append(np.asarray(model(pixels, training=False))[0])
    save(np.stack(features))
    seconds = time.perf_counter() - began
    print(json.dumps({"images": len(files), "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
