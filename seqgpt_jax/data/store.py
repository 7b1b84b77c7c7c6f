"""Prepared folders: ArrayRecord shards, one index of lengths, and a manifest written last.

    prepared/<mixture>.<split>.<fingerprint>/
      manifest.json                                 counts, drops, labels, settings, fingerprints
      epoch-0000/index.npz                          prompt_lengths, target_lengths, tasks
      epoch-0000/examples-00000.array_record        msgpack records

A folder without a manifest is unfinished and is never read.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource
from array_record.python.array_record_module import ArrayRecordWriter

MANIFEST = "manifest.json"
EXAMPLES_PER_SHARD = 65_536


class StoreError(ValueError):
    """A prepared folder that is missing, unfinished or of the wrong kind."""


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
        """The id of the instance this prompt is a part of."""
        return self.id.rsplit("#", 1)[0]


@dataclass(frozen=True, slots=True)
class TrainRecord:
    """One training example as ids: `prompt_ids`, then `target_ids`, which end with `</s>`."""

    id: str
    task: int
    prompt_ids: np.ndarray
    target_ids: np.ndarray


class StoreWriter:
    """Writes one prepared folder; nothing counts until `finish` has written the manifest."""

    def __init__(self, folder: Path) -> None:
        self._final = folder
        self._digest = hashlib.blake2b(digest_size=8)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own, so that two preparations of one store do not disturb each other.
        self._folder = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))

    def __enter__(self) -> "StoreWriter":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None:
            self.abandon()

    def write_epoch(self, epoch: int, records: Iterable[tuple[int, int, int, Mapping[str, Any]]]) -> int:
        """Writes (task number, prompt length, target length, record) tuples in order; returns how many."""
        folder = self._folder / f"epoch-{epoch:04d}"
        folder.mkdir()
        rows: list[tuple[int, int, int]] = []
        writer = None
        for task, prompt_length, target_length, record in records:
            if len(rows) % EXAMPLES_PER_SHARD == 0:
                if writer is not None:
                    writer.close()
                shard = folder / f"examples-{len(rows) // EXAMPLES_PER_SHARD:05d}.array_record"
                # One record a group: training reads single records in random order.
                writer = ArrayRecordWriter(str(shard), "group_size:1")
            packed = msgpack.packb(record)
            self._digest.update(packed)
            writer.write(packed)
            rows.append((task, prompt_length, target_length))
        if writer is not None:
            writer.close()
        table = np.array(rows, np.int32).reshape(-1, 3)
        np.savez(folder / "index.npz", tasks=table[:, 0], prompt_lengths=table[:, 1], target_lengths=table[:, 2])
        return len(rows)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Writes the manifest, with a digest of all records: from now on the folder is complete."""
        manifest = {**manifest, "content": self._digest.hexdigest()}
        path = self._folder / MANIFEST
        path.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
        self._folder.chmod(0o755)
        if self._final.exists() and read_manifest(self._final) is None:
            shutil.rmtree(self._final)
        try:
            self._folder.rename(self._final)
        except OSError:
            # Another process was first; its store is the same.
            if read_manifest(self._final) is None:
                raise
            self.abandon()

    def abandon(self) -> None:
        """Removes what was written."""
        shutil.rmtree(self._folder, ignore_errors=True)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished folder, None where there is none."""
    path = folder / MANIFEST
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


class _Store:
    kind: str

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        manifest = read_manifest(self.folder)
        if manifest is None:
            raise StoreError(
                f"{folder} is no prepared folder (no {MANIFEST}): `python -m seqgpt_jax.prepare` makes one"
            )
        if manifest["kind"] != self.kind:
            raise StoreError(f"{folder} holds data for {manifest['kind']}, not for {self.kind}: see Prepare.split")
        self.manifest: dict[str, Any] = manifest

    def _source(self, epoch: int) -> ArrayRecordDataSource:
        shards = sorted(self.folder.glob(f"epoch-{epoch:04d}/examples-*.array_record"))
        return ArrayRecordDataSource([str(shard) for shard in shards])


class TrainStore(_Store):
    """Training examples of every prepared epoch."""

    kind = "train"

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        self._sources: dict[int, ArrayRecordDataSource] = {}

    @property
    def epochs(self) -> int:
        """How many epochs were drawn."""
        return self.manifest["epochs"]

    def lengths(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """(prompt lengths, target lengths with `</s>`), int32 [examples] each, of one drawn epoch."""
        with np.load(self.folder / f"epoch-{epoch:04d}" / "index.npz") as index:
            return index["prompt_lengths"], index["target_lengths"]

    def read(self, epoch: int, numbers: Iterable[int]) -> list[TrainRecord]:
        """The examples with these numbers."""
        if epoch not in self._sources:
            self._sources[epoch] = self._source(epoch)
        records = map(msgpack.unpackb, self._sources[epoch].__getitems__([int(number) for number in numbers]))
        return [
            TrainRecord(
                record["id"],
                record["task"],
                np.frombuffer(record["prompt"], np.int32),
                np.frombuffer(record["target"], np.int32),
            )
            for record in records
        ]


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
        fields = msgpack.unpackb(self._records[number])
        answers = fields["answers"]
        fields["labels"] = tuple(fields["labels"])
        fields["answers"] = tuple(answers) if fields["atom"] == "cls" else tuple(map(tuple, answers))
        return EvalRecord(**fields)


def eval_fields(record: EvalRecord) -> dict[str, Any]:
    """The record as msgpack takes it."""
    return asdict(record)


def train_fields(id: str, task: int, prompt_ids: list[int], target_ids: list[int]) -> dict[str, Any]:
    """A training record as msgpack takes it (see `TrainRecord`)."""
    as_bytes = {
        "prompt": np.asarray(prompt_ids, np.int32).tobytes(),
        "target": np.asarray(target_ids, np.int32).tobytes(),
    }
    return {"id": id, "task": task, **as_bytes}
