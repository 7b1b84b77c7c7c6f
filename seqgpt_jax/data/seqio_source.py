"""Prepared stores as SeqIO data sources, tasks and mixtures."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import seqio
import tensorflow as tf

from seqgpt_jax.data.seqio_reader import EVAL_COLUMNS, TRAIN_COLUMNS, BlockReader, TaskSplit, unpack
from seqgpt_jax.data.store import TrainStore
from seqgpt_jax.data.vocabulary import HFVocabulary

# Sequence lengths that SeqIO names, and the setting of `prepare` that bounds each.
_LIMITS = {"inputs": "max_prompt_tokens", "targets": "max_target_tokens"}


class StoreSource(seqio.DataSource):
    """The examples of one task of prepared stores, as ids.

    A pass over a training split reads the next of the store's sampled epochs, from the first again after the last;
    an evaluation split has one. Elements:

      id                    string, unique within an epoch
      inputs, targets       int32 [tokens]; targets end with `</s>`
      inputs_pretokenized, targets_pretokenized   string
      atom, text, labels    string, string, string [labels]; evaluation splits only

    Args:
      splits: split -> where it is.
      vocabulary: of the tokenizer that the stores were prepared with.
      passes: over the data in one dataset; None: without end.
    """

    def __init__(self, splits: Mapping[str, TaskSplit], vocabulary: HFVocabulary, passes: int | None = 1) -> None:
        super().__init__(
            splits=splits,
            num_input_examples={name: split.examples for name, split in splits.items()},
            performs_internal_shuffling=True,
        )
        self.task_splits = dict(splits)
        self._vocabulary = vocabulary
        self._passes = passes

    def with_passes(self, passes: int | None) -> "StoreSource":
        """The same data, read this many times in one dataset; None: without end."""
        return StoreSource(self.task_splits, self._vocabulary, passes)

    @property
    def supports_arbitrary_sharding(self) -> bool:
        """True: records are read by their number, so a host never reads those of another."""
        return True

    def list_shards(self, split: str) -> list[str]:
        """The ArrayRecord files of the first sampled epoch."""
        of_task = self.task_splits[split]
        return [str(path) for path in of_task.store.shards(0, of_task.number)]

    def get_dataset(
        self,
        split: str = "train",
        shuffle: bool = True,
        seed: int | None = None,
        shard_info: seqio.ShardInfo | None = None,
        *,
        sequence_length: Mapping[str, int] | None = None,
        use_cached: bool = False,
        num_epochs: int | None = 1,
    ) -> tf.data.Dataset:
        """The split's examples; see `seqio.DataSource`.

        Args:
          split: "train", "validation" or "test", as far as stores were registered.
          shuffle: each pass in an order of its own, over all examples of the task; else in the store's order.
          seed: of that order; None: another one each time.
          shard_info: whole files for each of the shards where there are enough, else every n-th record.
          sequence_length, use_cached, num_epochs: not used, as in SeqIO's own sources.
        """
        del sequence_length, use_cached, num_epochs
        columns = TRAIN_COLUMNS if isinstance(self.task_splits[split].store, TrainStore) else EVAL_COLUMNS
        return unpack(self.packed_dataset(split, columns, shuffle, seed, shard_info))

    def packed_dataset(
        self, split: str, columns: Sequence[str], shuffle: bool, seed: int | None, shard_info: seqio.ShardInfo | None
    ) -> tf.data.Dataset:
        """As `get_dataset`, of these columns alone, ids still as the bytes of int32 (see `unpack`)."""
        seed = None if not shuffle else int(np.random.SeedSequence().entropy) if seed is None else int(seed)
        reader = BlockReader(self.task_splits[split], columns, self._vocabulary, seed, shard_info)
        return tf.data.Dataset.range(reader.blocks(self._passes)).map(reader.block).unbatch()


class StoreTask(seqio.Task):
    """A SeqIO task over prepared stores: each pass reads another sampled epoch, and nothing is ever truncated."""

    def get_dataset(
        self,
        sequence_length: Mapping[str, int] | None = None,
        split: str = "train",
        use_cached: bool = False,
        shuffle: bool = True,
        shuffle_buffer_size: int | None = None,
        seed: int | None = None,
        shard_info: seqio.ShardInfo | None = None,
        num_epochs: int | None = 1,
        trim_output_features: bool = True,
        try_in_mem_cache: bool = True,
    ) -> tf.data.Dataset:
        """The task's examples; see `seqio.Task.get_dataset`.

        Raises:
          ValueError: an example is longer than `sequence_length`: `prepare` decides what is truncated and whether an
            example survives that, SeqIO would lose the end of the prompt.
        """
        self.check_lengths(split, sequence_length)
        common = {
            "sequence_length": sequence_length,
            "split": split,
            "shuffle": shuffle,
            "seed": seed,
            "shard_info": shard_info,
            "trim_output_features": trim_output_features,
        }
        if use_cached:
            return super().get_dataset(
                use_cached=True,
                shuffle_buffer_size=shuffle_buffer_size,
                num_epochs=num_epochs,
                try_in_mem_cache=try_in_mem_cache,
                **common,
            )
        # SeqIO repeats (and keeps in memory) the first pass; here the source goes through the sampled epochs itself.
        # It shuffles whole passes too, so that no buffer is needed.
        task = self.replace(source=self.source.with_passes(num_epochs), shuffle_buffer_size=None)
        return task.get_dataset(try_in_mem_cache=False, **common)

    def check_lengths(self, split: str, sequence_length: Mapping[str, int] | None) -> None:
        """Raises ValueError where an example of the split is longer than `sequence_length`."""
        for feature, setting in _LIMITS.items():
            limit = (sequence_length or {}).get(feature)
            if limit is None or split not in self.source.task_splits:
                continue
            longest = self.source.task_splits[split].longest[feature]
            if longest > limit:
                raise ValueError(
                    f"task {self.name}, split {split}: {feature} have up to {longest} tokens, sequence_length allows "
                    f"{limit} and would cut off their end. Pass sequence_length={{'{feature}': {longest}, …}}, or "
                    f"prepare the store with Prepare.{setting} = {limit}."
                )


class StoreMixture(seqio.Mixture):
    """A mixture of `StoreTask`s, in one pipeline as short as can be: 44 tasks are set up in seconds."""

    def get_task_dataset(
        self,
        task: seqio.Task,
        output_feature_keys: Set[str],
        sequence_length: Mapping[str, int] | None = None,
        split: str = "train",
        use_cached: bool = False,
        shuffle: bool = True,
        seed: int | None = None,
        shard_info: seqio.ShardInfo | None = None,
        num_epochs: int | None = None,
        trim_output_features: bool = True,
        try_in_mem_cache: bool = True,
    ) -> tf.data.Dataset:
        """The examples of one task, ids still packed; see `seqio.Mixture.get_task_dataset`."""
        if use_cached:
            return super().get_task_dataset(
                task,
                output_feature_keys,
                sequence_length,
                split,
                True,
                shuffle,
                seed,
                shard_info,
                num_epochs,
                trim_output_features,
                try_in_mem_cache,
            )
        task.check_lengths(split, sequence_length)
        columns = [name for name in EVAL_COLUMNS if name in output_feature_keys]
        source = task.source.with_passes(num_epochs)
        return source.packed_dataset(split, columns, shuffle, seed, shard_info)

    def get_dataset(self, *args: Any, use_cached: bool = False, **options: Any) -> tf.data.Dataset:
        """The mixed examples; see `seqio.Mixture.get_dataset`."""
        dataset = super().get_dataset(*args, use_cached=use_cached, **options)
        return dataset if use_cached else unpack(dataset).prefetch(tf.data.AUTOTUNE)
