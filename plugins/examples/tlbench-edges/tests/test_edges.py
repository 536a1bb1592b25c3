"""Does the backbone keep its promises? The fixture `check_backbone` comes with tlbench."""

import numpy as np

from tlbench_edges.backbone import extract


def test_tlbench_finds_no_fault(check_backbone):
    report = check_backbone("edges")
    assert report["input scale"].result == "pass"


def test_an_even_picture_has_no_steps_inside():
    even = np.full((1, 64, 64), 90, np.uint8)
    assert not extract(even).reshape(2, 8, 8)[:, :-1, :-1].any()
