from __future__ import annotations

import errno
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from tlbench.errors import CacheError
from tlbench.features import rows
from tlbench.features.rows import RowStore


def key(i: int) -> bytes:
    return i.to_bytes(32, "big")


def row(i: int) -> np.ndarray:
    return np.full(5, i, dtype=np.float32)


def filled(folder: Path, numbers: range) -> RowStore:
    store = RowStore(folder, (5,), "<f4")
    for i in numbers:
        store.add(key(i), row(i))
    store.flush()
    return store


def test_rows_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    filled(tmp_path, range(10))
    again = RowStore(tmp_path, (5,), "<f4")
    assert again.missing([key(i) for i in (3, 11, 0)]) == [key(11)]
    assert np.array_equal(again.read([key(7), key(2)]), [row(7), row(2)])


def test_rows_not_yet_flushed_can_be_read(tmp_path: Path) -> None:
    store = RowStore(tmp_path, (5,), "<f4")
    store.add(key(1), row(1))
    assert store.missing([key(1)]) == []
    assert np.array_equal(store.read([key(1)]), [row(1)])
    assert not list(tmp_path.glob("*"))


def test_full_shards_are_written_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "SHARD_BYTES", 200)
    store = RowStore(tmp_path, (5,), "<f4")
    for i in range(20):
        store.add(key(i), row(i))
    assert len(list(tmp_path.glob("*.npy"))) >= 3
    assert store.missing([key(i) for i in range(20)]) == []


@pytest.mark.parametrize("place", [0.2, 0.5, 0.99])
def test_a_changed_byte_is_found_and_the_shard_made_anew(tmp_path: Path, place: float) -> None:
    filled(tmp_path, range(100))
    (file,) = tmp_path.glob("*.npy")
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    file.write_bytes(content)
    said: list[str] = []
    store = RowStore(tmp_path, (5,), "<f4", said.append)
    absent = store.missing([key(i) for i in range(100)])
    assert absent  # a changed key hides one row, a changed row condemns its shard
    for i in range(100):
        if key(i) not in absent:
            assert np.array_equal(store.read([key(i)]), [row(i)])
    if len(absent) > 1:
        assert absent == [key(i) for i in range(100)]
        assert len(said) == 1
        assert file.name in said[0]
        assert not file.exists()


@pytest.mark.parametrize("length", [0, 10, 200, -1])
def test_a_truncated_shard_is_removed_and_said(tmp_path: Path, length: int) -> None:
    filled(tmp_path, range(10))
    (file,) = tmp_path.glob("*.npy")
    file.write_bytes(file.read_bytes()[:length])
    said: list[str] = []
    store = RowStore(tmp_path, (5,), "<f4", said.append)
    assert len(store.missing([key(i) for i in range(10)])) == 10
    assert len(said) == 1
    assert not file.exists()


def test_a_shard_of_another_layout_is_not_served(tmp_path: Path) -> None:
    filled(tmp_path, range(3))
    assert len(RowStore(tmp_path, (6,), "<f4").missing([key(0)])) == 1


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    said: list[str] = []
    RowStore(tmp_path, (5,), "<f4", said.append)
    assert len(said) == 1


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = RowStore(tmp_path / "file" / "cache", (5,), "<f4")
    store.add(key(1), row(1))
    with pytest.raises(CacheError, match="can't write to"):
        store.flush()


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    store = RowStore(tmp_path, (5,), "<f4")
    store.add(key(1), row(1))
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(CacheError, match="the disk is full") as caught:
            store.flush()
    assert "same command again" in str(caught.value.hint)
    assert not list(tmp_path.iterdir())
    store.flush()
    assert RowStore(tmp_path, (5,), "<f4").missing([key(1)]) == []


def _fill(folder: str, start: int) -> None:
    for offset in range(20):
        filled(Path(folder), range(start + offset, start + offset + 5))


def test_processes_writing_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_fill, args=(str(tmp_path), 10 * n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    store = RowStore(tmp_path, (5,), "<f4")
    numbers = range(44)
    assert store.missing([key(i) for i in numbers]) == []
    assert np.array_equal(store.read([key(i) for i in numbers]), [row(i) for i in numbers])
    assert not list(tmp_path.glob(".writing-*"))


def test_more_than_memory_holds_is_mapped_from_a_file_that_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(tmp_path, range(50))
    before = sorted(tmp_path.iterdir())
    keys = [key(i) for i in (3, 3, *range(50))]
    plain = store.read(keys)
    monkeypatch.setattr(rows, "memory_share", lambda: plain.nbytes - 1)
    monkeypatch.setattr(rows, "SHARD_BYTES", 100)  # several writes
    mapped = store.read(keys)
    assert isinstance(mapped.base, np.memmap)
    assert type(mapped) is np.ndarray
    assert mapped.dtype == plain.dtype
    assert np.array_equal(mapped, plain)
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_is_an_error_to_act_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_options: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = filled(tmp_path, range(3))
    monkeypatch.setattr(rows, "memory_share", lambda: 0)
    monkeypatch.setattr(rows.tempfile, "TemporaryFile", full)
    with pytest.raises(CacheError, match="disk is full"):
        store.read([key(1)])
