"""The speed benchmarks: all of them at tiny sizes with real processes, and what decides who has won."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEED = ROOT / "benchmarks" / "speed"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(SPEED))


def smoke(folder: Path, *flags: str) -> subprocess.CompletedProcess:
    words = [sys.executable, str(SPEED / "all.py"), "--smoke", f"--folder={folder}", f"--output={folder}/speed", *flags]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=580)


@pytest.mark.slow
def test_a_question_runs_and_a_second_run_repeats_nothing(tmp_path, monkeypatch):
    """The training step and its check of equality; `all.py --smoke` runs the other questions, too."""
    monkeypatch.delenv("SEQGPT_DATA_DIR", raising=False)
    only = "--only=training_step"
    done = smoke(tmp_path, only)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert {"name", "ours", "peer", "ratio", "goal", "unit", "machine", "commit"} <= set(rows[0])
    names = [row["name"] for row in rows]
    assert any("training step" in name for name in names)
    assert all(row["ours"] > 0 and (row["peer"] is None or row["peer"] > 0) for row in rows)
    page = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert all(row["name"] in page for row in rows)

    (journal,) = tmp_path.glob("smoke/*/parts.jsonl")
    before = journal.read_text(encoding="utf-8")
    # A line that a kill has cut off is of a part that runs again.
    kept, cut = before[:-1].rsplit("\n", 1)
    journal.write_text(f"{kept}\n{cut[: len(cut) // 2]}\n", encoding="utf-8")
    assert smoke(tmp_path, only).returncode == 0
    entries = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line)["key"])
        except ValueError:
            continue
    assert journal.read_text(encoding="utf-8").startswith(kept)
    assert set(entries) == {json.loads(line)["key"] for line in before.splitlines()}
    again = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))[0]
    assert {**again, "machine": None} == {**rows[0], "machine": None}  # the load of the machine is another one


def test_an_unknown_question_is_refused_with_the_names(tmp_path):
    done = smoke(tmp_path, "--only=trainign_step")
    assert done.returncode != 0
    assert "training_step" in done.stderr
    assert "decoding, beam 4, free" in done.stderr


@pytest.mark.parametrize(
    ("unit", "ratio", "goal", "met", "loses"),
    [
        ("s", 1.6, 1.5, True, False),
        ("s", 0.65, 1.5, False, True),
        ("GB", 0.85, 0.9, True, False),
        ("GB", 1.37, 0.9, False, True),
        ("examples/s", 1.1, None, None, False),
    ],
)
def test_less_memory_wins_and_more_speed(unit, ratio, goal, met, loses):
    row = importlib.import_module("interleaved").Row("x", 1.0, 1.0, ratio, goal, unit)
    assert row.met() is met
    assert importlib.import_module("page").loses(row.to_json({}, "c")) is loses


def test_goals_without_a_peer_are_of_our_own_number():
    row = importlib.import_module("interleaved").Row
    assert row("--help", 0.2, None, None, 0.3, "s").met()
    assert not row("prepare", 5000, None, None, 7000, "examples/s").met()


def test_a_gradient_that_differs_in_one_tensor_is_found():
    settings, interleaved = importlib.import_module("settings"), importlib.import_module("interleaved")
    one = {"loss": 2.0, "gradient": {"a": [5.0, 3.0, 4.0], "b": [1.0, 1.0]}}
    assert "gradients to" in settings.check_equal("x", one, one)
    for other in (
        {"loss": 2.0, "gradient": {"a": [5.0, 4.0, 3.0], "b": [1.0, 1.0]}},
        {"loss": 2.0, "gradient": {"a": [5.0, 3.0, 4.0]}},
        {"loss": 2.1, "gradient": one["gradient"]},
    ):
        with pytest.raises(interleaved.Different):
            settings.check_equal("x", one, other)


def test_both_sides_train_on_the_same_tokens():
    batches = importlib.import_module("batches")
    sequences = batches.padded_sequences(3, 40, 512)
    (ours,), (peer,) = batches.ours(sequences, 40, 3, packed=False), batches.peer(sequences, 3, pad=3)
    for row, (prompt, target) in enumerate(sequences):
        whole = [*prompt, *target]
        assert ours["tokens"][row, : len(whole) - 1].tolist() == whole[:-1]
        assert peer["input_ids"][row, : len(whole)].tolist() == whole
        supervised = peer["labels"][row] != -100
        assert peer["labels"][row][supervised].tolist() == target.tolist()
        real = ours["target_weights"][row] > 0
        assert ours["target_ids"][row][real].tolist() == target.tolist()
        # Ours names the position that predicts, the peer the one that is predicted.
        assert (ours["target_positions"][row][real] + 1).tolist() == supervised.nonzero()[0].tolist()
    packed = batches.ours(sequences, 128, 1, packed=True)
    assert sum(batch["target_weights"].sum() for batch in packed) == sum(len(target) for _, target in sequences)
