"""The wheel: what it holds and asks for, and that it runs from any folder with the core's dependencies alone."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import seqgpt_jax

ROOT = Path(__file__).parent.parent
PACKAGES = ("seqgpt_jax", "tasks", "configs")
# What the core does without: import names, and names of distributions.
EXTRAS = ("tensorflow", "tensorflow_datasets", "seqio", "datasets", "apache_beam", "gcsfs", "torch")

# Stage one, an export and an answer, with everything that only an extra brings made impossible to import.
CORE_RUN = f"""
import sys
for name in {EXTRAS}:
    sys.modules[name] = None
from seqgpt_jax import decode, export, prepare, train
small = ["--gin_file=quickstart_pt.gin", "--gin.Prepare.mixture=quick_ner_en", "--gin.Prepare.max_instances=30",
         "--gin.Prepare.tokenizer=tokenizer", "--gin.Prepare.tokenizer_vocab_size=512",
         "--gin.Prepare.tokenizer_mixture=quick_sa_en"]
model = ["--gin.Model.vocab_size=512", "--gin.Model.hidden_size=48", "--gin.Model.n_layer=2", "--gin.Model.n_head=6"]
assert prepare.main(small) == 0
assert train.main([*small, *model, "--run_dir=run", "--gin.Train.steps=2"]) == 0
assert export.main(["--model=run", "--output=exported"]) == 0
assert decode.main(["--model=exported", "--task=cls", "--text=Good food.", "--labels=good, bad"]) == 0
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy of the tree, which stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, f"--wheel-dir={folder}", str(source)], check=True, cwd=folder, env=os.environ)
    (path,) = folder.glob("*.whl")
    return path


def test_it_holds_every_file_of_the_packages(wheel) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        folder = ROOT / package
        target = "seqgpt_jax" if package == "seqgpt_jax" else f"seqgpt_jax/{package}"
        files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert files
        assert {f"{target}/{path.relative_to(folder)}" for path in files} <= names
    assert "seqgpt_jax/py.typed" in names
    info = f"seqgpt_jax-{seqgpt_jax.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"seqgpt_jax", info}
    assert f"{info}/licenses/LICENSE" in names


def test_the_core_asks_for_no_framework_but_jax(wheel, tmp_path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (distribution,) = importlib.metadata.distributions(path=[str(tmp_path)])
    assert distribution.version == seqgpt_jax.__version__
    assert distribution.metadata["License-Expression"] == "Apache-2.0"
    requirements = [text.replace("-", "_").lower() for text in distribution.requires]
    core = [text for text in requirements if "extra ==" not in text]
    assert any(text.startswith("jax") for text in core)
    assert [text for text in core if text.startswith(EXTRAS)] == []
    extras = {
        "beam",
        "cuda",
        "docs",
        "gguf",
        "hub",
        "openai",
        "plan",
        "seqio",
        "serve",
        "synthesize",
        "tables",
        "test",
        "tfds",
        "torch",
        "tpu",
        "trackio",
        "wandb",
    }
    assert set(distribution.metadata.get_all("Provides-Extra")) == extras
    (script,) = distribution.entry_points
    assert (script.name, script.value) == ("seqgpt", "seqgpt_jax.__main__:main")


@pytest.fixture
def installed(wheel, tmp_path):
    """Runs Python in an empty folder, with the wheel in the place of the tree."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    empty = tmp_path / "empty"
    empty.mkdir()
    # Without `site` no editable install is seen; the dependencies are found where this process finds them.
    paths = [str(tmp_path / "site"), *(path for path in sys.path if path.endswith("-packages"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    environment.pop("SEQGPT_DATA_DIR", None)
    environment.pop("XLA_FLAGS", None)

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", *argv]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=empty, env=environment)

    return run


def test_it_runs_from_any_folder(installed) -> None:
    place = installed("-c", "import seqgpt_jax.configs, seqgpt_jax.tasks; print(seqgpt_jax.tasks.__file__)")
    assert "/site/seqgpt_jax/tasks/" in place.stdout, place.stderr
    shown = installed("-m", "seqgpt_jax", "prepare", "--list")
    assert shown.returncode == 0, shown.stderr
    assert "quickstart_pt" in shown.stdout
    assert "cluener" in shown.stdout


@pytest.mark.slow
def test_prepare_train_export_and_decode_need_no_extra(installed) -> None:
    finished = installed("-c", CORE_RUN)
    assert finished.returncode == 0, finished.stderr
    assert "PyTorch" not in finished.stderr
