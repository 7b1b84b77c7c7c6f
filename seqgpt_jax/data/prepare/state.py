"""Intermediate results of a preparation, on disk in the folder of the unfinished store.

    <store>/state/
      instances/<task>.<split>/00000.msgpack …   parsed instances, a few thousand a file
      instances/<task>.<split>/count             how many files: written last
      leaks.json                                 instance id -> what it leaks
      tokenizer.msgpack                          for worker processes
      labels-0003.msgpack                        `LabelStats` of task 3
      mixing-0003.msgpack                        `TaskMixing` of task 3
      shards-0001-0003                           how many shards task 3 has in epoch 1

Any number of processes on any number of machines reads and writes it. Every file is written whole, and is a pure
function of what the store's fingerprint covers: a preparation that was interrupted resumes with what is there, and two
that work at the same time do no harm to each other.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgpack
from etils import epath

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.prepare.encoder import Encoder
from seqgpt_jax.data.prepare.label_stats import LabelStats
from seqgpt_jax.data.prepare.mixing import TaskMixing
from seqgpt_jax.data.raw.task_spec import Skipped
from seqgpt_jax.io import storage

# Instances in one file: what is held in memory at a time.
INSTANCES_PER_FILE = 4096
# JSON may hold half of a surrogate pair, which is no UTF-8.
_SURROGATES = "surrogatepass"


Wanted = Callable[[str], bool]
"""Whether the instance with an id is needed."""


@dataclass(frozen=True)
class PreparationState:
    """Reads and writes the intermediate results of one preparation.

    Attributes:
      folder: of the state; on a disk or in a bucket, reached by every worker.
    """

    folder: epath.Path

    def is_parsed(self, task: str, split: str) -> bool:
        """Whether all instances of a split have been written."""
        return (self._split_folder(task, split) / "count").exists()

    def write_instances(self, task: str, split: str, instances: Iterable[Instance | Skipped]) -> None:
        """Writes the instances of a split; holds `INSTANCES_PER_FILE` at a time."""
        folder, stream, number = self._split_folder(task, split), iter(instances), 0
        while batch := [_to_fields(item) for item in itertools.islice(stream, INSTANCES_PER_FILE)]:
            packed = msgpack.packb(batch, unicode_errors=_SURROGATES)
            storage.write(folder / f"{number:05d}.msgpack", packed)
            number += 1
        storage.write(folder / "count", str(number).encode())

    def instances(self, task: str, split: str, wanted: Wanted | None = None) -> Iterator[Instance | Skipped]:
        """The instances of a split, as its reader gave them; only those with a `wanted` id, where it is given."""
        folder = self._split_folder(task, split)
        for number in range(int((folder / "count").read_text())):
            packed = (folder / f"{number:05d}.msgpack").read_bytes()
            # The id is the first field of both kinds.
            every = msgpack.unpackb(packed, unicode_errors=_SURROGATES)
            yield from map(_from_fields, every if wanted is None else (one for one in every if wanted(one[0])))

    def leaks(self) -> dict[str, str] | None:
        """Id of a training instance -> what it leaks; None until it is known."""
        content = self._read("leaks.json")
        return None if content is None else json.loads(content)

    def write_leaks(self, leaks: Mapping[str, str]) -> None:
        """Writes what `leaks` reads."""
        storage.write(self.folder / "leaks.json", json.dumps(leaks).encode())

    def encoder(self) -> Encoder:
        """The tokenizer of this preparation."""
        return Encoder.unpacked((self.folder / "tokenizer.msgpack").read_bytes())

    def write_encoder(self, encoder: Encoder) -> None:
        """Writes what `encoder` reads."""
        storage.write(self.folder / "tokenizer.msgpack", encoder.packed())

    def label_stats(self, task: int) -> LabelStats | None:
        """The label statistics of the task of this number; None until they are known."""
        content = self._read(f"labels-{task:04d}.msgpack")
        return None if content is None else LabelStats.unpacked(content)

    def write_label_stats(self, task: int, stats: LabelStats) -> None:
        """Writes what `label_stats` reads."""
        storage.write(self.folder / f"labels-{task:04d}.msgpack", stats.packed())

    def mixing(self, task: int) -> TaskMixing | None:
        """How the task of this number is mixed; None where all its instances come once."""
        content = self._read(f"mixing-{task:04d}.msgpack")
        return None if content is None else TaskMixing.unpacked(content)

    def write_mixing(self, task: int, mixing: TaskMixing) -> None:
        """Writes what `mixing` reads."""
        storage.write(self.folder / f"mixing-{task:04d}.msgpack", mixing.packed())

    def shard_count(self, epoch: int, task: int) -> int | None:
        """How many shards a task has in an epoch; None until it is known."""
        content = self._read(f"shards-{epoch:04d}-{task:04d}")
        return None if content is None else int(content)

    def write_shard_count(self, epoch: int, task: int, count: int) -> None:
        """Writes what `shard_count` reads."""
        storage.write(self.folder / f"shards-{epoch:04d}-{task:04d}", str(count).encode())

    def remove(self) -> None:
        """Removes it all: the store is finished."""
        if self.folder.exists():
            self.folder.rmtree()

    def _split_folder(self, task: str, split: str) -> epath.Path:
        # A task of a user's module may have any name.
        return self.folder / "instances" / f"{quote(task, safe='')}.{split}"

    def _read(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.exists() else None


def _to_fields(item: Instance | Skipped) -> list[Any]:
    """A plain list for msgpack: of an instance, or, shorter, of a record that its reader skipped."""
    if isinstance(item, Skipped):
        return [item.id, item.reason, item.detail]
    return [item.id, item.atom, item.text, dict(item.gold), item.labels, item.source_text, item.mentions]


def _from_fields(fields: list[Any]) -> Instance | Skipped:
    """The inverse of `_to_fields`."""
    if len(fields) == 3:
        return Skipped(*fields)
    id, atom, text, gold, labels, source_text, mentions = fields
    gold = {label: tuple(spans) for label, spans in gold.items()}
    return Instance(id, atom, text, gold, tuple(labels), source_text, tuple(mentions))
