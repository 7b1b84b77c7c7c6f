"""Documents: folders of files, and records that are taken apart into pieces."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.jsonl import load_json
from seqgpt_jax.tasks.readers.record import BROKEN, Record, Records, in_its_place


def json_folder() -> Records:
    """One record for each JSON file of the folders, in the order of their names; its id is the file's name."""

    def records(paths: tuple[Path, ...]) -> Iterator[Record | RecordError]:
        for folder in paths:
            files = sorted(folder.glob("*.json"))
            if not files:
                raise RecordError(folder, 1, "a folder with *.json files was expected")
            for path in files:
                try:
                    yield Record(path, 1, load_json(path), path.name)
                except RecordError as error:
                    yield error

    return records


def parts(records: Records, split: Callable[[Any], Iterable[Any]]) -> Records:
    """Each record becomes one for each value that `split` finds in it; their ids are `id/number`, from 0."""

    def read(paths: tuple[Path, ...]) -> Iterator[Record | RecordError]:
        for record in records(paths):
            if isinstance(record, RecordError):
                yield record
                continue
            try:
                found = list(split(record.value))
            except BROKEN as error:
                yield in_its_place(error, record)
                continue
            for number, value in enumerate(found):
                yield Record(record.path, record.line, value, f"{record.id}/{number}")

    return read
