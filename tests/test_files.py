"""Files are written whole, in their place, and never over data."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from tlbench.errors import CacheError, DataError
from tlbench.files import spare_inputs, write_whole


def write(file: Path, content: bytes = b"new") -> None:
    write_whole(file, lambda stream: stream.write(content))


def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "x.txt"
    write(file, b"old")

    def fail(stream) -> None:
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(CacheError, match="the disk is full"):
        write_whole(file, fail)
    assert file.read_bytes() == b"old"
    assert [each.name for each in file.parent.iterdir()] == ["x.txt"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there").read_bytes() == b"new"


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(CacheError, match="can't write to"):
        write(tmp_path / "loop")


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    write(pipe)
    reader.join(10)
    assert heard == [b"new"]
    assert pipe.is_fifo()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(CacheError, match="can't write to"):
        write(tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_neither_an_input_nor_a_file_of_the_data_set_is_replaced(tmp_path: Path) -> None:
    data, table, new = tmp_path / "data", tmp_path / "t.csv", tmp_path / "data" / "new.csv"
    data.mkdir()
    table.write_text("path,label")
    (data / "a.png").write_bytes(b"")
    spare_inputs([new, None, tmp_path / "other.csv"], [table, None], data)
    (tmp_path / "link.csv").symlink_to(table)
    for output in (table, tmp_path / "link.csv", data / "a.png"):
        with pytest.raises(DataError, match="is not replaced"):
            spare_inputs([output], [table], data)
