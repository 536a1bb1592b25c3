import time
from pathlib import Path

import pytest

from tests.shared_data import find_shared
from tlbench.datasets.cards import read_card
from tlbench.datasets.fracatlas import read
from tlbench.datasets.table import read_table
from tlbench.errors import DataError, UnknownNameError
from tlbench.progress import Progress
from tlbench.specs import DataChoice, DatasetRequest

HEADER = "image_id,hand,fractured,fracture_count\n"
ROWS = ["a.jpg,1,1,2\n", "b.jpg,1,0,0\n", "c.jpg,0,0,0\n"]


@pytest.fixture
def root(tmp_path):
    for name in ("Fractured/a.jpg", "Non_fractured/b.jpg", "Non_fractured/c.jpg"):
        path = tmp_path / "data" / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "data" / "Annotations").mkdir()
    write(tmp_path / "data", ROWS)
    return tmp_path / "data"


def write(root, rows, header=HEADER):
    (root / "dataset.csv").write_text(header + "".join(rows))


def ask(root, **choices):
    said = []
    request = DatasetRequest(folder=root.parent, root=root, say=said.append, **choices)
    return read(request), said


def refusal(root, error=DataError, **choices):
    with pytest.raises(error) as caught:
        ask(root, **choices)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


def test_labels_come_from_the_table_and_columns_become_metadata(root):
    radiographs, said = ask(root)
    assert [(r.case, r.label, r.patient) for r in radiographs] == [
        ("a.jpg", 1, None),
        ("b.jpg", 0, None),
        ("c.jpg", 0, None),
    ]
    assert radiographs[0].path == root / "images" / "Fractured" / "a.jpg"
    assert radiographs[0].metadata == {"hand": "1", "fracture_count": "2"}
    assert said == []


def test_order_does_not_depend_on_the_table(root):
    write(root, reversed(ROWS))
    assert [r.case for r in ask(root)[0]] == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_byte_order_mark_is_no_obstacle(root):
    write(root, ROWS, "\ufeff" + HEADER)
    assert len(ask(root)[0]) == 3


def test_images_without_a_row_are_left_out_and_said(root):
    for name in ("d.jpg", "Thumbs.db", ".hidden.jpg"):
        (root / "images" / "Fractured" / name).touch()
    radiographs, said = ask(root)
    assert len(radiographs) == 3
    assert len(said) == 1
    assert said[0].startswith("1 image left out")
    assert "d.jpg" in said[0]


def test_rows_without_an_image_are_counted_and_the_first_named(root):
    write(root, [*ROWS, *(f"x{n}.jpg,1,0,0\n" for n in range(1200))])
    message = refusal(root).message
    assert message.startswith("1,200 images missing")
    assert message.endswith("x0.jpg, x1.jpg, x10.jpg, ...")


def test_a_path_in_the_table_leads_nowhere(root):
    (root.parent / "secret.jpg").touch()
    write(root, [*ROWS, "../../../secret.jpg,1,0,0\n"])
    assert "1 image missing" in refusal(root).message


def test_folder_and_table_must_agree(root):
    write(root, ["a.jpg,1,0,0\n", *ROWS[1:]])
    message = refusal(root).message
    assert message.startswith('"a.jpg" lies in images/Fractured, but line 2')


def test_an_image_in_both_folders_is_refused(root):
    (root / "images" / "Fractured" / "b.jpg").touch()
    assert "images/Non_fractured and in images/Fractured" in refusal(root).message


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (ROWS, "image,hand,fractured,n\n", 'no column "image_id"'),
        (ROWS, "image_id,hand,broken,n\n", 'no column "fractured"'),
        ([*ROWS, ROWS[0]], HEADER, '"a.jpg" occurs twice'),
        (["a.jpg,1,maybe,0\n", *ROWS[1:]], HEADER, 'has "maybe" in column "fractured"'),
        ([], HEADER, "has no rows"),
    ],
)
def test_a_table_of_another_kind_is_refused(root, rows, header, message):
    write(root, rows, header)
    assert message in refusal(root).message


def test_a_missing_root_says_where_the_data_set_can_be_had(root):
    with pytest.raises(DataError) as caught:
        read(DatasetRequest(folder=root))
    assert "--data-root DIR" in caught.value.hint
    assert "figshare 22363012" in caught.value.hint
    assert "does not exist" in refusal(root / "none").message
    assert "is a file" in refusal(root / "dataset.csv").message


def test_another_layout_is_refused_by_what_is_missing(root, tmp_path):
    (tmp_path / "empty").mkdir()
    error = refusal(tmp_path / "empty")
    for part in ("images/Fractured", "images/Non_fractured", "dataset.csv"):
        assert f'"{part}"' in error.message
    (root / "dataset.csv").unlink()
    assert refusal(root).message.endswith('has no "dataset.csv"')


def test_a_root_one_level_off_is_put_right_in_the_hint(root):
    for wrong in (root.parent, root / "images"):
        assert refusal(wrong).hint == f'did you mean --data-root "{root}"?'


def test_choices_that_do_not_apply_are_refused(root):
    error = refusal(root, UnknownNameError, subset="wrist_latral")
    assert error.message == 'unknown fracatlas subset "wrist_latral"'
    assert error.hint == 'did you mean "wrist_lateral"?'
    assert '"wrist_lateral"' in refusal(root, UnknownNameError, subset="knee").hint
    assert '"yes" can\'t be chosen' in refusal(root, positive="yes").message
    assert "takes no table" in refusal(root, columns={"label": "fractured"}).message


def test_a_subset_needs_all_its_radiographs(root):
    message = refusal(root, subset="wrist_lateral").message
    assert message.startswith('188 radiographs of the subset "wrist_lateral" not in')


VIEWS = "image_id,hand,leg,hip,shoulder,fractured,frontal,lateral,oblique\n"
LIMBS = ["a.jpg,1,0,0,0,1,1,0,0\n", "b.jpg,1,1,0,0,0,1,1,0\n", "c.jpg,0,0,0,1,0,0,1,0\n"]


def test_an_image_with_a_single_view_says_so(root):
    write(root, LIMBS, VIEWS)
    assert [r.metadata.get("view") for r in ask(root)[0]] == ["frontal", None, "lateral"]


def test_a_subset_may_be_a_condition_that_the_table_must_know(root):
    write(root, LIMBS, VIEWS)
    assert [r.case for r in ask(root, subset="upper_limb")[0]] == ["a.jpg", "c.jpg"]
    write(root, ROWS)
    assert 'unknown column "hip"' in refusal(root, UnknownNameError, subset="upper_limb").message


def test_an_image_missing_outside_a_condition_does_not_stop_it(root):
    write(root, [*LIMBS, "gone.jpg,0,1,0,0,0,1,0,0\n"], VIEWS)
    assert len(ask(root, subset="upper_limb")[0]) == 2
    assert "1 image missing" in refusal(root).message


# The real one


def test_the_real_set_is_read_whole_and_fast():
    root = find_shared("fracatlas")
    start = time.perf_counter()
    radiographs, said = ask(root)
    assert time.perf_counter() - start < 2  # some 0.05 s; the machine may be busy
    assert (len(radiographs), sum(r.label for r in radiographs)) == (1245, 370)
    assert said == []
    assert all(r.path.is_file() for r in radiographs)
    assert radiographs[0].metadata.keys() >= {"hand", "frontal", "lateral", "hardware"}


def test_the_real_subset_is_read_with_its_columns():
    radiographs, _ = ask(find_shared("fracatlas"), subset="wrist_lateral")
    assert (len(radiographs), sum(r.label for r in radiographs)) == (188, 80)
    casts = [r for r in radiographs if r.metadata["cast_or_splint"] == "1"]
    assert (len(casts), sum(r.label for r in casts)) == (20, 20)


@pytest.mark.parametrize(
    ("choices", "taken", "fractures"),
    [
        ({"subset": "upper_limb"}, 1222, 362),
        ({"where": "hand == 1 and frontal == 1"}, 748, 199),
        ({"where": 'view == "lateral"', "without": ("hardware", "mixed")}, 387, 143),
        ({"subset": "wrist_lateral", "without": ("cast",)}, 168, 60),
    ],
)
def test_choices_on_the_real_set(choices, taken, fractures):
    choice = DataChoice(dataset="fracatlas", data_root=find_shared("fracatlas"), **choices)
    table = read_table(read_card("fracatlas").describe(read), choice, Path("cache"), Progress())
    assert (len(table), int(table.labels.sum())) == (taken, fractures)
    assert table.selection["taken"] == taken


def copy_links(real, root):
    """Build the layout from links to the real images: they are never copied."""
    for folder in ("Fractured", "Non_fractured"):
        (root / "images" / folder).mkdir(parents=True)
        for path in (real / "images" / folder).iterdir():
            (root / "images" / folder / path.name).symlink_to(path)
    (root / "dataset.csv").write_bytes((real / "dataset.csv").read_bytes())


def test_a_subset_is_compared_with_the_table_and_the_images(tmp_path):
    root = tmp_path / "data"
    copy_links(find_shared("fracatlas"), root)
    radiographs, _ = ask(root, subset="wrist_lateral")
    gone = radiographs[5]
    gone.path.unlink()
    message = refusal(root, subset="wrist_lateral").message
    assert message.startswith("1 image missing")
    assert message.endswith(gone.case)

    table = (root / "dataset.csv").read_text()
    line = next(line for line in table.splitlines() if line.startswith(radiographs[0].case))
    cells = line.split(",")
    cells[8] = str(1 - int(cells[8]))
    (root / "dataset.csv").write_text(table.replace(line, ",".join(cells)))
    message = refusal(root, subset="wrist_lateral").message
    assert f'gives "{radiographs[0].case}" the label {radiographs[0].label}' in message


def test_an_image_missing_outside_the_subset_does_not_stop_it(tmp_path):
    root = tmp_path / "data"
    copy_links(find_shared("fracatlas"), root)
    inside = {r.case for r in ask(root, subset="wrist_lateral")[0]}
    next(r for r in ask(root)[0] if r.case not in inside).path.unlink()
    assert len(ask(root, subset="wrist_lateral")[0]) == 188
    assert "1 image missing" in refusal(root).message
