"""Pastes the real outputs of commands into the documentation: `python -m tests.meta.outputs`.

A block begins with `<!-- output of: COMMAND -->` and holds one fenced text block. Commands run in
an empty folder in which `FracAtlas` is the data set and `tlbench` the checkout, 80 columns wide.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.shared_data import SHARED

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "plugins/README.md", "datasets/README.md", "results/README.md")
BLOCK = re.compile(r"<!-- output of: (?P<command>.+?) -->\n```text\n(?P<text>.*?)```", re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+")
MEASURED = re.compile(r"[\d.,]+(?= (?:images/s|GB)\b)|\d(?:\.\d+)?e[+-]\d+")


@dataclass(frozen=True)
class Block:
    """One command in a document, and the output that stands there."""

    document: str
    command: str
    text: str


def find_blocks() -> list[Block]:
    """Return all blocks of all documents."""
    return [
        Block(name, match["command"], match["text"])
        for name in DOCUMENTS
        if (ROOT / name).is_file()
        for match in BLOCK.finditer((ROOT / name).read_text(encoding="utf-8"))
    ]


def run_command(command: str, folder: Path) -> str:
    """Return what `command` prints to stdout in `folder`."""
    for name, target in (("FracAtlas", SHARED / "data" / "fracatlas"), ("tlbench", ROOT)):
        if not (folder / name).exists():
            (folder / name).symlink_to(target)
    reference = folder / "results" / "reference"
    if not reference.exists():
        reference.parent.mkdir(exist_ok=True)
        reference.symlink_to(ROOT / "results" / "reference")
    env = os.environ | {
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TLBENCH_RESULTS": str(folder / "results"),
    }
    done = subprocess.run(
        command, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


def differences(written: str, real: str, tolerance: float = 0.05) -> list[str]:
    """Return how two outputs differ: words to the letter, fractions by more than `tolerance`.

    Fractions may differ a little, for processors round differently and a score may change places
    with its neighbour.
    """
    # Which weights are on a machine depends on what ran there before.
    written, real = (text.replace(" (here)", "") for text in (written, real))
    # Speed, memory and rounding are this machine's own.
    written, real = (MEASURED.sub("some", text) for text in (written, real))
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (written, real)]
    if words[0] != words[1]:
        return [f"written: {written}", f"real: {real}"]
    pairs = zip(NUMBER.findall(written), NUMBER.findall(real), strict=True)
    return [
        f"{a} is written, {b} is real" for a, b in pairs if abs(float(a) - float(b)) > tolerance
    ]


def main() -> None:
    """Run every command and write its output into its document."""
    with tempfile.TemporaryDirectory() as folder:
        for block in find_blocks():
            document = ROOT / block.document
            real = run_command(block.command, Path(folder))
            text = document.read_text(encoding="utf-8")
            head = f"<!-- output of: {block.command} -->\n```text\n"
            document.write_text(
                text.replace(f"{head}{block.text}```", f"{head}{real}```"), encoding="utf-8"
            )
            sys.stdout.write(f"{block.document}: {block.command}\n")


if __name__ == "__main__":
    main()
