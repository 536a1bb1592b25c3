"""Backbones, a data set and a protocol that load well and fail only when they are used."""

import os
import sys

import numpy as np

from tlbench import (
    BackboneFamily,
    BackboneSpec,
    DatasetSpec,
    Preprocessing,
    ProtocolSpec,
    Radiograph,
    WeightsSpec,
    hookimpl,
)
from tlbench.specs import TopLayer


def fail(*_arguments):
    raise RuntimeError("broken on purpose")


def leave(*_arguments):
    sys.exit(7)


def vanish(*_arguments):
    os._exit(9)


def nothing(*_arguments):
    return None


def extract(pixels):
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    return flat[:, :64] / 255


def returning(value):
    return lambda *_arguments: value


def load_soundly(_file):
    return extract


def backbone(name, load=load_soundly, **fields):
    return BackboneSpec(name, name, 64, Preprocessing((16, 16)), load, **fields)


def weights(obtain=fail, find=nothing):
    return (WeightsSpec("made", "made", "nothing", "none", obtain, find),)


def make(argument):
    if argument == "fails":
        fail()
    return backbone(f"late:{argument}", returning(fail))


def load_keras(_file):
    import keras

    class Broken(keras.Model):
        def call(self, _images):
            raise RuntimeError("broken on purpose")

    return Broken()


@hookimpl
def tlbench_register_backbones():
    return [
        backbone("load-raises", fail),
        backbone("load-leaves", leave),
        backbone("load-vanishes", vanish),
        backbone("load-returns-nothing", nothing),
        backbone("extract-raises", returning(fail)),
        backbone("extract-leaves", returning(leave)),
        backbone("extract-returns-text", returning(returning("rubbish"))),
        backbone("obtain-raises", weights=weights()),
        backbone("obtain-returns-nothing", weights=weights(nothing)),
        backbone("obtain-returns-no-file", weights=weights(returning("no/such/file"))),
        backbone("find-raises", weights=weights(returning(__file__), fail)),
        backbone("find-returns-number", weights=weights(returning(__file__), returning(3))),
        backbone("second-weights", weights=(*weights(), *weights(returning(__file__)))),
        backbone("keras-load-raises", fail, framework="keras"),
        backbone("keras-load-returns-nothing", nothing, framework="keras"),
        backbone("keras-call-raises", load_keras, framework="keras"),
        backbone("sound"),
    ]


@hookimpl
def tlbench_register_families():
    return [BackboneFamily("late", "fails when it is made", "NAME", make)]


def read_some(_request):
    yield Radiograph("a", 3, 1)


def read_then_fail(_request):
    yield from ()
    fail()


@hookimpl
def tlbench_register_datasets():
    return [
        DatasetSpec(name, name, read, "nothing", needs_root=False)
        for name, read in (
            ("read-raises", fail),
            ("read-raises-later", read_then_fail),
            ("read-returns-nothing", nothing),
            ("read-returns-odd-fields", read_some),
        )
    ]


def top_layer(**fields):
    def train(data):
        sound = {
            "score": lambda features: features[:, 0].astype(float),
            "cutoff_labels": data.validation_labels,
            "cutoff_scores": data.validation[:, 0].astype(float),
            "cutoff_chosen_on": "validation",
            "arrays": {},
            "history": {},
        }
        return TopLayer(**sound | fields)

    return train


@hookimpl
def tlbench_register_protocols():
    return [
        ProtocolSpec(name, name, (), train)
        for name, train in (
            ("train-raises", fail),
            ("train-returns-nothing", nothing),
            ("score-raises", top_layer(score=fail)),
            ("score-returns-one", top_layer(score=returning(np.ones(1)))),
            ("score-returns-text", top_layer(score=returning("rubbish"))),
            ("score-is-none", top_layer(score=None)),
            ("cutoff-of-one-class", top_layer(cutoff_labels=np.ones(3), cutoff_scores=np.ones(3))),
            ("cutoff-of-other-length", top_layer(cutoff_scores=np.ones(1))),
            ("history-is-no-json", top_layer(history={"x": {1, 2}})),
        )
    ]
