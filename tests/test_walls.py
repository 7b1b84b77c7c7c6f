"""Who may import whom (the walls of the house), read from the source, and checked by importing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = {path.stem for path in (ROOT / "seqgpt_jax").glob("*.py")} - {"__init__"}
# package -> the packages of ours it may import
ALLOWED = {
    "atomic": {"atomic"},
    "models": {"models"},
    "data": {"atomic", "data"},
    "decoding": {"models", "data", "atomic", "decoding"},
    "training": {"models", "data", "atomic", "training"},
    "evaluation": {"models", "data", "atomic", "evaluation"},
    "tasks": {"atomic", "data", "tasks"},
}
SEQIO_SIDE = {"data/vocabulary.py", "data/preprocessors.py", "tasks/seqio_tasks.py"}


def modules():
    for package in ALLOWED:
        folder = ROOT / package if package == "tasks" else ROOT / "seqgpt_jax" / package
        for path in sorted(folder.rglob("*.py")):
            yield package, path
    for script in sorted(SCRIPTS):
        yield "", ROOT / "seqgpt_jax" / f"{script}.py"


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize(
    ("package", "path"), [pytest.param(*item, id=str(item[1].relative_to(ROOT))) for item in modules()]
)
def test_walls(package, path) -> None:
    names = imports(path)
    short = f"{package}/{path.relative_to(ROOT / package if package == 'tasks' else path.parents[0])}"
    roots = {name.split(".")[0] for name in names}
    assert "torch" not in roots, "PyTorch belongs to tests and benchmarks"
    if not any(short.endswith(allowed.split("/")[1]) and allowed.startswith(package) for allowed in SEQIO_SIDE):
        assert not roots & {"tensorflow", "seqio", "tensorflow_datasets"}
    if path.stem != "command_line" or package:
        assert "gin" not in roots, "gin stays at the edge"
    if package:
        ours = {name.split(".")[1] for name in names if name.startswith("seqgpt_jax.")}
        assert ours <= ALLOWED[package], f"{path} imports {sorted(ours - ALLOWED[package])}"
    if package == "atomic":
        assert roots - {"seqgpt_jax"} <= set(sys.stdlib_module_names)


def test_training_and_decoding_never_load_tensorflow_seqio_or_torch() -> None:
    code = """
import sys
import seqgpt_jax.train, seqgpt_jax.evaluate, seqgpt_jax.decode, seqgpt_jax.export, seqgpt_jax.prepare
import seqgpt_jax.training.loop, seqgpt_jax.decoding.engine, seqgpt_jax.evaluation.report
import seqgpt_jax.data.batches, seqgpt_jax.data.preparation, seqgpt_jax.tasks, seqgpt_jax.models.loading
print(sorted({"tensorflow", "seqio", "torch", "tensorflow_datasets"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_modules_stay_small() -> None:
    long = {str(path.relative_to(ROOT)): n for _, path in modules() if (n := len(path.read_text().splitlines())) > 400}
    assert not long
