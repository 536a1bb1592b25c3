"""Wrong input scales, in networks that are really fed with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.testing.broken import SIZE, keras_backbone, network, python_backbone
from tlbench.backbones import find_backbone
from tlbench.plugins import load_plugins
from tlbench.specs import Preprocessing, WeightsSpec
from tlbench.testing import check_backbone
from tlbench.testing.pictures import MEAN, SD
from tlbench.testing.report import Check
from tlbench.testing.scale import common_scales, distances
from tlbench.testing.subject import Case, Subject
from tlbench.weights import choose_weights

UNIT = Preprocessing(SIZE)
CENTRED = Preprocessing(SIZE, scale=(-1.0, 1.0))
BYTES = Preprocessing(SIZE, scale=(0.0, 255.0))
TORCH = Preprocessing(SIZE, mean=MEAN, std=SD)
CAFFE = Preprocessing(SIZE, (0.0, 255.0), mean=(103.939, 116.779, 123.68), channels="bgr")


def scale_check(spec: Any) -> Check:
    return check_backbone(spec)["input scale"]


def rescaling(*arguments: float) -> Any:
    import keras

    return keras.layers.Rescaling(*arguments)


@pytest.mark.parametrize("rule", [UNIT, CENTRED, BYTES, TORCH, CAFFE], ids=str)
def test_the_scale_it_was_trained_with_passes(rule: Preprocessing) -> None:
    check = scale_check(keras_backbone(lambda _: network(rule), rule))
    assert check.result == "pass", check


@pytest.mark.parametrize(
    ("trained", "declared", "fits"),
    [
        (UNIT, CENTRED, "0..1"),
        (UNIT, BYTES, "0..1"),
        (CENTRED, UNIT, "-1..1"),
        (BYTES, UNIT, "0..255"),
        (TORCH, UNIT, "0..1, ImageNet's mean and deviation"),
        (CAFFE, BYTES, "0..255, ImageNet's mean"),
        (UNIT, replace(UNIT, channels="bgr"), "0..1"),
        (replace(UNIT, channels="bgr"), UNIT, "0..1, blue first"),
    ],
    ids=str,
)
def test_a_wrong_scale_is_caught_and_the_right_one_named(
    trained: Preprocessing, declared: Preprocessing, fits: str
) -> None:
    check = scale_check(keras_backbone(lambda _: network(trained), declared))
    assert check.result == "fail", check
    assert fits in check.todo


def test_where_the_order_of_colours_can_not_be_told_it_is_said() -> None:
    check = scale_check(keras_backbone(lambda _: network(CAFFE), CAFFE))
    assert "can't be told" in check.seen
    check = scale_check(keras_backbone(lambda _: network(UNIT), UNIT))
    assert "can't be told" not in check.seen


def inside(declared: Preprocessing, *arguments: float, trained: bool = True) -> Any:
    def load(_: Any) -> Any:
        return network(BYTES, rescaling=rescaling(*arguments))

    weights = {} if trained else {"weights": ()}
    return keras_backbone(load, declared, **weights)


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize(
    ("declared", "arguments"), [(UNIT, (1 / 255,)), (CENTRED, (1 / 127.5, -1))], ids=str
)
def test_scaling_outside_and_inside_is_caught_even_where_nothing_was_trained(
    declared: Preprocessing, arguments: tuple[float, ...], trained: bool
) -> None:
    check = scale_check(inside(declared, *arguments, trained=trained))
    assert check.result == "fail"
    assert "scales again" in check.seen


def test_scaling_inside_alone_passes() -> None:
    assert scale_check(inside(BYTES, 1 / 255)).result == "pass"


def test_a_network_that_scales_inside_and_is_fed_so_that_it_can_not_work_is_caught() -> None:
    check = scale_check(inside(CENTRED, 1.0))
    assert check.result == "fail", check


def test_untrained_weights_know_no_scale() -> None:
    check = scale_check(keras_backbone(lambda _: network(UNIT), CENTRED, weights=()))
    assert check.result == "skipped"


def wrapped(rule: Preprocessing, *, normalised: bool, **fields: Any) -> Any:
    """A network fitted to 0..1, called from Python with pixels scaled by `rule`."""

    def load(_: Any) -> Any:
        model = network(UNIT, normalised=normalised)
        low, high = rule.scale

        def extract(pixels: Any) -> Any:
            images = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max * (high - low) + low
            if images.ndim == 3:
                images = np.repeat(images[..., None], 3, axis=-1)
            return model.predict_on_batch(images)

        return extract

    from tests.testing.broken import WEIGHTS

    return python_backbone(load, feature_size=24, weights=(WEIGHTS,), **fields)


@pytest.mark.parametrize("normalised", [True, False])
def test_from_outside_the_right_scale_passes(normalised: bool) -> None:
    assert scale_check(wrapped(UNIT, normalised=normalised)).result == "pass"


@pytest.mark.parametrize("normalised", [True, False])
def test_from_outside_twice_and_not_at_all_are_caught(normalised: bool) -> None:
    twice = scale_check(wrapped(Preprocessing(SIZE, (0.0, 1 / 255)), normalised=normalised))
    assert twice.result == "fail", twice
    assert "twice" in twice.todo
    never = scale_check(wrapped(BYTES, normalised=normalised))
    assert never.result == "fail", never
    assert "at all" in never.todo


def test_a_network_without_batch_normalisation_is_judged_from_outside() -> None:
    def load(_: Any) -> Any:
        return network(UNIT, normalised=False)

    assert scale_check(keras_backbone(load, UNIT)).result == "pass"
    assert scale_check(keras_backbone(load, BYTES)).result == "fail"
    nearly_black = Preprocessing(SIZE, (0.0, 1 / 255))
    assert scale_check(keras_backbone(load, nearly_black)).result == "fail"


@pytest.fixture(scope="module")
def nsfwjs(reference_cache: Path) -> Subject:
    from tlbench.progress import Progress

    spec = find_backbone(load_plugins(), "inception_v3").spec
    chosen = choose_weights(spec, "nsfwjs", reference_cache, offline=False, progress=Progress())
    return Subject(Case(spec, chosen, reference_cache))


@pytest.mark.slow
@pytest.mark.network
def test_real_weights_tell_their_scale_from_all_others(nsfwjs: Subject) -> None:
    others = common_scales((299, 299))
    pixels = np.stack(nsfwjs.case.images(16))
    found = dict(zip(others, distances(nsfwjs.model, pixels, list(others.values())), strict=True))
    assert found["0..1"] < 0.1
    assert min(value for name, value in found.items() if name != "0..1") > 3 * found["0..1"]


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "result"),
    [(name, "pass" if name == "0..1" else "fail") for name in common_scales((1, 1))],
)
def test_real_weights_declared_wrongly_are_caught(nsfwjs: Subject, name: str, result: str) -> None:
    from tlbench.testing.scale import check_scale

    rule = common_scales((299, 299))[name]
    wrong = replace(nsfwjs.case.weights, preprocessing=rule)
    subject = Subject.__new__(Subject)
    subject.__dict__ |= nsfwjs.__dict__ | {"case": replace(nsfwjs.case, weights=wrong)}
    (check,) = check_scale(subject)
    assert check.result == result, check


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize(
    ("scale", "result"),
    [((0, 1), "pass"), ((0, 255), "fail"), ((0, 1 / 255), "fail"), ((-1, -1 + 2 / 255), "fail")],
)
def test_real_weights_are_judged_from_outside(
    nsfwjs: Subject, scale: tuple[float, float], result: str
) -> None:
    low, high = scale

    def load(_: Any) -> Any:
        def extract(pixels: Any) -> Any:
            images = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max * (high - low) + low
            if images.ndim == 3:
                images = np.repeat(images[..., None], 3, axis=-1)
            return np.asarray(nsfwjs.model(images, training=False))

        return extract

    weights = nsfwjs.case.spec.weights
    assert isinstance(weights[0], WeightsSpec)
    spec = python_backbone(
        load, feature_size=2048, preprocessing=Preprocessing((299, 299)), weights=weights
    )
    from tlbench.testing.scale import check_scale

    (check,) = check_scale(Subject(replace(nsfwjs.case, spec=spec)))
    assert check.result == result, check
