"""A short fault drill with real processes; the long one is `benchmarks/fault_drill.py`."""

import importlib.util
import signal
from pathlib import Path

import pytest

DRILL = Path(__file__).parents[2] / "benchmarks" / "fault_drill.py"


@pytest.mark.slow
def test_a_run_with_two_kills_and_a_corrupt_checkpoint_ends_with_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)  # the eight devices of these tests are more than its batches
    monkeypatch.syspath_prepend(DRILL.parent)  # as for a script
    spec = importlib.util.spec_from_file_location("fault_drill", DRILL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kills = {"start and preparation": 0, "restore and compilation": 0, "steps": 1, "save": 1}
    result = module.drill(tmp_path, seed=0, kills=kills, sigterms=0, steps=100, disk=False)
    assert result["bit_identical"]
    assert result["store_identical"]
    assert sum(attempt["exit_code"] == -signal.SIGKILL for attempt in result["attempts"]) >= 3
    assert "same parameters, bit for bit" in module.page(result)
