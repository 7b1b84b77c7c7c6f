"""One JSON object of lists of [utterance, intent], one list for each part of each split (CLINC150)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Reader, RecordError, Skipped
from seqgpt_jax.tasks.readers.jsonl import load_json
from seqgpt_jax.tasks.readers.names import Naming
from seqgpt_jax.tasks.readers.record import Record, Records, each_file, reader


def nested_splits(keys: Mapping[str, Sequence[str]], name: Naming) -> Reader:
    """ID: the lists that stand under `keys[split]`; ids are `file:key:number`, from 1."""

    def build(record: Record) -> Iterator[Instance]:
        if not isinstance(record.value, list) or len(record.value) != 2:
            raise ValueError(f"[utterance, intent] was expected in {record.id}, found {record.value!r}")
        utterance, intent = record.value
        yield families.classification(record.id, utterance, [name(intent)])

    def read(split: str, paths: tuple[Path, ...]) -> Iterator[Instance | Skipped | RecordError]:
        return reader(_lists(keys[split]), build)(split, paths)

    return read


def _lists(keys: Sequence[str]) -> Records:
    def read_file(path: Path) -> Iterator[Record]:
        document = load_json(path)
        for key in keys:
            if key not in document:
                raise RecordError(path, 1, f"no list {key!r}; there are {', '.join(document)}")
            for number, row in enumerate(document[key], start=1):
                yield Record(path, number, row, f"{path.name}:{key}:{number}")

    return each_file(read_file)
