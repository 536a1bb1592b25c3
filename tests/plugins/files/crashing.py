"""Backbones that take their process down with them, and one that goes on."""

import ctypes
import os
import signal
import time
from pathlib import Path

import numpy as np

from tlbench import BackboneSpec, Preprocessing, WeightsError, WeightsSpec, hookimpl


def describe(pixels):
    images = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    return images.reshape(len(images), 8, 8, 8, 8).mean(axis=(2, 4)).reshape(len(images), 64)


def killed(_pixels):
    os.kill(os.getpid(), signal.SIGKILL)


def crashed(_pixels):
    os.kill(os.getpid(), signal.SIGSEGV)


def vanished(_pixels):
    ctypes.CDLL(None)._exit(3)


def hanging(_pixels):
    Path(os.environ["HANGING_FILE"]).touch()
    time.sleep(600)


def raising(_pixels):
    raise RuntimeError("broken on purpose")


def far(_request):
    with Path(os.environ["FAR_FILE"]).open("a") as stream:
        stream.write("x")
    raise WeightsError("no answer from far.example", "check the network")


def die(_request):
    os.kill(os.getpid(), signal.SIGKILL)


def here(_request):
    return Path(__file__)


def nowhere(_request):
    return None


def backbone(name, extract=describe, **fields):
    rule = Preprocessing((64, 64))
    return BackboneSpec(f"c-{name}", name, 64, rule, lambda _file: extract, **fields)


def weights(obtain, find=nowhere, source="https://far.example/w.h5", **fields):
    return (WeightsSpec("made", "made", "nothing", "none", obtain, find, source=source, **fields),)


@hookimpl
def tlbench_register_backbones():
    return [
        *(backbone(f.__name__, f) for f in (killed, crashed, vanished, raising)),
        *([backbone("hanging", hanging)] if "HANGING_FILE" in os.environ else []),
        backbone("sound"),
        backbone("control", lambda pixels: describe(pixels) ** 2, control=True),
        backbone("lacks", packages=("no-such-package",)),
        backbone("has", weights=weights(here, here)),
        backbone("fetches", weights=weights(here, source="https://near.example/w.h5")),
        backbone("dies", weights=weights(die, source="npm package x")),
        *(backbone(f"far{i}", weights=weights(far)) for i in range(5)),
    ]
