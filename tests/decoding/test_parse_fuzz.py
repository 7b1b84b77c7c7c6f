"""A short run of `benchmarks/parse_fuzz.py`, which asks random models 10,000 prompts, and one with other tokenizers."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.data.tokenizer_kinds import KINDS, imported

FUZZ = Path(__file__).parents[2] / "benchmarks" / "parse_fuzz.py"


@pytest.fixture
def module(monkeypatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("parse_fuzz", FUZZ)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # One limit: one program for each number of beams.
    monkeypatch.setattr(module, "_LIMITS", (24,))
    return module


def test_every_answer_of_random_models_parses(module) -> None:
    result = module.fuzz(192, seed=0)
    assert result["prompts"] >= 192
    assert result["failures"] == []
    assert result["longest_answer"] > 20
    assert len(result["kinds"]) == 8, "four of the tokenizers, both kinds of questions"


def test_every_answer_with_other_tokenizers_parses(module, monkeypatch) -> None:
    monkeypatch.setattr(module, "tokenizers", lambda: {kind: imported(kind) for kind in KINDS})
    result = module.fuzz(256, seed=1)
    assert result["failures"] == []
    assert result["longest_answer"] > 20
    assert len(result["kinds"]) == 2 * len(KINDS)
