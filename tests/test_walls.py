"""Who may import whom (the walls of the house), read from the source, and checked by importing."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = {path.stem for path in (ROOT / "seqgpt_jax").glob("*.py")} - {"__init__"}
# package -> the packages of ours it may import
ALLOWED = {
    "atomic": {"atomic"},
    "io": {"io", "models"},
    "models": {"models", "io"},
    "data": {"atomic", "data", "io"},
    "decoding": {"models", "data", "io", "atomic", "decoding"},
    "training": {"models", "data", "io", "atomic", "training"},
    "planning": {"models", "data", "io", "training", "decoding", "planning"},
    "evaluation": {"models", "data", "io", "atomic", "decoding", "evaluation"},
    "ablation": {"io", "evaluation", "ablation"},
    "serving": {"io", "atomic", "decoding", "serving"},
    "synthesis": {"atomic", "data", "io", "tasks", "synthesis"},
    "console": {"atomic", "data", "io", "tasks", "console"},
    "tasks": {"atomic", "data", "tasks"},
    "auditing": {"atomic", "data", "decoding", "evaluation", "io", "tasks", "auditing"},
}
SEQIO_SIDE = {
    "data/vocabulary.py",
    "data/seqio_reader.py",
    "data/seqio_source.py",
    "data/raw/tfds_rows.py",
    "tasks/seqio_tasks.py",
}
# A SeqIO task carries its metrics: those of our evaluation, of completions.
ALSO_ALLOWED = {"tasks/seqio_tasks.py": {"evaluation", "decoding"}}


def modules():
    for package in ALLOWED:
        folder = ROOT / package if package == "tasks" else ROOT / "seqgpt_jax" / package
        for path in sorted(folder.rglob("*.py")):
            yield package, path
    for script in sorted(SCRIPTS):
        yield "", ROOT / "seqgpt_jax" / f"{script}.py"


def imports(path: Path) -> set[str]:
    """Names that a module imports, and modules of ours that it names in a string, which an import may follow."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(re.findall(r"^seqgpt_jax\.[\w.]+", node.value))
    return found


def module_name(path: Path) -> str:
    """The dotted name by which a file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = ("seqgpt_jax", *parts) if parts[0] == "tasks" else parts
    return ".".join(package).removesuffix(".__init__")


def test_no_import_circle() -> None:
    """Among the imports that run when a module is loaded; those inside functions may close a circle."""
    paths = {module_name(path): path for _, path in modules()}
    arrows: dict[str, set[str]] = {}
    for name, path in paths.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {f"{n.module}.{a.name}" for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
        # `from package import module` and `from module import name` look alike.
        arrows[name] = {n if n in paths else n.rpartition(".")[0] for n in names} & paths.keys() - {name}
    assert sum(map(len, arrows.values())) > 100
    while leaves := [name for name, targets in arrows.items() if not targets & arrows.keys()]:
        for name in leaves:
            del arrows[name]
    assert not arrows, f"modules that import each other, or what does: {sorted(arrows)}"


@pytest.mark.parametrize(
    ("package", "path"), [pytest.param(*item, id=str(item[1].relative_to(ROOT))) for item in modules()]
)
def test_walls(package, path) -> None:
    names = imports(path)
    short = (
        f"tasks/{path.relative_to(ROOT / package)}"
        if package == "tasks"
        else str(path.relative_to(ROOT / "seqgpt_jax"))
    )
    roots = {name.split(".")[0] for name in names}
    assert "torch" not in roots, "PyTorch belongs to tests and benchmarks"
    if short not in SEQIO_SIDE:
        assert not roots & {"tensorflow", "seqio", "tensorflow_datasets"}
    if path.stem != "command_line" or package:
        assert "gin" not in roots, "gin stays at the edge"
    if package:
        ours = {name.split(".")[1] for name in names if name.startswith("seqgpt_jax.")}
        allowed = ALLOWED[package] | ALSO_ALLOWED.get(short, set())
        assert ours <= allowed, f"{path} imports {sorted(ours - allowed)}"
    if package == "atomic":
        assert roots - {"seqgpt_jax"} <= set(sys.stdlib_module_names)


def loaded_by(modules: str) -> set[str]:
    """Which of the three heavy frameworks a fresh process has loaded after importing `modules`."""
    code = f"import sys; import {modules}; print(*{{'tensorflow', 'seqio', 'torch'}} & set(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_commands_load_neither_tensorflow_nor_seqio_nor_torch() -> None:
    assert loaded_by(", ".join(f"seqgpt_jax.{name}" for name in sorted(SCRIPTS))) == set()


def test_training_decoding_and_preparation_never_load_tensorflow_or_seqio() -> None:
    modules = "training.loop decoding.engine evaluation.report data.batches data.prepare.pipeline tasks io.model_folder"
    found = loaded_by(", ".join(f"seqgpt_jax.{name}" for name in modules.split()))
    # transformers itself loads PyTorch where it happens to be installed; nothing here asks for it (see `test_walls`).
    assert found <= {"torch"}


def test_modules_stay_small() -> None:
    long = {str(path.relative_to(ROOT)): n for _, path in modules() if (n := len(path.read_text().splitlines())) > 400}
    assert not long
