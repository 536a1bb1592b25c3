from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from tlbench.features import rows
from tlbench.features.rows import RowStore
from tlbench.features.spaces import collect_garbage, explain, hold, list_spaces, verify_space


def space(cache: Path, name: str, count: int, used: float, kind: str = "features") -> Path:
    folder = cache / kind / name
    explain(folder, {"backbone": name, "engine": {"name": "e", "precision": "float32"}})
    store = RowStore(folder, (5,), "<f4")
    for i in range(count):
        store.add(i.to_bytes(32, "big"), np.full(5, i, dtype=np.float32))
    store.flush()
    os.utime(folder / "space.json", (used, used))
    return folder


def test_a_space_says_what_it_holds_and_when_it_was_used(tmp_path: Path) -> None:
    space(tmp_path, "old", 10, 1000)
    space(tmp_path, "new", 20, 2000)
    spaces = list_spaces(tmp_path)
    assert [s.title for s in spaces] == ["new, e float32", "old, e float32"]
    assert spaces[0].used == 2000
    assert spaces[0].size > 20 * 5 * 4
    explain(tmp_path / "features" / "old", {})
    assert list_spaces(tmp_path)[0].about["backbone"] == "old"


def test_verify_finds_what_is_damaged(tmp_path: Path) -> None:
    folder = space(tmp_path, "one", 50, 1000)
    (found,) = list_spaces(tmp_path)
    said: list[str] = []
    assert verify_space(found, said.append) == (1, 0)
    (file,) = folder.glob("*.npy")
    content = bytearray(file.read_bytes())
    content[-3] ^= 0xFF
    file.write_bytes(content)
    assert verify_space(found, said.append) == (1, 1)
    assert len(said) == 1
    assert file.name in said[0]
    assert verify_space(found, said.append) == (0, 0)


def test_garbage_goes_by_last_use_and_stops_when_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "SHARD_BYTES", 1000)
    old, middle, new = (
        space(tmp_path, name, 200, used)
        for name, used in (("old", 1000), ("middle", 2000), ("new", 3000))
    )
    whole = sum(s.size for s in list_spaces(tmp_path))
    removed, left = collect_garbage(tmp_path, whole // 2)
    assert removed + left == whole
    assert left <= whole // 2
    assert not old.exists()
    assert 0 < len(list(middle.glob("*.npy"))) < len(list(new.glob("*.npy")))
    assert collect_garbage(tmp_path, whole)[0] == 0


def test_garbage_collection_leaves_what_is_at_work_and_takes_what_is_stale(tmp_path: Path) -> None:
    busy = space(tmp_path, "busy", 100, 1000)
    stale, fresh = busy / ".writing-abc", busy / ".writing-def"
    for file in (stale, fresh):
        file.write_bytes(bytes(100))
    long_ago = time.time() - 10_000
    os.utime(stale, (long_ago, long_ago))
    with hold(busy):
        removed, _ = collect_garbage(tmp_path, 0)
    assert removed == 100
    assert fresh.exists()
    assert list(busy.glob("*.npy"))
    collect_garbage(tmp_path, 0)
    assert not busy.exists()


def test_a_lock_that_is_held_makes_others_wait_and_say_so(tmp_path: Path) -> None:
    said: list[str] = []
    with hold(tmp_path, lambda: said.append("waiting")):
        assert not said
        with pytest.raises(ZeroDivisionError), hold(tmp_path, lambda: 1 / 0):
            pass
    with hold(tmp_path, lambda: said.append("waiting")):
        assert not said
