from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tlbench.datasets import demo, phantom
from tlbench.datasets.demo import read
from tlbench.errors import CacheError, DataError, UnknownNameError
from tlbench.specs import DatasetRequest


class Pen:
    """Draws flat pictures instead of wrists, counts them, and can stop like Ctrl-C."""

    def __init__(self):
        self.drawn = Counter()
        self.stop_at = None

    def __call__(self, case, *, difficulty):
        assert difficulty == phantom.DEFAULT_DIFFICULTY
        if sum(self.drawn.values()) == self.stop_at:
            raise KeyboardInterrupt
        self.drawn[case.name] += 1
        return np.full((6, 5), case.seed % 256, np.uint8)


@pytest.fixture
def pen(monkeypatch):
    pen = Pen()
    monkeypatch.setattr(phantom, "render", pen)
    # Another process would draw with the real generator.
    monkeypatch.setattr(demo, "_WORTH_A_PROCESS", demo.COUNT + 1)
    return pen


def ask(folder, **choices):
    return read(DatasetRequest(folder=folder, **choices))


def test_the_plan_becomes_300_radiographs_with_patients(tmp_path, pen):
    radiographs = ask(tmp_path)
    plan = phantom.plan_cases(seed=demo.SEED, count=300)
    assert len(radiographs) == 300
    assert [(r.case, r.patient, r.label) for r in radiographs] == [
        (case.name, case.patient, case.label) for case in plan
    ]
    assert len({r.patient for r in radiographs}) < 300
    for radiograph, case in zip(radiographs[:5], plan, strict=False):
        with Image.open(radiograph.path) as image:
            assert image.format == "PNG"
            assert image.getpixel((0, 0)) == case.seed % 256


def test_a_second_reading_draws_nothing(tmp_path, pen):
    first = ask(tmp_path)
    assert ask(tmp_path) == first
    assert set(pen.drawn.values()) == {1}


def test_progress_counts_what_is_drawn(tmp_path, pen):
    told = []

    def track(items, what, total):
        told.append((what, total))
        return items

    ask(tmp_path, track=track)
    ask(tmp_path, track=track)
    assert told == [("drawing synthetic radiographs", 300)]


def test_after_an_interruption_only_the_rest_is_drawn(tmp_path, pen):
    pen.stop_at = 120
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.iterdir())) == 120  # whole radiographs, no remains, no listing yet
    pen.stop_at = None
    assert len(ask(tmp_path)) == 300
    assert set(pen.drawn.values()) == {1}
    assert len(pen.drawn) == 300


def test_lost_and_empty_files_are_drawn_anew(tmp_path, pen):
    radiographs = ask(tmp_path)
    radiographs[3].path.unlink()
    radiographs[4].path.write_bytes(b"")
    ask(tmp_path)
    assert [r.case for r in radiographs if pen.drawn[r.case] == 2] == [
        radiographs[3].case,
        radiographs[4].case,
    ]


def test_a_damaged_listing_is_written_anew(tmp_path, pen):
    first = ask(tmp_path)
    listing = first[0].path.parent / "listing.csv"
    whole = listing.read_text()
    for damage in ("", whole[: len(whole) // 2], "nonsense"):
        listing.write_text(damage)
        assert ask(tmp_path) == first
    assert set(pen.drawn.values()) == {1}


def test_another_generator_means_another_folder(tmp_path, pen, monkeypatch):
    ask(tmp_path)
    monkeypatch.setattr(demo, "SEED", 1)
    ask(tmp_path)
    assert len(list(tmp_path.glob("demo-*"))) == 2


def test_the_name_of_the_folder_changes_with_the_sources(tmp_path, monkeypatch):
    before = demo._digest()
    source = tmp_path / "phantom.py"
    source.write_text("changed")
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "demo.py"))
    assert demo._digest() != before


def test_a_folder_that_can_not_be_written_is_one_clear_error(tmp_path, pen):
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="can't write to"):
        ask(tmp_path / "file")


def test_choices_that_do_not_apply_are_refused(tmp_path, pen):
    with pytest.raises(DataError, match="is generated and does not read"):
        ask(tmp_path, root=tmp_path)
    with pytest.raises(DataError, match="has its labels already"):
        ask(tmp_path, positive="fracture")
    with pytest.raises(DataError, match="takes no table"):
        ask(tmp_path, manifest=tmp_path / "labels.csv")
    with pytest.raises(UnknownNameError):
        ask(tmp_path, subset="lateral")
    assert not pen.drawn


def test_a_second_process_draws_the_same_from_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "COUNT", 8)
    alone = ask(tmp_path / "alone")
    monkeypatch.setattr(demo, "_WORTH_A_PROCESS", 2)
    together = ask(tmp_path / "together")
    assert [r.path.read_bytes() for r in alone] == [r.path.read_bytes() for r in together]
    (folder,) = (tmp_path / "together").iterdir()
    assert len(list(folder.glob("*.png"))) == 8
