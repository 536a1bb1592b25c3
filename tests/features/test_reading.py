"""The reading of a whole data set before a run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.audit.planted import draw
from tlbench.cli.main import app
from tlbench.features import reading, rows
from tlbench.features.extract import PixelStore
from tlbench.features.reading import read_radiographs
from tlbench.features.signatures import LAYOUT, SignatureStore
from tlbench.images import prepare, read_pixels
from tlbench.progress import Progress


def by_digest(paths: list[Path]) -> dict[str, Path]:
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Small and large, JPEG and PNG, grey and colour, 8 and 16 bit."""
    folder = tmp_path / "files"
    folder.mkdir()
    small = draw(0)
    Image.fromarray(small).save(folder / "small.jpg", quality=95)
    large = Image.fromarray(draw(1, 325, 250)).resize((2000, 2600))
    large.save(folder / "large.jpg", quality=90)
    Image.fromarray(small).save(folder / "small.png")
    Image.fromarray(small.astype(np.uint16) * 16).save(folder / "deep.png")
    colour = np.stack([small, small, 255 - small], axis=-1)
    Image.fromarray(colour).save(folder / "colour.png")
    return by_digest(sorted(folder.iterdir()))


def read_all(files: dict[str, Path], cache: Path, size=(224, 224), steps=()) -> np.ndarray:
    signatures = SignatureStore(cache, Progress())
    pixels = PixelStore(cache, size, Progress(), steps)
    found = read_radiographs(files, signatures, Progress(), pixels, files)
    assert not found.unreadable
    return signatures.read(list(files))


@pytest.mark.parametrize("steps", [(), ("pad",), ("crop", "clahe")])
@pytest.mark.parametrize("size", [(224, 224), (300, 200), (480, 480)])
def test_pixels_are_those_of_a_file_read_alone(
    files: dict[str, Path], tmp_path: Path, size: tuple[int, int], steps: tuple[str, ...]
) -> None:
    read_all(files, tmp_path / "cache", size, steps)
    pixels = PixelStore(tmp_path / "cache", size, Progress(), steps)
    assert pixels.missing(files) == set()
    for digest, path in files.items():
        assert np.array_equal(pixels.obtain(digest, path), prepare(path, size, steps))


def test_signatures_do_not_depend_on_a_backbone(files: dict[str, Path], tmp_path: Path) -> None:
    sizes = [(224, 224), (480, 480), None]
    first, *others = [read_all(files, tmp_path / str(size), size) for size in sizes]
    assert all(np.array_equal(first, other) for other in others)
    cropped = read_all(files, tmp_path / "cropped", (224, 224), ("crop",))
    assert np.array_equal(first, cropped)


def test_a_signature_says_what_a_picture_is(files: dict[str, Path], tmp_path: Path) -> None:
    found = dict(zip(files, read_all(files, tmp_path / "cache"), strict=True))
    named = {files[digest].name: each for digest, each in found.items()}
    large, deep, colour = named["large.jpg"], named["deep.png"], named["colour.png"]
    assert (large["rows"], large["columns"]) == (2600, 2000)
    assert (deep["bits"], deep["colour"]) == (16, 0)
    assert (colour["bits"], colour["colour"]) == (8, 1)
    assert named["small.png"]["histogram"].sum() == pytest.approx(1)
    levels = read_pixels(next(p for p in files.values() if p.name == "small.png"))
    mean = named["small.png"]["histogram"] @ np.arange(256)
    assert mean == pytest.approx(levels.mean(), abs=0.01)
    contents = {each["content"].tobytes() for each in named.values()}
    assert len(contents) == 5


def test_what_is_there_is_not_read_again(files: dict[str, Path], tmp_path: Path) -> None:
    before = read_all(files, tmp_path / "cache")
    for path in files.values():
        path.unlink()
    assert np.array_equal(read_all(files, tmp_path / "cache"), before)


def test_files_that_cannot_be_read_are_named_and_the_others_kept(
    files: dict[str, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    large = next(path for path in files.values() if path.name == "large.jpg")
    broken.write_bytes(large.read_bytes()[:20000])
    files |= by_digest([broken])
    signatures = SignatureStore(tmp_path / "cache", Progress())
    found = read_radiographs(files, signatures, Progress())
    assert [files[digest] for digest in found.unreadable] == [broken]
    assert signatures.missing(files) == set(found.unreadable)


class Interrupted(Progress):
    """Stops after some radiographs, as Ctrl-C does."""

    def __init__(self, after: int) -> None:
        self.left = after

    def task(self, what, total, unit):
        return _Task(self)


class _Task:
    def __init__(self, owner: Interrupted) -> None:
        self.owner = owner

    def __enter__(self):
        def advance(done: int) -> None:
            self.owner.left -= done
            if not self.owner.left:
                raise KeyboardInterrupt

        return advance

    def __exit__(self, *_exc: object) -> None:
        return None


def test_an_interruption_loses_nothing_that_was_read(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "SHARD_BYTES", 1)
    expected = read_all(files, tmp_path / "whole")
    signatures = SignatureStore(tmp_path / "cache", Progress())
    with pytest.raises(KeyboardInterrupt):
        read_radiographs(files, signatures, Interrupted(after=2))
    assert len(SignatureStore(tmp_path / "cache", Progress()).missing(files)) == 3
    read: list[Path] = []
    monkeypatch.setattr(
        reading, "_read", lambda due, _read=reading._read: read.append(due.path) or _read(due)
    )
    assert np.array_equal(read_all(files, tmp_path / "cache", None), expected)
    assert len(read) == 3


def test_the_cache_lists_verifies_and_mends_signatures(
    files: dict[str, Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    before = read_all(files, cache, None)
    run = CliRunner().invoke
    listed = run(app, ["cache", "ls", "--cache", str(cache)]).stdout
    assert "signatures" in listed
    assert "128×128" in listed
    assert "1 shard, 0 of them" in run(app, ["cache", "verify", "--cache", str(cache)]).stdout
    (shard,) = (cache / "signatures").rglob("*.npy")
    content = bytearray(shard.read_bytes())
    content[-5000] ^= 1
    shard.write_bytes(bytes(content))
    assert "1 of them damaged" in run(app, ["cache", "verify", "--cache", str(cache)]).stdout
    assert np.array_equal(read_all(files, cache, None), before)
    assert run(app, ["cache", "gc", "--max-size", "0", "--cache", str(cache)]).exit_code == 0
    assert not list((cache / "signatures").rglob("*.npy"))


def test_a_layout_has_no_gaps() -> None:
    assert LAYOUT.itemsize == 128 * 128 + 32 + 4 + 4 + 1 + 1 + 4 * 256
