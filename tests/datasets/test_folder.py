import os

import pytest

from tlbench.datasets.folder import read
from tlbench.errors import DataError, UnknownNameError
from tlbench.specs import DatasetRequest


@pytest.fixture
def build(tmp_path):
    def write(*names):
        root = tmp_path / "data"
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        root.mkdir(exist_ok=True)
        return root

    return write


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


def test_cases_are_relative_paths_in_order_without_patients(build):
    root = build("normal/b.PNG", "normal/P1/a.jpeg", "fracture/x.JPG", "fracture/y.tif")
    radiographs, said = ask(root)
    assert [(r.case, r.label, r.patient) for r in radiographs] == [
        ("fracture/x.JPG", 1, None),
        ("fracture/y.tif", 1, None),
        ("normal/P1/a.jpeg", 0, None),
        ("normal/b.PNG", 0, None),
    ]
    assert all(r.path == root / r.case for r in radiographs)
    assert said == []


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        ("fracture", "no_fracture"),
        ("Fractured", "Non_fractured"),
        ("FRACTURE", "No Fracture"),
        ("positive", "negative"),
        ("abnormal", "normal"),
        ("1", "0"),
        ("fractured", "not-fractured"),
    ],
)
def test_names_that_mean_one_thing_are_understood(build, positive, negative):
    radiographs, _ = ask(build(f"{positive}/a.jpg", f"{negative}/b.jpg"))
    assert {r.case.split("/")[0]: r.label for r in radiographs} == {positive: 1, negative: 0}


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "b"), ("fracture", "wrist"), ("fracture", "fractured"), ("train", "test"), ("1", "2")],
)
def test_other_names_need_a_word_from_the_user(build, one, other):
    root = build(f"{one}/a.jpg", f"{other}/b.jpg")
    error = refusal(root)
    assert f'"{one}"' in error.message
    assert f'"{other}"' in error.message
    assert "--positive NAME" in error.hint
    for positive in (one, other):
        radiographs, _ = ask(root, positive=positive)
        assert [r.case.split("/")[0] for r in radiographs if r.label] == [positive]


def test_the_users_word_overrules_the_names_and_ignores_case(build):
    root = build("fracture/a.jpg", "normal/b.jpg")
    radiographs, _ = ask(root, positive="Normal")
    assert [r.label for r in radiographs] == [0, 1]


def test_a_positive_class_that_is_not_there_is_refused(build):
    error = refusal(build("a/x.jpg", "b/y.jpg"), positive="c")
    assert 'no class folder "c"' in error.message
    assert '"a", "b"' in error.message


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds 0 class folders instead of 2"),
        (("fracture/a.jpg",), 'holds 1 class folder instead of 2: "fracture"'),
        (("a/a.jpg", "b/a.jpg", "c/a.jpg"), 'holds 3 class folders instead of 2: "a", "b", "c"'),
        (("a.jpg", "b.jpg"), "holds 0 class folders"),
        (("fracture/a.jpg", "normal/.b.jpg"), 'normal" holds no images'),
        (("fracture/a.jpg", "normal/b.dcm"), 'normal" holds no images (1 .dcm)'),
    ],
)
def test_anything_but_two_classes_with_images_is_refused(build, names, message):
    assert message in refusal(build(*names)).message


def test_a_missing_root_or_a_file_is_refused(build):
    root = build("fracture/a.jpg", "normal/b.jpg")
    with pytest.raises(DataError) as caught:
        read(DatasetRequest(folder=root))
    assert "--data-root DIR" in caught.value.hint
    assert "does not exist" in refusal(root / "none").message
    assert "is a file" in refusal(root / "fracture" / "a.jpg").message


def test_other_files_are_counted_and_hidden_ones_are_not(build):
    root = build(
        *("fracture/a.jpg", "normal/b.jpg", "labels.csv", "normal/notes.txt", "normal/c.txt"),
        *(".DS_Store", "normal/.c.jpg", ".git/x.jpg", "__MACOSX/normal/._b.jpg", "stray.jpg"),
    )
    radiographs, said = ask(root)
    assert len(radiographs) == 2
    assert len(said) == 1
    assert said[0].startswith("4 other files or links")
    assert "2 .txt" in said[0]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_links_to_folders_are_counted_not_followed(build):
    root = build("fracture/a.jpg", "normal/b.jpg")
    (root / "normal" / "more").symlink_to(root, target_is_directory=True)
    radiographs, said = ask(root)
    assert len(radiographs) == 2
    assert "1 link" in said[0]


def test_a_folder_that_may_not_be_listed_is_an_error(build, monkeypatch):
    root = build("fracture/a.jpg", "normal/sub/b.jpg")
    scandir = os.scandir

    def forbid(path):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbid)
    assert "permission denied" in refusal(root).message


def test_a_table_of_labels_is_refused(build):
    root = build("fracture/a.jpg", "normal/b.jpg")
    for choice in ({"manifest": root / "labels.csv"}, {"columns": {"label": "x"}}):
        assert "takes no table" in refusal(root, **choice).message


def test_there_are_no_subsets(build):
    error = refusal(build("fracture/a.jpg", "normal/b.jpg"), UnknownNameError, subset="lateral")
    assert "leave out --subset" in error.hint
