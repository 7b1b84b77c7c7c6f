"""Workload of a run: examples and tokens, from a prepared store or from assumptions."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqgpt_jax.data.packing import default_target_capacity

if TYPE_CHECKING:
    from seqgpt_jax.training.config import TrainConfig

# Assumptions, not measurements; --store replaces them by what the data has.
TOKENS_PER_EXAMPLE = 200
SUPERVISED = 0.2
# Rows of real mixtures are 99.7 to 99.9 % full (benchmarks/results/packing.md); batches of small data less.
PACKING = 0.99


@dataclass(frozen=True)
class Workload:
    """The data of a run, as a step sees it.

    Attributes:
      target_capacity: targets of a row that there is room for; a static shape.
      packing: share of the tokens of all rows that are not padding.
      supervised: share of the tokens that are predicted.
      tokens_per_example: mean; a token attends to half of its example.
      steps: updates of the run; None where the size of the data is not known.
      source: where these numbers are from.
    """

    target_capacity: int
    packing: float
    supervised: float
    tokens_per_example: float
    steps: int | None
    source: str

    def row(self, length: int) -> tuple[float, float, float]:
        """(tokens, supervised tokens, keys) of an average row, as `ModelConfig.train_flops` counts them."""
        tokens = length * self.packing
        return tokens, tokens * self.supervised, tokens * (min(self.tokens_per_example, length) + 1) / 2


def assumed(
    train: "TrainConfig",
    *,
    examples: int | None = None,
    tokens: int | None = None,
    tokens_per_example: float = TOKENS_PER_EXAMPLE,
    supervised: float = SUPERVISED,
) -> Workload:
    """A workload without data at hand.

    Args:
      train: length, batch size, epochs and steps of the run.
      examples: of one epoch.
      tokens: of one epoch; instead of `examples`.
      tokens_per_example: mean.
      supervised: share of the tokens that are predicted.
    """
    count = np.array([min(round(tokens_per_example), train.length)])
    capacity = default_target_capacity(count, np.maximum(1, (count * supervised).round()).astype(int), train.length)
    steps = train.steps
    if examples is not None:
        tokens = round(examples * tokens_per_example)
    if steps is None and tokens is not None:
        steps = train.epochs * -(-tokens // round(train.batch_size * train.length * PACKING))
    source = f"assumed: {tokens_per_example:g} tokens an example, {supervised:.0%} of them predicted"
    return Workload(capacity, PACKING, supervised, tokens_per_example, steps, source)


def of_store(train: "TrainConfig", folder: Path) -> Workload:
    """The workload of a prepared store: what `train` would read.

    Raises:
      StoreError: it is no finished store of training data.
      ValueError: the run is to take more steps than the data has, which `train` refuses.
    """
    from seqgpt_jax.data.batches import Batches
    from seqgpt_jax.data.store import TrainStore

    store = TrainStore(folder)
    batches = Batches(store, length=train.length, batch_size=train.batch_size, seed=train.seed, epochs=train.epochs)
    if train.steps is not None and train.steps > batches.total_steps:
        raise ValueError(
            f"Train.steps = {train.steps}, but Train.epochs = {train.epochs} of {folder} has {batches.total_steps} "
            "steps: raise Train.epochs or lower Train.steps"
        )
    prompts, targets = store.lengths(0)
    lengths = (prompts + targets - 1).astype(float)
    return Workload(
        batches.target_capacity,
        batches.packing_efficiency(),
        float(targets.sum() / lengths.sum()),
        # A token of a long example attends to more: weighted by length.
        float((lengths**2).sum() / lengths.sum()),
        train.steps or batches.total_steps,
        f"the prepared data in {folder}",
    )
