"""A plugin that works, prints wherever it can, and leaves the world other than it found it."""

import os
import random

import numpy as np

from tlbench import BackboneSpec, Preprocessing, hookimpl


def misbehave():
    print("printed by Python")  # noqa: T201
    os.write(1, b"written past Python\n")
    random.seed(1)
    random.random()
    np.random.seed(1)
    os.chdir("/")
    os.system("echo printed by a process")


def load(_file):
    misbehave()

    def extract(pixels):
        misbehave()
        images = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
        blocks = images.reshape(len(images), 8, 8, 8, 8)
        return blocks.mean(axis=(2, 4)).reshape(len(images), 64)

    return extract


@hookimpl
def tlbench_register_backbones():
    misbehave()
    rule = Preprocessing((64, 64))
    return [BackboneSpec("bad-manners", "blocks with bad manners", 64, rule, load)]


@hookimpl
def tlbench_run_finished(event):
    misbehave()


misbehave()
