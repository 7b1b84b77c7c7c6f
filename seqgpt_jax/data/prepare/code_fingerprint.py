"""Fingerprint of the code that decides what a store holds, so that a changed reader makes another store."""

import sys
import sysconfig
from collections.abc import Iterable
from modulefinder import ModuleFinder
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.io.file_hash import files_hash

_PACKAGE = Path(__file__).parents[2]
# The modules that sample, render, tokenize and write.
_DECIDING = (
    "io/special_tokens",
    "data/prepare/decontamination",
    "data/prepare/encoder",
    "data/prepare/label_set",
    "data/prepare/label_stats",
    "data/prepare/mixing",
    "data/prepare/pipeline",
    "data/prepare/quota",
    "data/prepare/sampling",
    "data/prepare/shards",
    "data/prepare/state",
    "data/prepare/token_counts",
    "data/prepare/windows",
    "data/raw/files",
    "data/store",
    "data/truncation",
)


def code_fingerprint(specs: Iterable[TaskSpec], modules: Iterable[str]) -> str:
    """One hash of our own deciding code, of the readers of `specs`, and of users' modules with what they import.

    A reader of this package counts with its whole package (`seqgpt_jax.tasks`): readers are made of parts there.
    """
    own = [*sorted((_PACKAGE / "atomic").glob("*.py")), *(_PACKAGE / f"{name}.py" for name in _DECIDING)]
    readers = {getattr(spec.read, "func", spec.read).__module__ for spec in specs} | {*modules}
    packages = {".".join(name.split(".")[:2]) for name in readers if name.startswith("seqgpt_jax.")}
    for package in sorted(packages):
        own += sorted(Path(sys.modules[package].__file__).parent.rglob("*.py"))
    theirs = {file for name in readers if not name.startswith("seqgpt_jax.") for file in _module_files(name)}
    return files_hash([*own, *sorted(theirs)])


def _module_files(name: str) -> set[Path]:
    """The file of a user's module and of the modules beside it that it imports, read without running them."""
    file = Path(sys.modules[name].__file__)
    root = file.parents[name.count(".") + (file.name == "__init__.py")]
    if root == Path(sysconfig.get_path("purelib")):
        # What it imports beside its own package is installed too, and as other libraries are no reader.
        return {file, *(root / name.split(".")[0]).rglob("*.py")}
    finder = ModuleFinder(path=[str(root)])
    finder.import_hook(name)
    return {file, *(Path(module.__file__) for module in finder.modules.values() if module.__file__)}
