"""Examples in docstrings: every one runs."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def modules_with_examples() -> list[str]:
    """Dotted names of the modules of `seqgpt_jax/` and `tasks/` whose source holds an example."""
    names = []
    for top, package in (("seqgpt_jax", "seqgpt_jax"), ("tasks", "seqgpt_jax.tasks")):
        for path in sorted((ROOT / top).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(ROOT / top).with_suffix("").parts
                names.append(".".join([package, *(part for part in parts if part != "__init__")]))
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted, f"{name}: the examples are not in docstrings"
    assert not result.failed
