"""Archives made to do harm, and damaged ones: nothing is written outside, nothing explodes."""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.figshares import make_zip, picture
from tlbench.datasets import archives
from tlbench.datasets.archives import Content, DamagedArchiveError, is_archive, unpack
from tlbench.errors import DataError
from tlbench.progress import Progress
from tlbench.streams import stream

GOOD = {"top/a.txt": b"first " * 3, "top/below/b.jpg": b"second " * 3}


def unpack_bytes(folder: Path, content: bytes, name: str = "x.zip") -> list[Content]:
    archive = folder / name
    archive.write_bytes(content)
    return unpack(archive, folder / "target", Progress())


def make_tar(files: dict[str, bytes], *, mode: str = "w", **odd: tarfile.TarInfo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in odd.values():
            archive.addfile(info)
    return made.getvalue()


def written(folder: Path) -> set[str]:
    target = folder / "target"
    return {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}


MAKERS = {
    "x.zip": make_zip,
    "x.tar": make_tar,
    "x.tar.gz": lambda files: make_tar(files, mode="w:gz"),
    "x.tgz": lambda files: make_tar(files, mode="w:gz"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_good_archive_is_unpacked_and_accounted_for(tmp_path: Path, name: str) -> None:
    assert is_archive(name)
    contents = unpack_bytes(tmp_path, MAKERS[name](GOOD), name)  # type: ignore[operator]
    assert contents == [
        Content("a.txt", 18, hashlib.sha256(GOOD["top/a.txt"]).hexdigest()),
        Content("below/b.jpg", 21, hashlib.sha256(GOOD["top/below/b.jpg"]).hexdigest()),
    ]
    assert (tmp_path / "target/below/b.jpg").read_bytes() == GOOD["top/below/b.jpg"]
    assert written(tmp_path) == {"a.txt", "below/b.jpg"}


def test_folders_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    extra = {"top/": b"", "top/empty/": b"", "__MACOSX/top/._a.txt": b"x", "top/.DS_Store": b"x"}
    unpack_bytes(tmp_path, make_zip({**extra, **GOOD}))
    assert written(tmp_path) == {"a.txt", "below/b.jpg"}


EVIL = [
    "../evil",
    "a/../../evil",
    "top/..",
    "/evil",
    "//server/evil",
    "..\\evil",
    "\\evil",
    "C:/evil",
    "c:evil",
    "a.txt:stream",
    "a\nb",
]


@pytest.mark.parametrize("maker", ["x.zip", "x.tar"])
@pytest.mark.parametrize("name", EVIL)
def test_a_path_that_leads_elsewhere_refuses_the_whole(
    tmp_path: Path, name: str, maker: str
) -> None:
    made = MAKERS[maker]({**GOOD, name: b"evil"})  # type: ignore[operator]
    with pytest.raises(DataError, match="could lead out of its folder"):
        unpack_bytes(tmp_path, made, maker)
    assert {path.name for path in tmp_path.rglob("*")} == {maker}


def test_a_path_that_is_cut_by_a_null_is_refused(tmp_path: Path) -> None:
    made = make_zip({"a/b_c.txt": b"x"}).replace(b"a/b_c.txt", b"a/b\0c.txt")
    with pytest.raises(DataError, match="could lead out of its folder"):
        unpack_bytes(tmp_path, made)


names = st.text(st.sampled_from("ab./\\:C~ \x1f"), min_size=1, max_size=12)


@given(st.lists(names, min_size=1, max_size=4), st.sampled_from(["x.zip", "x.tar"]))
def test_whatever_the_paths_nothing_lands_outside(paths: list[str], maker: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "inner" / "most"
        folder.mkdir(parents=True)
        files = {path: b"x" * 50 for path in paths if not path.endswith("/")}
        try:
            unpack_bytes(folder, MAKERS[maker](files), maker)  # type: ignore[operator]
        except DataError:
            assert not (folder / "target").exists()
        outside = {p for p in Path(name).rglob("*") if p.is_file()} - {folder / maker}
        assert all(folder / "target" in path.parents for path in outside)


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.txt", b"a")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")
    with pytest.raises(DataError, match="'link' is a link or a device"):
        unpack_bytes(tmp_path, made.getvalue())
    assert written(tmp_path) == set()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_a_link_or_a_device_in_a_tar_is_refused(tmp_path: Path, kind: bytes) -> None:
    odd = tarfile.TarInfo("odd")
    odd.type, odd.linkname = kind, "top/a.txt"
    with pytest.raises(DataError, match="'odd' is a link or a device"):
        unpack_bytes(tmp_path, make_tar(GOOD, odd=odd), "x.tar")
    assert written(tmp_path) == set()


@pytest.mark.parametrize("maker", ["x.zip", "x.tar.gz"])
def test_a_bomb_is_refused_before_anything_is_written(tmp_path: Path, maker: str) -> None:
    made = MAKERS[maker]({"zeros": bytes(5_000_000)})  # type: ignore[operator]
    with pytest.raises(DataError, match="more than 20 times its own size"):
        unpack_bytes(tmp_path, made, maker)
    assert written(tmp_path) == set()


def test_a_packed_tar_is_not_read_further_than_its_bomb(tmp_path: Path) -> None:
    info = tarfile.TarInfo("huge")
    info.size = 10**15
    head = info.tobuf() + bytes(10_000)
    with pytest.raises(DataError, match="more than 20 times its own size"):
        unpack_bytes(tmp_path, gzip.compress(head), "x.tar.gz")


def test_text_that_shrinks_well_is_no_bomb(tmp_path: Path) -> None:
    rows = "\n".join(f"IMG{i:07d}.jpg,1,0,0,0,0,0,0,{i % 2},0,0,1,0" for i in range(5000))
    unpack_bytes(tmp_path, make_zip({"dataset.csv": rows.encode(), "a.jpg": picture("a")}))
    assert written(tmp_path) == {"dataset.csv", "a.jpg"}


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 10)
    unpack_bytes(tmp_path, make_zip({f"{i}.txt": b"x" for i in range(10)}))
    with pytest.raises(DataError, match="more than 10 files"):
        unpack_bytes(tmp_path, make_zip({f"{i}.txt": b"x" for i in range(11)}))


@pytest.mark.parametrize("other", ["a.txt", "A.txt", "./a.txt", "a.txt/b"])
def test_two_files_of_one_path_are_refused(tmp_path: Path, other: str) -> None:
    made = make_tar({"a.txt": b"1"}, other=tarfile.TarInfo(other))
    with pytest.raises(DataError, match="have one path"):
        unpack_bytes(tmp_path, made, "x.tar")


def test_an_archive_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no files"):
        unpack_bytes(tmp_path, make_zip({"folder/": b""}))


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    made = bytearray(make_zip({"a.txt": b"a"}))
    made[made.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(DataError, match="encrypted"):
        unpack_bytes(tmp_path, bytes(made))


def noisy(maker: str) -> bytes:
    content = stream(0, "noise").integers(0, 256, 3000, dtype=np.uint8).tobytes()
    return MAKERS[maker]({"a.bin": content, "b.bin": content[::-1]})  # type: ignore[operator]


@pytest.mark.parametrize("maker", ["x.zip", "x.tar", "x.tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_archive_is_said_to_be_damaged(
    tmp_path: Path, maker: str, share: float
) -> None:
    made = noisy(maker).rstrip(b"\0")
    with pytest.raises(DamagedArchiveError, match="damaged or truncated"):
        unpack_bytes(tmp_path, made[: int(share * len(made))], maker)


def test_a_changed_byte_in_a_zip_is_found(tmp_path: Path) -> None:
    made = bytearray(noisy("x.zip"))
    made[1000] ^= 0xFF
    with pytest.raises(DamagedArchiveError):
        unpack_bytes(tmp_path, bytes(made))


def test_a_zip_that_lies_about_sizes_is_damaged(tmp_path: Path) -> None:
    content = b"abc" * 1000
    made = bytearray(make_zip({"a.bin": content}))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = made.index(signature) + offset
        made[at : at + 4] = (100).to_bytes(4, "little")
    with pytest.raises(DamagedArchiveError):
        unpack_bytes(tmp_path, bytes(made))
    assert sum(p.stat().st_size for p in (tmp_path / "target").rglob("*")) <= 100


@given(st.integers(0, 10**6), st.integers(1, 255), st.sampled_from(["x.zip", "x.tar", "x.tar.gz"]))
def test_any_changed_byte_ends_in_an_archive_or_a_line(at: int, change: int, maker: str) -> None:
    made = bytearray(noisy(maker))
    made[at % len(made)] ^= change
    with tempfile.TemporaryDirectory() as name:
        try:
            contents = unpack_bytes(Path(name), bytes(made), maker)
        except DataError:
            return
        for content in contents:
            file = Path(name) / "target" / content.path
            assert hashlib.sha256(file.read_bytes()).hexdigest() == content.sha256


def test_an_unknown_compression_is_one_line(tmp_path: Path) -> None:
    made = bytearray(make_zip({"a.bin": zlib.compress(b"x" * 100)}))
    for signature, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        at = made.index(signature) + offset
        made[at : at + 2] = (99).to_bytes(2, "little")
    with pytest.raises(DamagedArchiveError):
        unpack_bytes(tmp_path, bytes(made))
