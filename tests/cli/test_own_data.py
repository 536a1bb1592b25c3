"""Whole runs on one's own data, as a table and as DICOM files, and what they must not tell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.dicom_files import write_dicom
from tlbench.streams import stream

BLOCKS = Path(__file__).parents[2] / "plugins" / "examples" / "blocks.py"
PATIENTS = 60


def tlb(*args: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tlbench", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def run(*args: object, folder: Path) -> subprocess.CompletedProcess[str]:
    base = ("run", "--backbone", "blocks", "--plugin", BLOCKS, "--protocol", "linear-probe")
    return tlb(*base, "--results", "results", "--audit", "off", *args, folder=folder)


def draw(name: str, label: int) -> np.ndarray:
    """Noise, 12 bits, whose middle is darker where there is a fracture."""
    rng = stream(0, f"own data/{name}")
    pixels = rng.normal(1900, 480, (40, 44))
    pixels[13:20] -= 260 * label * rng.random()
    return np.clip(pixels, 0, 4095).astype(np.uint16)


def everything_in(results: Path) -> str:
    """All that a run left behind, the names of its files among it."""
    files = [path for path in sorted(results.rglob("*")) if path.is_file()]
    assert files
    return "\n".join(
        f"{path.relative_to(results)}\n{path.read_bytes().decode('latin-1')}" for path in files
    )


def record_in(results: Path) -> dict:
    (file,) = results.glob("*/record.json")
    return json.loads(file.read_text())


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A hospital's export: patients with two images each, named in every way a file can be."""
    for i in range(PATIENTS):
        label = i % 2
        for view in ("PA", "LL"):
            name = f"{i}/{view}"
            write_dicom(
                tmp_path / "export" / f"Doe{i}_Jane" / f"MRN55{i:03d}_{view}.dcm",
                draw(name, label),
                PatientName=f"Doe{i}^Jane",
                PatientID=f"MRN55{i:03d}",
                PatientBirthDate="19500102",
                AccessionNumber=f"ACC77{i:03d}",
                StudyInstanceUID=f"1.2.826.99.{i}",
                SOPInstanceUID=f"1.2.826.99.{i}.{len(view)}{ord(view[0])}",
                InstitutionName="Saint Elsewhere",
                ViewPosition=view,
                PatientAge=f"{20 + i:03d}Y",
                PatientSex="F",
            )
    rows = [f"ACC77{i:03d},{'fracture' if i % 2 else 'normal'}" for i in range(PATIENTS)]
    table = "\n".join(["AccessionNumber,finding", *rows, "ACC77999,normal", ""])
    (tmp_path / "Doe_labels.csv").write_text(table)
    return tmp_path


SECRETS = ("Doe", "Jane", "MRN", "ACC7", "1.2.826.99", "Elsewhere", "19500102", "_PA", "_LL")


def refuse_secrets(text: str, secrets: tuple[str, ...] = SECRETS) -> None:
    assert [secret for secret in secrets if secret in text] == []


def test_a_run_on_a_dicom_folder_tells_nobodys_name(export: Path) -> None:
    (export / "labels.csv").write_bytes((export / "Doe_labels.csv").read_bytes())
    broken = export / "export" / "Doe7_Jane" / "MRN55007_PA.dcm"
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) - 2000])
    done = run(
        *("--dataset", "dicom", "--data-root", "export", "--manifest", "labels.csv"),
        *("--column", "label=finding", "--skip-unreadable"),
        folder=export,
    )
    assert done.returncode == 0, done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    refuse_secrets(done.stdout)
    refuse_secrets(everything_in(export / "results"))
    record = record_in(export / "results")
    assert (record["radiographs"], record["patients"]) == (2 * PATIENTS - 1, PATIENTS)
    (skipped,) = record["details"]["dataset"]["skipped"]
    assert skipped.keys() == {"case", "reason"}
    assert "1 row of the table of labels without a file: line 62" in record["warnings"]
    # The terminal alone may say which file it was.
    assert "MRN55007_PA.dcm" in done.stderr


def test_a_run_on_a_table_is_the_same_run_however_it_is_written(tmp_path: Path) -> None:
    rows = []
    for i in range(2 * PATIENTS):
        label = i % 2
        (tmp_path / "set").mkdir(exist_ok=True)
        Image.fromarray(draw(str(i), label)).save(tmp_path / "set" / f"{i:03d}.png")
        rows.append({"file": f"{i:03d}.png", "fracture": label, "mrn": f"MRN55{i // 2:03d}"})
    import pandas as pd

    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "set" / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    done = run("--dataset", "manifest", "--manifest", "set/t.csv", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["radiographs"], record["positives"], record["patients"]) == (120, 60, 60)
    refuse_secrets(done.stdout + everything_in(tmp_path / "results"), ("MRN", str(tmp_path)))
    again = run(
        *("--dataset", "manifest", "--manifest", "t.parquet", "--data-root", "set", "--json"),
        folder=tmp_path,
    )
    assert "is finished already" in again.stderr
    assert json.loads(again.stdout) == record


def test_a_table_that_names_dicom_files_tells_nobodys_name(export: Path) -> None:
    files = sorted((export / "export").rglob("*.dcm"))
    names = [path.relative_to(export / "export") for path in files]
    rows = [f"{name},{int(name.parts[0][3:-5]) % 2}" for name in names]
    table = export / "export" / "list.csv"
    table.write_text("\n".join(["path,label", *rows, ""]))
    done = run("--dataset", "manifest", "--manifest", table, folder=export)
    assert done.returncode == 0, done.stderr
    refuse_secrets(done.stdout + everything_in(export / "results"))
    record = record_in(export / "results")
    assert (record["radiographs"], record["patients"]) == (2 * PATIENTS, PATIENTS)


def test_what_is_wrong_is_one_line_and_a_hint(export: Path) -> None:
    cases = {
        ("--dataset", "manifest"): 'data set "manifest" needs a table',
        ("--dataset", "dicom", "--manifest", "Doe_labels.csv"): "say where it is",
        ("--dataset", "demo", "--column", "label=x"): "takes no table",
    }
    for choice, message in cases.items():
        done = run(*choice, folder=export)
        assert done.returncode == 1
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert [line.split()[0] for line in lines[-2:]] == ["error:", "hint:"], done.stderr
        assert message in lines[-2]
        assert "Traceback" not in done.stderr
