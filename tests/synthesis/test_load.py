"""The load test of `benchmarks/synthesize_load.py`, small: kills, faults, budget, and every passage once."""

import importlib.util
from pathlib import Path

import pytest

LOAD = Path(__file__).parents[2] / "benchmarks" / "synthesize_load.py"

pytest.importorskip("py3langid", reason="`pip install -e '.[synthesize]'` brings it")


@pytest.mark.slow
def test_killed_twice_every_passage_is_there_once_and_the_budget_is_kept(tmp_path, monkeypatch) -> None:
    spec = importlib.util.spec_from_file_location("synthesize_load", LOAD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TIMEOUT", 3.0)
    result = module.load(tmp_path, passages=120, concurrency=16, kills=2)
    assert result["accepted"] + sum(result["rejected"].values()) == 120
    assert result["accepted"] > 100
    assert len(result["killed_at_requests"]) == 2
