"""A plain pipeline of Keras: `image_dataset_from_directory`, `predict`, logistic regression.

`plain_keras.py PICTURES WEIGHTS` prints JSON. Its clock starts after the first batch, so that
tracing the network does not count.
"""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from classify import classify, save

from tlbench.plugins import load_plugins

BATCH = 32


class Clock(keras.callbacks.Callback):
    def on_predict_batch_end(self, batch, logs=None):
        if batch == 0:
            self.began = time.perf_counter()


def main(pictures: str, weights: str) -> None:
    model = load_plugins().backbones.find("inception_v3").spec.load(Path(weights))
    images = keras.utils.image_dataset_from_directory(
        pictures, image_size=(299, 299), batch_size=BATCH, shuffle=False, verbose=False
    )
    parallel = tf.data.AUTOTUNE
    scaled = images.map(lambda pixels, _label: pixels / 255.0, num_parallel_calls=parallel)
    clock = Clock()
    features = model.predict(scaled.prefetch(parallel), verbose=0, callbacks=[clock])
    save(features)
    seconds = time.perf_counter() - clock.began
    auc = classify(features, labels_of(pictures))
    print(json.dumps({"images": len(features) - BATCH, "seconds": seconds, "auc": auc}))


def labels_of(pictures: str):
    """Return labels in the order of the data set, without reading its images a second time."""
    folders = sorted(Path(pictures).iterdir())
    return np.repeat(range(len(folders)), [len(list(folder.iterdir())) for folder in folders])


if __name__ == "__main__":
    main(*sys.argv[1:])
