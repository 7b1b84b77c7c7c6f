"""Validation examples: an evaluation store as ids, for the same kind of batches that training reads."""

from collections.abc import Iterable

import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.data.store import EvalStore, TrainRecord
from seqgpt_jax.data.tokenizer import encode


class ValidationExamples:
    """The examples of an evaluation store, as `seqgpt_jax.data.batches.Batches` takes them.

    Nothing is sampled: its prompts ask every label, and each is read once. What training would drop is left out:
    targets of more than `Prepare.max_target_tokens`, and examples that are longer than a row.

    Args:
      store: of prompts with gold answers.
      tokenizer: with which it was prepared.
      length: tokens of a row.

    Attributes:
      left_out: how many prompts.

    Raises:
      ValueError: nothing is left.
    """

    epochs = 1

    def __init__(self, store: EvalStore, tokenizer: PreTrainedTokenizerFast, *, length: int) -> None:
        self.folder, self.manifest = store.folder, store.manifest
        self._store, self._tokenizer = store, tokenizer
        self._tasks = {name: number for number, name in enumerate(store.manifest["tasks"])}
        prompts, targets = store.lengths(0)
        fits = (prompts + targets - 1 <= length) & (targets <= store.manifest["settings"]["max_target_tokens"])
        self._numbers = np.flatnonzero(fits)
        self._lengths = prompts[fits], targets[fits]
        self.left_out = len(fits) - len(self._numbers)
        if not len(self._numbers):
            raise ValueError(f"{store.folder}: no prompt with its target fits into Train.length = {length}")

    def summary(self) -> str:
        """How many prompts there are, in a few words."""
        left_out = f"; {self.left_out:,} that are too long for training are left out" if self.left_out else ""
        return f"{len(self._numbers):,} prompts of {self.folder.name}{left_out}"

    @property
    def families(self) -> tuple[str, ...]:
        """The family of each task, by the number in its records."""
        return self._store.families

    def lengths(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """(prompt lengths, target lengths with `</s>`), int32 [examples] each; of epoch 0, the only one."""
        return self._lengths

    def read(self, epoch: int, numbers: Iterable[int]) -> list[TrainRecord]:
        """The examples with these numbers."""
        records = [self._store[int(self._numbers[number])] for number in numbers]
        targets = encode(self._tokenizer, [record.target for record in records])
        return [
            TrainRecord(
                record.id,
                self._tasks[record.task],
                np.asarray(record.prompt_ids, np.int32),
                np.asarray([*target, self._tokenizer.eos_token_id], np.int32),
            )
            for record, target in zip(records, targets, strict=True)
        ]
