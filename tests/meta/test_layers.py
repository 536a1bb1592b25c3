"""Imports go one way, and heavy libraries are imported where they are used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "tlbench"
LAYERS = [
    {"start"},
    {"cli"},
    {"testing", "scaffold"},
    {"report"},
    {"run", "doctor", "overview"},
    {"run_request"},
    {"scores", "drift", "audit"},
    {"evaluate", "compare"},
    {"measures", "weights", "comparison", "predictions", "contract"},
    {"protocols", "top_layer", "features", "datasets", "images", "augment"},
    {"raster", "dicom", "preparation"},
    {"refusals"},
    {"backbones"},
    {"plugins"},
    {"containment"},
    {"registry", "stats", "records", "environment"},
    {
        "hookspecs",
        "streams",
        "patients",
        "progress",
        "files",
        "quiet",
        "threads",
        "blocks",
        "levels",
    },
    {"specs"},
    {"errors", "fields", "words"},
]
# Records and comparisons show themselves in notebooks.
UPWARD = {(f"tlbench.{name}", "tlbench.report.html") for name in ("records", "compare")}
HEAVY = {
    "tensorflow",
    "keras",
    "openvino",
    "onnxruntime",
    "tf2onnx",
    "nncf",
    "sklearn",
    "scipy",
    "statsmodels",
    "h5py",
    "pandas",
    "pyarrow",
    "matplotlib",
    "altair",
    "vl_convert",
    "jinja2",
    "pooch",
    "requests",
    "pydicom",
    "imagecodecs",
    "skimage",
}
FILES = sorted(ROOT.rglob("*.py"))


def layer(module: str) -> int | None:
    """The layer of `tlbench.x...`; the package itself belongs to none."""
    parts = module.split(".")
    if len(parts) == 1:
        return None
    return next(i for i, names in enumerate(LAYERS) if parts[1] in names)


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, *, top_only: bool) -> Iterator[str]:
    """Imported modules; with `top_only` those that importing the file imports."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING") or (
            top_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        ):
            continue
        else:
            yield from imports(node, top_only=top_only)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_go_down(file: Path) -> None:
    module = module_of(file)
    own = None if module == "tlbench.__main__" else layer(module)
    if own is None:
        return
    for name in imports(ast.parse(file.read_text()), top_only=False):
        if name.startswith("tlbench.") and not any(
            module == lower and name.startswith(upper) for lower, upper in UPWARD
        ):
            try:
                other = layer(name)
            except StopIteration:
                continue  # a name such as tlbench.__version__, not a module
            same = name.split(".")[1] == module.split(".")[1]
            assert other is None or same or other >= own, f"{module} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_heavy_libraries_are_imported_inside_functions(file: Path) -> None:
    tops = {name.split(".")[0] for name in imports(ast.parse(file.read_text()), top_only=True)}
    assert not tops & HEAVY


def test_stats_stands_alone() -> None:
    for file in (ROOT / "stats").glob("*.py"):
        for name in imports(ast.parse(file.read_text()), top_only=False):
            assert not name.startswith("tlbench.") or name.startswith("tlbench.stats"), file.name


def test_only_the_output_module_knows_rich() -> None:
    for file in FILES:
        tops = {name.split(".")[0] for name in imports(ast.parse(file.read_text()), top_only=False)}
        if "rich" in tops:
            assert module_of(file) == "tlbench.cli.output"
        if "typer" in tops:
            assert module_of(file).startswith("tlbench.cli.")
        assert "click" not in tops


def test_the_core_knows_no_backbone_by_name() -> None:
    for file in FILES:
        assert "inception" not in file.read_text().lower(), file


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_modules_stay_under_500_lines(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 500
