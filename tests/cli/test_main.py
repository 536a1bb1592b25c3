"""The command line as a user meets it: real processes, their streams and exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tlbench
from tests.radiographs import make_folder

FILES = Path(__file__).parents[1] / "plugins" / "files"
BLOCKS = Path(__file__).parents[2] / "plugins" / "examples" / "blocks.py"
HEAVY = ("tensorflow", "keras", "sklearn", "scipy", "statsmodels", "pandas", "numpy", "PIL")


def tlb(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tlbench", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def run(pictures: Path):
    def call(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        base = ("run", "--backbone", "blocks", "--plugin", BLOCKS, "--dataset", "folder")
        return tlb(*base, "--data-root", pictures, *args, **options)

    return call


@pytest.mark.parametrize(
    "args",
    [["--help"], ["run", "--help"], ["list", "backbones"], ["list", "datasets"],
     ["list", "protocols"], ["list", "plugins"], ["show", "backbone", "inception_v3"],
     ["show", "protocol", "paper2018"], ["show", "dataset", "fracatlas"]],
    ids=" ".join,
)  # fmt: skip
def test_looking_around_imports_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys\nsys.argv = ['tlbench', *sys.argv[1:]]\n"
        "from tlbench.cli.main import main\n"
        "try:\n    main()\n"
        f"finally:\n    print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stderr == "[]\n"
    assert done.stdout.strip()


def test_a_run_prints_its_table_to_stdout_and_talk_to_stderr(run) -> None:
    done = run("--protocol", "linear-probe")
    assert done.returncode == 0
    for part in ("folder, linear-probe, seed 0", "hold-out of 24", "AUC", "optimistic", "none"):
        assert part in done.stdout
    assert "saved in" in done.stderr
    assert "saved in" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_json_is_the_record_and_nothing_else(run) -> None:
    done = run("--json")
    data = json.loads(done.stdout)
    assert data["run"].startswith("blocks-none-folder-paper2018-s0-")
    stored = Path(os.environ["TLBENCH_RESULTS"]) / data["run"] / "record.json"
    assert json.loads(stored.read_text()) == data


def test_python_returns_the_same_record(run, pictures: Path) -> None:
    data = json.loads(run("--json").stdout)
    record = tlbench.run(
        "blocks", plugins=[BLOCKS], dataset="folder", data_root=pictures,
        results=os.environ["TLBENCH_RESULTS"],
    )  # fmt: skip
    assert dict(record) == data


def test_several_backbones_share_one_table(run) -> None:
    counting = {"COUNTING_FILE": os.environ["TLBENCH_RESULTS"] + "-calls"}
    done = run(
        "--plugin", FILES / "counting.py", "--backbone", "counting", "--protocol", "linear-probe",
        env=os.environ | counting,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.index("blocks") < done.stdout.index("counting")
    assert done.stdout.count("hold-out: optimistic") == 2


def test_seeds_and_their_spread_stand_apart(run) -> None:
    done = run("--protocol", "linear-probe", "--repeats", "3", "--seed", "2")
    assert done.returncode == 0
    first, second = done.stdout.split("\n\n")
    assert "folder, linear-probe, seeds 2 to 4" in first
    assert "Spread over seeds" in second
    assert "Mean" in second
    assert done.stderr.count("saved in") == 3
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    again = json.loads(run("--protocol", "linear-probe", "--repeats", "3", "--json").stdout)
    assert [record["seed"] for record in again] == [0, 1, 2]


def test_runs_can_be_listed_and_shown(run) -> None:
    name = json.loads(run("--json").stdout)["run"]
    assert json.loads(tlb("list", "runs", "--json").stdout)[0]["run"] == name
    shown = tlb("show", "run", name)
    assert shown.stdout == run().stdout
    near = tlb("show", "run", name[:-1])
    assert near.returncode == 1
    assert f'did you mean "{name}"?' in near.stderr


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["run", "--backbone", "inception"], 'unknown backbone "inception"', '"inception_v3"'),
        (["run", "-b", "inception_v3", "--dataset", "dem"], 'unknown data set "dem"', '"demo"'),
        (["run", "-b", "inception_v3", "--protocol", "x"], 'protocol "x"', "list protocols"),
        (["show", "dataset", "fracatlus"], 'unknown data set "fracatlus"', '"fracatlas"'),
        (["list", "backbones", "--plugin", "no.py"], 'plugin file "no.py"', "path"),
        (["run", "-b", "inception_v3", "--weights", "random", "--dataset", "fracatlas",
          "--data-root", "/no/such/folder"], "/no/such/folder", "--data-root"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_a_hint(args: list[str], message: str, hint: str) -> None:
    done = tlb(*args)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = [ln for ln in done.stderr.splitlines() if ln.startswith(("error: ", "hint: "))]
    assert len(lines) == 2
    assert message in lines[0]
    assert hint in lines[1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["--where", "age >= 16"], 'unknown column "age"', "known: case"),
        (["--where", "len(case) > 3"], 'can\'t hold "len(case)" there', "write it like"),
        (["--where", 'case == "x"'], 'meets the condition "case == "x""', "datasets/README.md"),
        (["--without", "cast"], 'unknown folder exclusion "cast"', "--where"),
        (["--cohort", "kim2018"], 'unknown folder cohort "kim2018"', "leave out --cohort"),
        (["--exclude", BLOCKS], "is in the data set", "written like"),
    ],
)
def test_what_can_not_be_taken_is_one_line_and_a_hint(run, args, message, hint) -> None:
    done = run(*args)
    assert done.returncode == 1
    error, advice = done.stderr.splitlines()[-2:]
    assert error.startswith("error: ")
    assert message in error
    assert hint in advice


def test_the_table_says_what_was_taken(run) -> None:
    done = run("--protocol", "linear-probe", "--where", 'case > "fracture/03"')
    assert done.returncode == 0
    assert "radiographs 90 were taken: where case >" in " ".join(done.stdout.split())


def test_usage_is_exit_code_2() -> None:
    assert tlb("run").returncode == 2
    assert tlb("run", "--backbone", "x", "--seed", "-1").returncode == 2
    assert tlb("no-such-command").returncode == 2


def test_version() -> None:
    assert tlb("--version").stdout == f"tlbench {tlbench.__version__}\n"


def test_a_bug_of_our_own_keeps_its_traceback(pictures: Path) -> None:
    code = (
        "import sys, tlbench.run\n"
        "sys.modules['tlbench.run'].train_and_measure = lambda *_, **__: 1 / 0\n"
        "from tlbench.cli.main import main\nmain()"
    )
    options = ["-b", "blocks", "--plugin", BLOCKS, "--dataset", "folder", "--data-root", pictures]
    done = subprocess.run(
        [sys.executable, "-c", code, "run", *map(str, options)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_a_bug_of_a_plugin_is_one_line_and_its_traceback_on_request(run, tmp_path: Path) -> None:
    file = tmp_path / "buggy.py"
    file.write_text(BLOCKS.read_text().replace("images = pixels", "1 / 0; images = pixels"))
    done = run("--plugin", file, env=os.environ | {"X": ""})
    assert done.returncode == 1
    assert "offered twice" in done.stderr  # two files offering `blocks` clash
    command = (
        "run", "-b", "blocks", "--plugin", file, "--dataset", "folder", "--data-root",
        make_folder(tmp_path / "pictures", per_class=20),
    )  # fmt: skip
    done = tlb(*command)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert f'plugin "buggy" ({file}) failed in backbone "blocks": ZeroDivisionError' in line
    assert "TLBENCH_TRACEBACK=1" in done.stderr
    assert "Traceback" not in done.stderr
    done = tlb(*command, env=os.environ | {"TLBENCH_TRACEBACK": "1"})
    assert "Traceback" in done.stderr
    assert "1 / 0; images = pixels" in done.stderr


def test_a_broken_installed_plugin_is_one_warning(tmp_path: Path) -> None:
    info = tmp_path / "tlb_bad-1.0.dist-info"
    info.mkdir()
    (tmp_path / "tlb_bad.py").write_text("import no_such_module\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tlb_bad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tlbench]\ntlb_bad = tlb_bad\n")
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = tlb("list", "backbones", env=env)
    assert done.returncode == 0
    assert "inception_v3" in done.stdout
    assert done.stderr.count("warning:") == 1
    assert 'plugin "tlb_bad" (tlb_bad 1.0) is left out' in done.stderr
    strict = tlb("list", "backbones", "--strict-plugins", env=env)
    assert strict.returncode == 1


@pytest.mark.parametrize("columns", [80, 120])
def test_each_backbone_is_one_line(columns: int, tmp_path: Path) -> None:
    env = os.environ | {"COLUMNS": str(columns)}
    head, *rows = tlb("list", "backbones", "--cache", tmp_path, env=env).stdout.splitlines()
    facts = json.loads(tlb("list", "backbones", "--cache", tmp_path, "--json").stdout)
    assert [row.split()[0] for row in rows] == [fact["backbone"] for fact in facts]
    assert "offered by" not in head
    mixed = tlb("list", "backbones", "--plugin", BLOCKS, env=os.environ | {"COLUMNS": "120"}).stdout
    assert "offered by" in mixed


def test_ctrl_c_says_so_and_the_same_command_goes_on(pictures: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    env = os.environ | {"COUNTING_FILE": str(calls), "COUNTING_SECONDS": "0.15"}
    command = [
        sys.executable, "-m", "tlbench", "run", "-b", "counting", "--plugin",
        str(FILES / "counting.py"), "--dataset", "folder", "--data-root", str(pictures),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (calls.exists() and calls.stat().st_size >= 5):
        assert time.monotonic() < deadline, "the run did not start"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "interrupted; what is finished is kept" in err
    assert "Traceback" not in err
    assert not list(Path(os.environ["TLBENCH_RESULTS"]).glob("*"))
    before = calls.stat().st_size
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    batches = calls.stat().st_size
    calls.unlink()
    fresh = env | {"TLBENCH_CACHE": str(tmp_path / "c"), "TLBENCH_RESULTS": str(tmp_path / "r")}
    assert subprocess.run(command, env=fresh, capture_output=True, check=False).returncode == 0
    assert batches <= calls.stat().st_size + 1  # at most the interrupted batch ran twice
    assert before >= 5
    first, second = (
        next(Path(folder).glob("*/predictions.csv")).read_bytes()
        for folder in (os.environ["TLBENCH_RESULTS"], tmp_path / "r")
    )
    assert first == second


def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tlbench", "list", "protocols"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: the disk is full")
    assert "Traceback" not in done.stderr


def test_a_terminal_without_dashes_is_no_reason_to_fail() -> None:
    done = tlb("show", "protocol", "paper2018", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr


def test_what_a_plugin_prints_while_it_runs_stays_off_stdout(
    pictures: Path, tmp_path: Path
) -> None:
    file = tmp_path / "chatty.py"
    file.write_text(
        BLOCKS.read_text().replace("images = pixels", "print('HELLO'); images = pixels")
    )
    done = tlb(
        "run", "-b", "blocks", "--plugin", file, "--dataset", "folder", "--data-root", pictures,
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert "HELLO" in done.stderr
    # Nothing of where things lie on this machine is kept, but the last parts of paths.
    assert str(tmp_path) not in done.stdout
    assert data["command"][:3] == ["tlbench", "run", "-b"]
    assert "chatty.py" in data["command"]


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m tlbench show protocol paper2018 | head -1",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
