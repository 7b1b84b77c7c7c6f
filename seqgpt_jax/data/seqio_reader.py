"""Block reader of prepared stores for `tf.data`.

Records are read by block, in Python, and unpacked in the TensorFlow graph: 128 records a call cost little more than
one. The order of a pass is a pure function of (seed, task, pass), so a `tf.data` iterator can be checkpointed.
"""

import atexit
import functools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import seqio
import tensorflow as tf
from array_record.python.array_record_data_source import ArrayRecordDataSource

from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.data.store import EvalStore, TrainStore, eval_record, train_record
from seqgpt_jax.data.vocabulary import HFVocabulary

BLOCK = 128
TRAIN_COLUMNS = ("id", "inputs", "targets", "inputs_pretokenized", "targets_pretokenized")
EVAL_COLUMNS = (*TRAIN_COLUMNS, "atom", "text", "labels")
ID_COLUMNS = ("inputs", "targets")
_FOREVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class TaskSplit:
    """One split of a task: the store that holds it and the task's name there."""

    store: TrainStore | EvalStore
    name: str

    @property
    def number(self) -> int:
        """The task's number in the store."""
        return list(self.store.manifest["tasks"]).index(self.name)

    @property
    def examples(self) -> int:
        """Examples of the first sampled epoch."""
        return self.store.manifest["tasks"][self.name]["examples"]

    @property
    def longest(self) -> dict[str, int]:
        """Most tokens of the inputs and of the targets (with `</s>`), over all sampled epochs."""
        prompt, target = _longest(self.store)[self.number].tolist()
        return {"inputs": prompt, "targets": target}


@functools.cache
def _longest(store: TrainStore | EvalStore) -> np.ndarray:
    """int32 [tasks, 2], most tokens of a prompt and of a target of each task of a store."""
    longest = np.zeros((len(store.manifest["tasks"]), 2), np.int32)
    for epoch in range(store.manifest["epochs"]):
        np.maximum.at(longest, store.tasks(epoch), np.stack(store.lengths(epoch), axis=1))
    return longest


def unpack(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Decodes ids: they come as the bytes of int32, which cross from Python for less than arrays do."""

    def unpack_element(element: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        ids = {name: tf.io.decode_raw(element[name], tf.int32) for name in ID_COLUMNS if name in element}
        return {**element, **ids}

    return dataset.map(unpack_element)


class BlockReader:
    """Reads blocks of one task's records, pass after pass.

    Args:
      split: of a task.
      columns: of `TRAIN_COLUMNS` or `EVAL_COLUMNS`, by the kind of store.
      vocabulary: of the tokenizer that the store was prepared with.
      seed: of the order of each pass; None: the order of the store.
      shard: whole files for each shard where there are enough, else every n-th record.
    """

    def __init__(
        self,
        split: TaskSplit,
        columns: Sequence[str],
        vocabulary: HFVocabulary,
        seed: int | None,
        shard: seqio.ShardInfo | None,
    ) -> None:
        self._columns, self._vocabulary = columns, vocabulary
        self._name = split.name
        self._training = isinstance(split.store, TrainStore)
        self._key = None if seed is None else (seed, split.name)
        files = [split.store.shards(epoch, split.number) for epoch in range(split.store.manifest["epochs"])]
        self._start, self._step = 0, 1
        if shard is not None and shard.num_shards > 1:
            if min(map(len, files)) >= shard.num_shards:
                files = [of_epoch[shard.index :: shard.num_shards] for of_epoch in files]
            else:
                self._start, self._step = shard.index, shard.num_shards
        self._sources = [
            ArrayRecordDataSource([str(file) for file in of_epoch]) if of_epoch else [] for of_epoch in files
        ]
        sizes = [len(range(self._start, len(source), self._step)) for source in self._sources]
        # The first block of each epoch, and the blocks of all of them.
        self._first = np.cumsum([0, *(-(-size // BLOCK) for size in sizes)])
        # Of this pass and the one before: a second iterator may still be there.
        self._order = functools.lru_cache(maxsize=2)(self._order)

    def blocks(self, passes: int | None) -> int:
        """Blocks of so many passes; without end for None."""
        if passes is None:
            if not self._first[-1]:
                raise ValueError(f"{self._name}: fewer examples than shards: this shard would repeat nothing for ever")
            return _FOREVER
        rounds, rest = divmod(passes, len(self._sources))
        return int(rounds * self._first[-1] + self._first[rest])

    def block(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """The columns of block `number`, counted over all passes: [records] each, `labels` ragged."""
        labels = "labels" in self._columns
        types = [tf.string] * len(self._columns) + [tf.int64] * labels
        # Stateless: iterators over it can be checkpointed.
        tensors = tf.numpy_function(self._read, [number], types, stateful=False)
        for tensor in tensors:
            tensor.set_shape([None])
        columns = dict(zip(self._columns, tensors, strict=False))
        if labels:
            columns["labels"] = tf.RaggedTensor.from_row_lengths(columns["labels"], tensors[-1], validate=False)
        return columns

    def _read(self, number: np.ndarray) -> list[np.ndarray]:
        with guard:
            rounds, block = divmod(int(number), int(self._first[-1]))
            epoch = int(np.searchsorted(self._first, block, side="right")) - 1
            start = (block - int(self._first[epoch])) * BLOCK
            order = self._order(rounds * len(self._sources) + epoch)[start : start + BLOCK]
            packed = self._sources[epoch].__getitems__(order.tolist())
            values = self._train_values(packed) if self._training else self._eval_values(packed)
            arrays = [np.array(values[name](), object) for name in self._columns]
            return [*arrays, *([values["lengths"]()] if "labels" in self._columns else [])]

    def _order(self, number: int) -> np.ndarray:
        """The records of pass `number`, int64 [records], in its order."""
        records = np.arange(len(self._sources[number % len(self._sources)]))
        if self._key is not None:
            records = np.random.default_rng(stable_hash("seqio", *self._key, number)).permutation(records)
        return records[self._start :: self._step]

    def _train_values(self, packed: Sequence[bytes]) -> dict[str, Callable[[], list]]:
        records, decode = [train_record(record) for record in packed], self._vocabulary.decode_batch
        return {
            "id": lambda: [record.id for record in records],
            "inputs": lambda: [record.prompt_ids.tobytes() for record in records],
            "targets": lambda: [record.target_ids.tobytes() for record in records],
            "inputs_pretokenized": lambda: decode([record.prompt_ids for record in records]),
            "targets_pretokenized": lambda: decode([record.target_ids for record in records]),
        }

    def _eval_values(self, packed: Sequence[bytes]) -> dict[str, Callable[[], Any]]:
        records, vocabulary = [eval_record(record) for record in packed], self._vocabulary

        def targets() -> list[bytes]:
            ids = vocabulary.encode_batch([record.target for record in records])
            return [np.array([*row, vocabulary.eos_id], np.int32).tobytes() for row in ids]

        return {
            "id": lambda: [record.id for record in records],
            "inputs": lambda: [np.array(record.prompt_ids, np.int32).tobytes() for record in records],
            "targets": targets,
            "inputs_pretokenized": lambda: [record.prompt for record in records],
            "targets_pretokenized": lambda: [record.target for record in records],
            "atom": lambda: [record.atom for record in records],
            "text": lambda: [record.text for record in records],
            "labels": lambda: [label for record in records for label in record.labels],
            "lengths": lambda: np.array([len(record.labels) for record in records], np.int64),
        }


class ExitGuard:
    """Calls from `tf.data`'s threads into Python, which must have ended when the interpreter shuts down.

    A thread that enters Python during shutdown never comes back, and the iterator's destructor waits for it: a process
    with a live iterator would hang. So at exit calls fail at once, the pipelines' bounded buffers fill up with errors,
    and their threads come to rest before the interpreter goes on to shut down.
    """

    _REST_SECONDS, _LIMIT_SECONDS = 0.2, 10.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._last = 0.0
        self._closing = False

    def __enter__(self) -> None:
        with self._lock:
            self._last = time.monotonic()
            if self._closing:
                raise RuntimeError("the process is ending")
            self._running += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._last = time.monotonic()
            self._running -= 1

    def close(self) -> None:
        """Refuses calls from now on and waits until none has come for a moment."""
        with self._lock:
            self._closing = True
            used = self._last > 0
        end = time.monotonic() + self._LIMIT_SECONDS
        while used and time.monotonic() < end:
            with self._lock:
                if not self._running and time.monotonic() - self._last > self._REST_SECONDS:
                    return
            time.sleep(0.02)


guard = ExitGuard()
atexit.register(guard.close)
