"""Parallel files: line n of each belongs to one utterance (`seq.in`, `seq.out`, `label`)."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.conll import labelled_spans
from seqgpt_jax.tasks.readers.lines import numbered_lines
from seqgpt_jax.tasks.readers.names import Naming
from seqgpt_jax.tasks.readers.record import Build, Record, Records


def parallel(*columns: str) -> Records:
    """One record (a dict of lines without outer spaces) for each line of the files.

    `columns` name the files, in their order; a record's place is in the first one.
    """

    def records(paths: tuple[Path, ...]) -> Iterator[Record]:
        if len(paths) != len(columns):
            raise ValueError(f"one file for each of {columns} was expected, found {[str(path) for path in paths]}")
        for rows in zip_longest(*(numbered_lines(path) for path in paths)):
            if None in rows:
                number = next(row[0] for row in rows if row)
                raise RecordError(paths[rows.index(None)], number, "the file ends here, but its companions do not")
            number = rows[0][0]
            value = {column: line.strip() for column, (_, line) in zip(columns, rows, strict=True)}
            yield Record(paths[0], number, value)

    return records


def split_folders(*files: str) -> dict[str, tuple[str, ...]]:
    """The `splits` of a data set with one folder for each split: train, valid, test."""
    folders = {"train": "train", "validation": "valid", "test": "test"}
    return {split: tuple(f"{folder}/{file}" for file in files) for split, folder in folders.items()}


def utterance_slots(name: Naming) -> Build:
    """SF: `text` with one tag for each of its words in `tags`."""

    def build(record: Record) -> Iterator[Instance]:
        words, tags = record.value["text"].split(), record.value["tags"].split()
        if len(words) != len(tags):
            raise ValueError(f"{len(words)} words but {len(tags)} tags")
        yield families.spans_by_label(record.id, *labelled_spans(words, tags, " ", name))

    return build
