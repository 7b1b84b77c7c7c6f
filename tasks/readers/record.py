"""A reader is two halves: what a record of a format is, and what instances it gives.

    read = reader(jsonl(), labelled("sentence", "label", named({"0": "negative", "1": "positive"})))

The first half (`Records`) knows the file format and the place of every record; the second
(`Build`) knows the data set's fields. Whatever the second raises becomes a `RecordError` that
names the place. Broken records come among the others, as `RecordError`; only where nothing after
the error can be read is it raised.
"""

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.task_spec import Reader, RecordError, Skipped
from seqgpt_jax.tasks.readers.split import SHARES, hash_split


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file.

    Attributes:
      path, line: where it starts; lines count from 1 (in a JSON list: its items).
      value: what the format holds: a dict of fields, a line, the rows of a sentence.
      id: `file:line` unless the format has a better one.
    """

    path: Path
    line: int
    value: Any
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", f"{self.path.name}:{self.line}")


Records = Callable[[tuple[Path, ...]], Iterator[Record | RecordError]]
Build = Callable[[Record], Iterable[Instance | Skipped]]

BROKEN = (LookupError, TypeError, ValueError, AttributeError)
"""What code raises that finds something else in a record than it needs."""


def each_file(read_file: Callable[[Path], Iterator[Record | RecordError]]) -> Records:
    """The records of one file after the other."""

    def records(paths: tuple[Path, ...]) -> Iterator[Record | RecordError]:
        for path in paths:
            yield from read_file(path)

    return records


def grouped(records: Records, key: Callable[[Any], Hashable]) -> Records:
    """Records whose values have one key become one record: the list of the values, placed at the first.

    For data sets that spread the labels of one question over several records; asked one by one,
    equal prompts would have different answers.
    """

    def read(paths: tuple[Path, ...]) -> Iterator[Record | RecordError]:
        groups: dict[Hashable, tuple[Record, list[Any]]] = {}
        for record in records(paths):
            if isinstance(record, RecordError):
                yield record
                continue
            try:
                groups.setdefault(key(record.value), (record, []))[1].append(record.value)
            except BROKEN as error:
                yield in_its_place(error, record)
        for first, values in groups.values():
            yield Record(first.path, first.line, values, first.id)

    return read


def reader(
    records: Records,
    build: Build,
    *,
    split_key: Callable[[Any], str] | None = None,
    shares: Mapping[str, float] = SHARES,
) -> Reader:
    """A `Reader` out of a format and a data set's fields.

    Args:
      records: yields the records of a split's files.
      build: turns one record into its instances.
      split_key: of a record's value; where given, the splits named in `shares` share files and
        a record belongs to `hash_split(split_key(value), shares)`.
      shares: the share of each split in the shared files; other splits take their files whole.

    An instance without text becomes `Skipped(reason="empty_text")`. Outer spaces of a span, which
    annotators leave now and then, are cut off: they are no part of an answer. A text, label or span
    that is no string is an error. A record too broken to be given to a split counts in the first of
    `shares`, once.
    """
    first = next(iter(shares))

    def read(split: str, paths: tuple[Path, ...]) -> Iterator[Instance | Skipped | RecordError]:
        shared = split_key is not None and split in shares
        for record in records(paths):
            if isinstance(record, RecordError):
                if not shared or split == first:
                    yield record
                continue
            belongs = None
            try:
                if shared:
                    belongs = hash_split(split_key(record.value), shares)
                    if belongs != split:
                        continue
                items = [_tidied(item) if isinstance(item, Instance) else item for item in build(record)]
                _check_ids([item.id for item in items])
            except BROKEN as error:
                if not shared or (belongs or first) == split:
                    yield in_its_place(error, record)
                continue
            yield from items

    return read


def _check_ids(ids: list[str]) -> None:
    if len(set(ids)) < len(ids):
        twice = next(id for id in ids if ids.count(id) > 1)
        raise ValueError(
            f"two instances of this record have the id {twice!r}: number them, as in f'{{record.id}}/{{k}}'"
        )


def in_its_place(error: Exception, record: Record) -> RecordError:
    """The error (one of `BROKEN`) with the file and line of the record that it comes from."""
    if isinstance(error, RecordError):
        return error
    problem = f"field {error} is missing" if isinstance(error, KeyError) else str(error)
    return RecordError(record.path, record.line, problem)


def _tidied(instance: Instance) -> Instance | Skipped:
    strings = (instance.text, *instance.gold, *instance.labels, *itertools.chain(*instance.gold.values()))
    if wrong := [value for value in strings if not isinstance(value, str)]:
        raise TypeError(f"a text, a label and a span are strings, not {wrong[0]!r}")
    if not instance.text.strip():
        return Skipped(instance.id, "empty_text")
    if all(span == span.strip() for spans in instance.gold.values() for span in spans):
        return instance
    gold = {label: tuple(dict.fromkeys(span.strip() for span in spans)) for label, spans in instance.gold.items()}
    return replace(instance, gold=gold)
