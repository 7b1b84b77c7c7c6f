"""Training batches: the batch at step s is a pure function of (prepared data, seed, s).

So a resumed run needs only its step number, and any number of hosts sees the same global batches,
of which each reads its own rows. Every example is seen exactly once an epoch.

The rows of an epoch are dealt evenly to its batches: 17 rows in batches of 8 become 5 + 6 + 6, never 8 + 8 + 1, and
empty rows fill the arrays up. A batch of one real row would move the weights as far as a full one, so each of its
examples would count eight times as much as the others.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, SupportsIndex

import grain.python as grain
import numpy as np

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.data.packing import PackingPlan, default_target_capacity, plan_packing
from seqgpt_jax.data.store import TrainRecord, TrainStore

if TYPE_CHECKING:
    from seqgpt_jax.data.validation_examples import ValidationExamples

Batch = dict[str, np.ndarray]


class Batches:
    """The batches of one training run.

    Args:
      store: prepared data; epoch e of the run uses prepared epoch `e % store.epochs`.
      length: input tokens of a row.
      batch_size: rows of a global batch.
      seed: of packing and order.
      process_index, process_count: this host reads the rows
        `[process_index * n, (process_index + 1) * n)` of every batch, n = batch_size / process_count.
      epochs: of the run; `iterate` ends after them.

    A batch holds (B rows, L = length, T = `target_capacity`):
      tokens [B, L] int32, positions [B, L] int32 (from 0 in each segment), segment_ids [B, L] int32
      (1, 2, … in a row, 0 = padding), target_positions [B, T] int32 (the input position whose next
      token is the target), target_ids [B, T] int32, target_weights [B, T] float32 (0 = filler),
      target_families [B, T] int32 (index into `FAMILIES`; -1 = filler, or not in the store's manifest).
    """

    def __init__(
        self,
        store: "TrainStore | ValidationExamples",
        *,
        length: int,
        batch_size: int,
        seed: int,
        epochs: int = 1,
        process_index: int = 0,
        process_count: int = 1,
    ) -> None:
        if batch_size % process_count:
            raise ValueError(f"Train.batch_size {batch_size} cannot be split evenly over {process_count} hosts")
        if not store.manifest["examples"]:
            raise ValueError(f"{store.folder} holds no example; its manifest.json says why examples were dropped")
        self.store, self.length, self.batch_size, self.seed, self.epochs = store, length, batch_size, seed, epochs
        self._families = [FAMILIES.index(family) for family in store.families]
        self._rows_here = batch_size // process_count
        self._first_row = process_index * self._rows_here
        # One capacity for the whole run: it is a static shape.
        tokens, targets = map(np.concatenate, zip(*map(self._sizes, range(store.epochs)), strict=True))
        self.target_capacity = default_target_capacity(tokens, targets, length)
        self._plans: dict[int, PackingPlan] = {}
        self._epoch_starts = np.cumsum([0, *(self.steps_per_epoch(epoch) for epoch in range(epochs))])

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return int(self._epoch_starts[-1])

    def steps_per_epoch(self, epoch: int) -> int:
        """Steps of one epoch."""
        return -(-len(self._plan(epoch)) // self.batch_size)

    def packing_efficiency(self) -> float:
        """Share of the tokens of all rows that are not padding, in the first epoch."""
        return float(np.sum(self._sizes(0)[0])) / (self.steps_per_epoch(0) * self.batch_size * self.length)

    def iterate(self, start_step: int = 0) -> Iterator[Batch]:
        """This host's rows of the batches of steps `start_step`, `start_step + 1`, …"""
        rows = grain.MapDataset.source(_Rows(self))[start_step * self._rows_here :]
        batched = rows.batch(self._rows_here)
        options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
        return iter(batched.to_iter_dataset(options))

    def example_ids(self, step: int) -> list[str]:
        """Ids of the examples of the global batch at `step`."""
        rows = (self._examples(step, row) for row in range(self.batch_size))
        return [record.id for records in rows for record in records]

    def _sizes(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        prompts, targets = self.store.lengths(epoch % self.store.epochs)
        # The last target, `</s>`, is predicted but never read.
        return prompts + targets - 1, targets

    def _plan(self, epoch: int) -> PackingPlan:
        if epoch not in self._plans:
            tokens, targets = self._sizes(epoch)
            self._plans[epoch] = plan_packing(
                tokens,
                targets,
                length=self.length,
                target_capacity=self.target_capacity,
                seed=(self.seed, epoch),
            )
        return self._plans[epoch]

    def _examples(self, step: int, row: int) -> list[TrainRecord]:
        """The examples of one row of the global batch at `step`."""
        epoch = int(np.searchsorted(self._epoch_starts, step, side="right")) - 1
        plan, steps = self._plan(epoch), self.steps_per_epoch(epoch)
        batch = step - int(self._epoch_starts[epoch])
        first, end = (len(plan) * number // steps for number in (batch, batch + 1))
        if first + row >= end:
            return []
        return self.store.read(epoch % self.store.epochs, plan.row(first + row))

    def _row(self, index: int) -> Batch:
        step, row = divmod(index, self._rows_here)
        return pack(self._examples(step, self._first_row + row), self.length, self.target_capacity, self._families)


class _Rows:
    """This host's rows as the random-access source that Grain reads."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return self._batches.total_steps * self._batches._rows_here

    def __getitem__(self, index: SupportsIndex) -> Batch:
        return self._batches._row(index.__index__())


def pack(records: list[TrainRecord], length: int, target_capacity: int, families: Sequence[int] = ()) -> Batch:
    """One row: arrays as in `Batches`, without the leading batch axis; `families[n]` is the family index of task n."""
    tokens, positions, segment_ids = (np.zeros(length, np.int32) for _ in range(3))
    target_positions, target_ids = (np.zeros(target_capacity, np.int32) for _ in range(2))
    target_weights, target_families = np.zeros(target_capacity, np.float32), np.full(target_capacity, -1, np.int32)
    start = first = 0
    for number, record in enumerate(records, start=1):
        ids = np.concatenate([record.prompt_ids, record.target_ids[:-1]])
        end, last = start + len(ids), first + len(record.target_ids)
        tokens[start:end] = ids
        positions[start:end] = np.arange(len(ids))
        segment_ids[start:end] = number
        target_positions[first:last] = np.arange(start + len(record.prompt_ids) - 1, end)
        target_ids[first:last] = record.target_ids
        target_weights[first:last] = 1.0
        if families:
            target_families[first:last] = families[record.task]
        start, first = end, last
    return {
        "tokens": tokens,
        "positions": positions,
        "segment_ids": segment_ids,
        "target_positions": target_positions,
        "target_ids": target_ids,
        "target_weights": target_weights,
        "target_families": target_families,
    }
