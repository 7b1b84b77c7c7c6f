"""One JSON object of lists of [utterance, intent], one list for each part of each split (CLINC150)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import Reader, RecordError
from seqgpt_jax.tasks.readers.jsonl import load_json
from seqgpt_jax.tasks.readers.names import Naming


def nested_splits(keys: Mapping[str, Sequence[str]], name: Naming) -> Reader:
    """ID: the lists that stand under `keys[split]`; ids are `file:key:number`, from 1."""

    def read(split: str, paths: tuple[Path, ...]) -> Iterator[Instance]:
        (path,) = paths
        document = load_json(path)
        for key in keys[split]:
            if key not in document:
                raise RecordError(path, 1, f"no list {key!r}; there are {', '.join(document)}")
            for number, row in enumerate(document[key], start=1):
                if len(row) != 2:
                    raise RecordError(path, number, f"[utterance, intent] was expected in {key!r}, found {row!r}")
                yield families.classification(f"{path.name}:{key}:{number}", row[0], [name(row[1])])

    return read
