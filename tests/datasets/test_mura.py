import re
import shutil

import pytest
from PIL import Image

from tlbench.datasets.cards import read_card
from tlbench.datasets.mura import read
from tlbench.errors import DataError, UnknownNameError
from tlbench.specs import DatasetRequest

# As published: a patient may have studies of several parts, and studies with different labels.
STUDIES = {
    "train/XR_WRIST/patient00001/study1_positive": 2,
    "train/XR_WRIST/patient00001/study2_negative": 1,
    "train/XR_WRIST/patient00002/study1_negative": 3,
    "train/XR_FOREARM/patient00001/study1_positive": 1,
    "valid/XR_WRIST/patient11185/study1_positive": 2,
    "valid/XR_ELBOW/patient11186/study1_negative": 1,
}


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "MURA-v1.1"
    for half in ("train", "valid"):
        studies = {name: n for name, n in STUDIES.items() if name.startswith(half)}
        images = [f"{s}/image{i}.png" for s, n in studies.items() for i in range(1, n + 1)]
        for image in images:
            (root / image).parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 6), len(image)).save(root / image)
        labels = [f"MURA-v1.1/{s}/,{int(s.endswith('positive'))}\n" for s in studies]
        (root / f"{half}_labeled_studies.csv").write_text("".join(labels))
        (root / f"{half}_image_paths.csv").write_text("".join(f"MURA-v1.1/{i}\n" for i in images))
    return root


def ask(root, **choices):
    said, warned = [], []
    request = DatasetRequest(
        folder=root.parent, root=root, say=said.append, warn=warned.append, **choices
    )
    return read(request), said, warned


def refusal(root, error=DataError, **choices):
    with pytest.raises(error) as caught:
        ask(root, **choices)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_labels_are_the_studies_and_patients_the_folders(root):
    radiographs, said, warned = ask(root)
    assert len(radiographs) == sum(STUDIES.values())
    assert said == []
    assert len(warned) == 1
    assert warned[0].startswith("positive means abnormal, not fracture")
    for r in radiographs:
        half, part, patient, study, _ = r.path.relative_to(root).parts
        assert r.path.is_file()
        assert r.label == (study.endswith("positive"))
        assert (r.patient, r.study) == (patient, f"{half}/{part}/{patient}/{study}")
        assert r.metadata == {"part": part[3:].lower(), "published_in": half}
        assert r.partition is None
    assert len({r.study for r in radiographs}) == len(STUDIES)


def test_cases_tell_neither_patient_nor_label_and_are_the_same_in_each_part(root):
    whole, _, _ = ask(root)
    cases = {r.path: r.case for r in whole}
    assert len(set(cases.values())) == len(whole)
    assert all(re.fullmatch("[0-9a-f]{12}/image[0-9]", case) for case in cases.values())
    assert len({case.partition("/")[0] for case in cases.values()}) == len(STUDIES)
    assert all(cases[r.path] == r.case for r in ask(root, subset="wrist")[0])
    # The salt is of the whole data set: without it nobody can try the names of the folders.
    change(root / "valid_labeled_studies.csv", "patient11186", "patient11187")
    change(root / "valid_image_paths.csv", "patient11186", "patient11187")
    shutil.move(root / "valid/XR_ELBOW/patient11186", root / "valid/XR_ELBOW/patient11187")
    assert not {r.case for r in ask(root)[0]} & set(cases.values())


def test_a_patient_is_one_person_in_all_parts_and_halves(root):
    whole, _, _ = ask(root)
    assert len({r.study for r in whole if r.patient == "patient00001"}) == 3
    # Should a number occur in both halves, its radiographs stay together.
    shutil.move(root / "valid/XR_WRIST/patient11185", root / "valid/XR_WRIST/patient00002")
    for name in ("valid_labeled_studies.csv", "valid_image_paths.csv"):
        file = root / name
        file.write_text(file.read_text().replace("patient11185", "patient00002"))
    both = {r.metadata["published_in"] for r in ask(root)[0] if r.patient == "patient00002"}
    assert both == {"train", "valid"}


@pytest.mark.parametrize(("part", "count"), [("wrist", 8), ("forearm", 1), ("elbow", 1)])
def test_a_part_is_a_subset_that_needs_its_own_images_only(root, part, count):
    for folder in root.glob("*/XR_*"):
        if folder.name != f"XR_{part.upper()}":
            shutil.rmtree(folder)
    radiographs, said, _ = ask(root, subset=part)
    assert {r.metadata["part"] for r in radiographs} == {part}
    assert len(radiographs) == count
    assert said == []
    error = refusal(root)
    assert error.message.startswith(f"{10 - count} image")
    assert "--subset NAME" in error.hint


def test_every_part_of_the_card_is_a_subset_and_the_sums_are_right():
    content = read_card("mura").content
    parts = content["subsets"].values()
    assert sorted(part["folder"] for part in parts) == [
        *("XR_ELBOW", "XR_FINGER", "XR_FOREARM", "XR_HAND", "XR_HUMERUS", "XR_SHOULDER"),
        "XR_WRIST",
    ]
    for key in ("radiographs", "positives", "studies", "positive_studies"):
        assert sum(part[key] for part in parts) == content["expected"][key]
    # The totals of the paper: training and validation together.
    assert content["expected"]["radiographs"] == 36_808 + 3_197
    assert content["expected"]["studies"] == 13_457 + 1_199
    assert content["expected"]["patients"] == 11_184 + 783


def test_missing_images_are_one_line(root):
    shutil.rmtree(root / "train" / "XR_WRIST" / "patient00002")
    message = refusal(root, subset="wrist").message
    assert message.startswith("3 images missing under")
    assert '"train/XR_WRIST/patient00002/study1_negative/image1.png"' in message


def test_images_without_a_line_and_a_macs_copies_of_names(root):
    study = root / "train/XR_WRIST/patient00001/study1_positive"
    (study / "._image1.png").write_bytes(b"")
    shutil.copy(study / "image1.png", study / "image9.png")
    radiographs, said, _ = ask(root)
    assert len(radiographs) == 10
    assert len(said) == 1
    assert said[0].startswith("1 image left out")
    assert "image9.png" in said[0]


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("labeled_studies", "study1_positive/,1", "study1_positive/,0", 'the label "0"'),
        ("labeled_studies", "study1_positive/,1", "study1_positive/,x", 'the label "x"'),
        ("labeled_studies", "MURA-v1.1/train", "../train", "line 1 of .* does not name a study"),
        ("labeled_studies", "train/XR", "valid/XR", "line 1 of .* does not name a study"),
        ("labeled_studies", "/,1", "/,1,2", "has 3 values instead of 2"),
        ("image_paths", "patient00001/", "../", "line 1 of .* does not name an image"),
        ("image_paths", "image1.png", "image2.png", "occurs twice"),
        ("image_paths", "study1_p", "study9_p", "line 1 of .* a study without a label"),
    ],
)
def test_tables_that_contradict_the_folders_are_refused(root, table, old, new, message):
    change(root / f"train_{table}.csv", old, new)
    assert re.search(message, refusal(root).message)


def test_a_root_one_level_off_is_put_right_in_the_hint(root):
    for wrong in (root.parent, root / "train"):
        assert refusal(wrong).hint == f'did you mean --data-root "{root}"?'
    (root / "valid_image_paths.csv").unlink()
    assert refusal(root).message.endswith('has no "valid_image_paths.csv"')
    with pytest.raises(DataError, match="needs to know where its files are"):
        read(DatasetRequest(folder=root))


def test_choices_that_do_not_apply_are_refused(root):
    assert refusal(root, UnknownNameError, subset="wirst").hint == 'did you mean "wrist"?'
    assert '"abnormal" can\'t be chosen' in refusal(root, positive="abnormal").message
    assert "takes no table" in refusal(root, manifest=root / "train_image_paths.csv").message
