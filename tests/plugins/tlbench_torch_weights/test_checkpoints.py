"""Tensors come out of a checkpoint, and nothing else comes of it."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.tlbench_torch_weights.checkpoint_files import (
    MACHINE,
    MAGIC,
    VERSION,
    Tensor,
    make_checkpoint,
    make_state,
    name_of,
    word,
)
from tlbench.errors import WeightsError
from tlbench_torch_weights.checkpoints import read_checkpoint

_KERNEL = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
_STEPS = np.array(7, dtype=np.int64)
_PLAIN = (Tensor("conv.weight", _KERNEL), Tensor("bn.num_batches_tracked", _STEPS))


def _refused(content: bytes) -> str:
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(content)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_tensors_are_read_by_name_and_in_order() -> None:
    arrays = read_checkpoint(make_checkpoint(*_PLAIN))
    assert list(arrays) == ["conv.weight", "bn.num_batches_tracked"]
    np.testing.assert_array_equal(arrays["conv.weight"], _KERNEL)
    assert arrays["conv.weight"].dtype == np.float32
    assert arrays["bn.num_batches_tracked"] == 7
    assert arrays["bn.num_batches_tracked"].shape == ()


def test_a_tensor_may_be_part_of_a_storage_with_its_axes_in_another_order() -> None:
    part = Tensor("a", np.arange(10, dtype=np.float32), offset=2, shape=(2, 3), strides=(1, 2))
    array = read_checkpoint(make_checkpoint(part))["a"]
    np.testing.assert_array_equal(array, [[2, 4, 6], [3, 5, 7]])
    assert array.flags.c_contiguous
    assert array.flags.writeable


class _Evil:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("place", ["first", "state", "keys"])
def test_a_pickle_that_calls_something_is_refused_and_does_nothing(
    place: str, protocol: int, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    evil = pickle.dumps(_Evil(f"touch {trace}"), protocol)
    before = {"first": b"", "state": MAGIC + VERSION + MACHINE}
    before["keys"] = before["state"] + make_state(*_PLAIN)
    message = _refused(before[place] + evil + make_checkpoint(*_PLAIN))
    assert "the checkpoint asks for" in message
    assert not trace.exists()
    pickle.loads(evil)  # the file is as bad as it is said to be
    assert trace.exists()


def test_a_call_hidden_among_tensors_is_named_and_refused(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    call = name_of("posix system") + b"(" + word(f"touch {trace}") + b"tR0"
    state = make_state(*_PLAIN, extra=call)
    assert 'asks for "posix.system"' in _refused(make_checkpoint(*_PLAIN, state=state))
    assert not trace.exists()


@pytest.mark.parametrize("name", ["torch HalfStorage", "torch DoubleStorage", "numpy ndarray"])
def test_numbers_of_another_kind_are_named_and_refused(name: str) -> None:
    content = make_checkpoint(Tensor("a", np.zeros(4, np.float32), kind=name))
    assert f'asks for "{name.replace(" ", ".")}"' in _refused(content)


_ZEROS = np.zeros(6, np.float32)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor("a", _ZEROS, shape=(7,)), "reaches beyond the end"),
        (Tensor("a", _ZEROS, offset=1), "reaches beyond the end"),
        (Tensor("a", _ZEROS, shape=(2, 2), strides=(1, 5)), "reaches beyond the end"),
        (Tensor("a", _ZEROS, shape=(3, 3), strides=(1, 1)), "reaches beyond the end"),
        (Tensor("a", _ZEROS, offset=-1, shape=(2,)), "does not begin within"),
        (Tensor("a", _ZEROS, shape=(10**9,), strides=(0,)), "no plain shape"),
        (Tensor("a", _ZEROS, shape=(2,), strides=(-1,)), "no plain shape"),
        (Tensor("a", _ZEROS, shape=(0,), strides=(1,)), "no plain shape"),
        (Tensor("a", _ZEROS, shape=(2, 3), strides=(1,)), "no plain shape"),
        (Tensor("a", _ZEROS, shape=(2,), stated=2), "not as long as stated"),
        (Tensor("a", _ZEROS, stated=2**31 - 1), "not as long as stated"),
        (Tensor("a", _ZEROS, stated=-6), "no plain storage"),
        (Tensor("a", _ZEROS, view=b"(t"), "no plain storage"),
        (Tensor("a", _ZEROS, kind="collections OrderedDict"), "neither float32 nor int64"),
    ],
)
def test_a_tensor_that_does_not_fit_its_storage_is_refused(tensor: Tensor, message: str) -> None:
    assert message in _refused(make_checkpoint(tensor))


def _state(steps: bytes) -> bytes:
    return make_checkpoint(state=b"\x80\x02" + steps + b".")


_ORDERED = name_of("collections OrderedDict")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged pickle"),
        (b"\x80\x02K\x01." * 5, "does not begin as a checkpoint"),
        (MAGIC + VERSION + b"\x80\x02}(X\x0d\x00\x00\x00little_endian\x89u.", "little-endian"),
        (make_checkpoint(*_PLAIN) + b"x", "more follows"),
        (_state(b"K\x01"), "something else than a dictionary"),
        (_state(b"}"), "something else than a dictionary"),
        (_state(_ORDERED + b")R" + word("a") + b"K\x01s"), '"a" is not a plain tensor'),
        (_state(_ORDERED + b")R" + word("a") + _ORDERED + b")Rs"), '"a" is not a plain tensor'),
        (_state(_ORDERED + b")R" + (word("a") + b"Ns") * 2), "comes twice"),
        (_state(_ORDERED + b")RK\x01Ns"), "is not a word"),
        (_state(b"K\x01)R"), "something else than a function is called"),
        (_state(b")u"), "a mark is missing"),
        (_state(b"0"), 'pickle step "POP"'),
        (_state(b"h\x05"), "damaged pickle"),
        (_state(b"K\x01K\x02"), "damaged pickle"),
        (make_checkpoint(state=make_state(*_PLAIN)), "its list of storages"),
    ],
)
def test_a_file_of_other_make_is_refused(content: bytes, message: str) -> None:
    assert message in _refused(content)


def test_a_newer_checkpoint_is_called_what_it_is() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    assert "it is a zip archive" in _refused(stream.getvalue())


def test_a_file_cut_short_anywhere_is_refused() -> None:
    content = make_checkpoint(*_PLAIN)
    for length in range(len(content)):
        _refused(content[:length])


@given(st.data())
def test_a_damaged_file_is_refused_in_one_line_or_read(data: st.DataObject) -> None:
    content = bytearray(make_checkpoint(*_PLAIN))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    message = ""
    try:
        read_checkpoint(bytes(content))
    except WeightsError as error:
        message = error.message
    assert "\n" not in message


def test_a_word_with_an_escape_that_means_nothing_is_refused() -> None:
    assert "damaged pickle" in _refused(b"cos\n\\path\n." + make_checkpoint(*_PLAIN))
