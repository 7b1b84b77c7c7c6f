"""Prepared stores: ArrayRecord shards, one index of lengths, and a manifest written last.

    prepared/<mixture>.<split>.<fingerprint>/
      manifest.json                                 counts, drops, labels, settings, fingerprints
      epoch-0000/index.npz                          prompt_lengths, target_lengths, tasks
      epoch-0000/examples-0003-00000.array_record   msgpack records: task 3, its first shard

A folder without a manifest is unfinished and is never read.
"""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource
from array_record.python.array_record_module import ArrayRecordWriter
from etils import epath

from seqgpt_jax.io import storage

MANIFEST = "manifest.json"
_RECORDS, _REPORT = ".array_record", ".report"


class StoreError(ValueError):
    """A prepared store that is missing, unfinished, corrupt or of the wrong kind."""


@dataclass(frozen=True, slots=True)
class EvalRecord:
    """One prompt of an evaluation store; `id` is the instance's id, then `#` and the chunk's number."""

    id: str
    task: str
    family: str
    language: str
    atom: str
    text: str
    labels: tuple[str, ...]
    answers: tuple
    prompt: str
    target: str
    prompt_ids: list[int]

    @property
    def instance(self) -> str:
        """The id of the instance that this prompt asks about."""
        return self.id.rsplit("#", 1)[0]


@dataclass(frozen=True, slots=True)
class TrainRecord:
    """One training example as ids: `prompt_ids`, then `target_ids`, which end with `</s>`."""

    id: str
    task: int
    prompt_ids: np.ndarray
    target_ids: np.ndarray


@dataclass(frozen=True)
class StoreWriter:
    """Writes one store, shard by shard; any number of processes may write to one folder.

    A shard counts once its report is there, and the store once `finish` has written the manifest:
    after an interruption, what is complete stays.

    Attributes:
      folder: of the store; local, or in a bucket (gs://, with the packages that `etils.epath` asks for).
    """

    folder: epath.Path

    def has_shard(self, name: str) -> bool:
        """Whether this shard is complete."""
        return (self.folder / f"{name}{_REPORT}").exists()

    def shard_report(self, name: str) -> dict[str, Any]:
        """The report that `write_shard` has written with a shard.

        Raises:
          StoreError: the shard is not complete.
        """
        return self._shard_fields(name)["report"]

    def write_shard(
        self, name: str, records: Sequence[Mapping[str, Any]], lengths: np.ndarray, report: Mapping[str, Any]
    ) -> None:
        """Writes a shard.

        Args:
          name: `epoch-NNNN/examples-…`; names sort in the order of shards.
          records: of `train_fields` or `eval_fields`.
          lengths: int [records, 2], prompt and target tokens of each record.
          report: anything about the shard that msgpack can hold.

        Raises:
          OSError: a disk is full.
        """
        checksum, size = hashlib.blake2b(digest_size=8), 0
        if records:
            # Written elsewhere and copied: the folder may be in a bucket, the library needs a local disk.
            with tempfile.TemporaryDirectory() as scratch:
                local = Path(scratch) / "records"
                packed = [msgpack.packb(record) for record in records]
                try:
                    # One record a group: training reads single records in random order.
                    writer = ArrayRecordWriter(str(local), "group_size:1")
                    for record in packed:
                        checksum.update(record)
                        writer.write(record)
                    writer.close()
                except RuntimeError as error:  # all that the library reports of a full disk
                    raise OSError(
                        f"{scratch} cannot be written, is its disk full (TMPDIR names another)? {error}"
                    ) from error
                content = local.read_bytes()
                size = len(content)
                storage.write(self.folder / f"{name}{_RECORDS}", content)
        lengths = lengths.astype(np.int32).tobytes()
        fields = {"checksum": checksum.digest(), "size": size, "lengths": lengths, "report": report}
        storage.write(self.folder / f"{name}{_REPORT}", msgpack.packb(fields))

    def finish(self, epochs: Sequence[Sequence[tuple[int, str]]], manifest: Mapping[str, Any]) -> list[int]:
        """Joins the shards and writes the manifest: from now on the store is complete.

        Args:
          epochs: for each epoch its shards in order, as (task number, name).
          manifest: its content; the numbers of examples and a checksum of all records are added.

        Returns:
          Examples of each epoch.

        Raises:
          StoreError: a shard is missing or truncated.
        """
        checksum, counts = hashlib.blake2b(digest_size=8), []
        for epoch, names in enumerate(epochs):
            tasks, lengths = [np.zeros(0, np.int32)], [np.zeros((0, 2), np.int32)]
            for task, name in names:
                fields = self._shard_fields(name)
                shard = self.folder / f"{name}{_RECORDS}"
                if (shard.stat().length if shard.exists() else 0) != fields["size"]:
                    raise StoreError(f"{shard} is missing or truncated: remove {self.folder} and prepare it again")
                checksum.update(fields["checksum"])
                lengths.append(np.frombuffer(fields["lengths"], np.int32).reshape(-1, 2))
                tasks.append(np.full(len(lengths[-1]), task, np.int32))
            table = np.concatenate(lengths)
            counts.append(len(table))
            folder = self.folder / f"epoch-{epoch:04d}"
            index = io.BytesIO()
            columns = {"tasks": np.concatenate(tasks), "prompt_lengths": table[:, 0], "target_lengths": table[:, 1]}
            np.savez(index, **columns)
            storage.write(folder / "index.npz", index.getvalue())
        numbers = {"examples": counts[0], "examples_per_epoch": counts, "content": checksum.hexdigest()}
        text = json.dumps({**manifest, **numbers}, ensure_ascii=False, indent=1)
        storage.write(self.folder / MANIFEST, text.encode())
        # Only now: reports are needed to resume after an interruption.
        for folder in (self.folder, *(self.folder / f"epoch-{epoch:04d}" for epoch in range(len(epochs)))):
            for path in folder.iterdir():
                if path.suffix == _REPORT or storage.PARTIAL in path.name:
                    path.unlink()
        return counts

    def remove(self) -> None:
        """Removes the folder and all that was written."""
        self.folder.rmtree()

    def _shard_fields(self, name: str) -> dict[str, Any]:
        path = self.folder / f"{name}{_REPORT}"
        if not path.exists():
            raise StoreError(f"{self.folder / name} is missing: remove {self.folder} and prepare it again")
        return msgpack.unpackb(path.read_bytes())


def is_finished(folder: epath.Path | Path) -> bool:
    """Whether the folder holds a finished store."""
    return (folder / MANIFEST).exists()


def read_manifest(folder: epath.Path | Path) -> dict[str, Any] | None:
    """The manifest of a finished folder, None where there is none."""
    path = folder / MANIFEST
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


class _Store:
    kind: str

    def __init__(self, folder: str | Path) -> None:
        if storage.is_remote(folder):
            raise StoreError(f"{folder}: a store is read in random order, from local disk: copy it to this machine")
        self.folder = Path(folder)
        manifest = read_manifest(self.folder)
        if manifest is None:
            raise StoreError(
                f"{folder} is no prepared folder (no {MANIFEST}): `python -m seqgpt_jax.prepare` makes one"
            )
        if manifest["kind"] != self.kind:
            raise StoreError(f"{folder} holds data for {manifest['kind']}, not for {self.kind}: see Prepare.split")
        self.manifest: dict[str, Any] = manifest

    @property
    def families(self) -> tuple[str, ...]:
        """The family of each task, by the number that records bear; empty where the manifest lists no tasks."""
        return tuple(task["family"] for task in self.manifest.get("tasks", {}).values())

    def check_complete(self) -> None:
        """Opens every file, so that a corrupt copy is reported now and not in the middle of training.

        Raises:
          StoreError: the index or the records of an epoch are missing or truncated.
        """
        for epoch in range(len(self.manifest["examples_per_epoch"])):
            self.lengths(epoch)
            self._source(epoch)

    def lengths(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """(prompt lengths, target lengths with `</s>`), int32 [examples] each, of one prepared epoch."""
        path = self.folder / f"epoch-{epoch:04d}" / "index.npz"
        try:
            with np.load(path) as index:
                prompts, targets = index["prompt_lengths"], index["target_lengths"]
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise self._corrupt(f"the index of epoch {epoch} cannot be read ({error})") from error
        if len(prompts) != (expected := self.manifest["examples_per_epoch"][epoch]):
            raise self._corrupt(f"its index has {len(prompts):,} examples of epoch {epoch}, not {expected:,}")
        return prompts, targets

    def tasks(self, epoch: int) -> np.ndarray:
        """int32 [examples], the task number of each example of one sampled epoch, in the order of `lengths`."""
        with np.load(self.folder / f"epoch-{epoch:04d}" / "index.npz") as index:
            return index["tasks"]

    def shards(self, epoch: int, task: int) -> list[Path]:
        """The ArrayRecord files of one task in one sampled epoch, in order."""
        return sorted(self.folder.glob(f"epoch-{epoch:04d}/examples-{task:04d}-*{_RECORDS}"))

    def _source(self, epoch: int) -> ArrayRecordDataSource:
        shards = sorted(self.folder.glob(f"epoch-{epoch:04d}/examples-*{_RECORDS}"))
        try:
            source = ArrayRecordDataSource([str(shard) for shard in shards]) if shards else []
            count = len(source)
        except RuntimeError as error:  # all that the library reports of a truncated file
            raise self._corrupt(f"a file of the examples of epoch {epoch} is truncated") from error
        if count != (expected := self.manifest["examples_per_epoch"][epoch]):
            raise self._corrupt(f"there are {count:,} examples of epoch {epoch}, its {MANIFEST} counts {expected:,}")
        return source

    def _corrupt(self, problem: str) -> StoreError:
        return StoreError(f"{self.folder}: {problem}: copy it again, or remove it and prepare it again")


class TrainStore(_Store):
    """Training examples of every prepared epoch."""

    kind = "train"

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        self._sources: dict[int, ArrayRecordDataSource] = {}

    @property
    def epochs(self) -> int:
        """How many epochs were prepared."""
        return self.manifest["epochs"]

    def read(self, epoch: int, numbers: Iterable[int]) -> list[TrainRecord]:
        """The examples with these numbers."""
        if epoch not in self._sources:
            self._sources[epoch] = self._source(epoch)
        return [train_record(record) for record in self._sources[epoch].__getitems__([int(n) for n in numbers])]


class EvalStore(_Store):
    """Evaluation prompts with their gold answers; a sequence of `EvalRecord`."""

    kind = "eval"

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        if not len(self):
            raise StoreError(f"{folder} holds no prompt; its {MANIFEST} says why instances were dropped")
        self._records = self._source(0)

    def __len__(self) -> int:
        return self.manifest["examples"]

    def __getitem__(self, number: int) -> EvalRecord:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return eval_record(self._records[number])


def eval_fields(record: EvalRecord) -> dict[str, Any]:
    """The record as msgpack takes it."""
    return asdict(record)


def eval_record(packed: bytes) -> EvalRecord:
    """The record of these msgpack bytes, the inverse of `eval_fields`."""
    fields = msgpack.unpackb(packed)
    answers = fields["answers"]
    fields["labels"] = tuple(fields["labels"])
    fields["answers"] = tuple(answers) if fields["atom"] == "cls" else tuple(map(tuple, answers))
    return EvalRecord(**fields)


def train_fields(id: str, task: int, prompt_ids: list[int], target_ids: list[int]) -> dict[str, Any]:
    """A training record as msgpack takes it (see `TrainRecord`)."""
    as_bytes = {
        "prompt": np.asarray(prompt_ids, np.int32).tobytes(),
        "target": np.asarray(target_ids, np.int32).tobytes(),
    }
    return {"id": id, "task": task, **as_bytes}


def train_record(packed: bytes) -> TrainRecord:
    """The record of these msgpack bytes, the inverse of `train_fields`."""
    fields = msgpack.unpackb(packed)
    prompt_ids, target_ids = (np.frombuffer(fields[name], np.int32) for name in ("prompt", "target"))
    return TrainRecord(fields["id"], fields["task"], prompt_ids, target_ids)
