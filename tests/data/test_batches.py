"""Batches of an epoch: equally full, each example once, the same after a resume and on any number of hosts."""

from pathlib import Path

import numpy as np
import pytest
from etils import epath

from seqgpt_jax.data.batches import Batches
from seqgpt_jax.data.store import StoreWriter, TrainStore, train_fields

LENGTH = 20


def store_of_rows(folder: Path, rows: int, epochs: int = 1) -> TrainStore:
    """A store whose examples take a row each."""
    writer, shards = StoreWriter(epath.Path(folder)), []
    for epoch in range(epochs):
        name = f"epoch-{epoch:04d}/examples-all"
        records = [train_fields(f"{epoch}/{number}", 0, [5] * 16, [6] * 3) for number in range(rows)]
        writer.write_shard(name, records, np.array([(16, 3)] * rows), {})
        shards.append([(0, name)])
    writer.finish(shards, {"kind": "train", "epochs": epochs, "fingerprint": "f"})
    return TrainStore(folder)


@pytest.mark.parametrize(
    ("rows", "batch_size", "real"),
    [(17, 8, [5, 6, 6]), (9, 8, [4, 5]), (16, 8, [8, 8]), (33, 16, [11, 11, 11]), (3, 8, [3]), (8, 8, [8])],
)
def test_rows_of_an_epoch_are_dealt_evenly(tmp_path, rows, batch_size, real) -> None:
    batches = Batches(store_of_rows(tmp_path, rows), length=LENGTH, batch_size=batch_size, seed=0)
    assert batches.steps_per_epoch(0) == batches.total_steps == -(-rows // batch_size)
    found = [int((batch["segment_ids"].max(axis=1) > 0).sum()) for batch in batches.iterate()]
    assert found == real
    ids = [id for step in range(batches.total_steps) for id in batches.example_ids(step)]
    assert sorted(ids) == sorted(f"0/{number}" for number in range(rows))


def test_no_batch_of_many_counts_for_much_less_than_the_others(tmp_path) -> None:
    """The rows after a whole number of batches are a share of every batch, not a batch of their own."""
    for rows in range(9, 30):
        batches = Batches(store_of_rows(tmp_path / str(rows), rows), length=LENGTH, batch_size=4, seed=0)
        weights = [batch["target_weights"].sum() for batch in batches.iterate()]
        assert max(weights) - min(weights) <= 3  # the targets of one row


def test_hosts_and_resumed_runs_see_the_same_batches(tmp_path) -> None:
    store = store_of_rows(tmp_path, 13, epochs=2)

    def batches(**hosts: int) -> Batches:
        return Batches(store, length=LENGTH, batch_size=4, seed=3, epochs=3, **hosts)

    whole = list(batches().iterate())
    assert len(whole) == 3 * 4
    parts = [batches(process_index=index, process_count=4).iterate() for index in range(4)]
    for batch, *of_hosts in zip(whole, *parts, strict=True):
        for name, array in batch.items():
            assert np.array_equal(np.concatenate([part[name] for part in of_hosts]), array)
    for start in (3, 4, 7):
        for before, after in zip(whole[start:], batches().iterate(start), strict=True):
            assert all(np.array_equal(before[name], after[name]) for name in before)
