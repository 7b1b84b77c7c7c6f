from pathlib import Path

import numpy as np
import pytest
from etils import epath

from seqgpt_jax.data.batches import Batches
from seqgpt_jax.data.packing import default_target_capacity
from seqgpt_jax.data.store import StoreError, StoreWriter, TrainStore, train_fields
from seqgpt_jax.planning import workload
from seqgpt_jax.training.config import TrainConfig

TRAIN = TrainConfig(batch_size=4, length=1000, epochs=2)


def test_assumptions_give_the_capacity_that_packing_would_take():
    made = workload.assumed(TRAIN, tokens_per_example=200, supervised=0.25)
    assert made.target_capacity == default_target_capacity(np.full(9, 200), np.full(9, 50), 1000)
    assert made.steps is None


def test_steps_follow_from_the_size_of_the_data():
    rows = 4 * 1000 * workload.PACKING
    assert workload.assumed(TRAIN, tokens=round(10 * rows)).steps == 20
    assert workload.assumed(TRAIN, examples=round(10 * rows / 100), tokens_per_example=100).steps == 20
    assert workload.assumed(TrainConfig(steps=7), examples=1000).steps == 7


def test_a_row_in_the_terms_of_model_flops():
    tokens, supervised, keys = workload.Workload(8, 0.5, 0.1, 99.0, None, "").row(1000)
    assert (tokens, supervised, keys) == pytest.approx((500, 50, 500 * 50))


def write_store(folder: Path, sizes: list[tuple[int, int]]) -> Path:
    """A prepared store whose examples have these numbers of prompt and target tokens."""
    writer, name = StoreWriter(epath.Path(folder)), "epoch-0000/examples-all"
    records = [train_fields(f"tiny/{n}", 0, [5] * prompt, [6] * target) for n, (prompt, target) in enumerate(sizes)]
    writer.write_shard(name, records, np.array(sizes), {})
    writer.finish([[(0, name)]], {"kind": "train", "epochs": 1, "fingerprint": "f"})
    return folder


def test_a_store_gives_what_training_would_see(tmp_path):
    sizes = [(int(p), int(t)) for p, t in np.random.default_rng(0).integers((20, 2), (300, 60), (200, 2))]
    folder = write_store(tmp_path, sizes)
    made = workload.of_store(TRAIN, folder)
    batches = Batches(TrainStore(folder), length=1000, batch_size=4, seed=0, epochs=2)
    assert (made.target_capacity, made.steps) == (batches.target_capacity, batches.total_steps)
    assert str(folder) in made.source
    # Against the arrays themselves, in one epoch.
    tokens = supervised = keys = 0
    for batch in list(batches.iterate(0))[: batches.steps_per_epoch(0)]:
        real = batch["segment_ids"] > 0
        tokens += real.sum()
        supervised += (batch["target_weights"] > 0).sum()
        keys += np.where(real, batch["positions"] + 1, 0).sum()
    rows = 4 * batches.steps_per_epoch(0)
    assert made.row(1000) == pytest.approx((tokens / rows, supervised / rows, keys / rows))


def test_a_run_that_ends_early_and_a_store_that_is_none(tmp_path):
    folder = write_store(tmp_path / "store", [(30, 5)] * 50)
    assert workload.of_store(TrainConfig(batch_size=2, length=100, steps=3), folder).steps == 3
    with pytest.raises(ValueError, match=r"Train.steps = 99, but Train.epochs = 1 of .*store has 13 steps"):
        workload.of_store(TrainConfig(batch_size=2, length=100, steps=99), folder)
    with pytest.raises(StoreError, match="is no prepared folder"):
        workload.of_store(TRAIN, tmp_path)


def test_examples_that_are_longer_than_a_row_are_taken_to_be_cut():
    made = workload.assumed(TrainConfig(length=128), tokens_per_example=200, supervised=0.25)
    assert 32 <= made.target_capacity <= 64
