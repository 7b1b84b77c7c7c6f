"""Items that formats give: records of the own-data schema, remarks about them, and records left out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.record import BROKEN, Record, in_its_place

Fields = dict[str, Any]
"""A record with named fields: of a format, or of the own-data schema (docs/own_data.md)."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person should look at, although the record (or the file) can be read.

    Attributes:
      reason: a short name to count it under.
      detail: a sentence.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record that a file itself excludes (a rejected annotation, say).

    Attributes:
      reason, detail: see `Remark`.
      question: what a model can be asked about it, where it only lacks an answer; a task, where the file tells.
    """

    reason: str
    detail: str
    question: Fields | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A remark or a left-out record, with its place."""

    path: Path
    line: int
    content: Remark | LeftOut


Item = Record | RecordError | Note
Convert = Callable[[Fields], Iterable[Fields | Remark | LeftOut]]
"""Turns one record of a format into records of the schema; raises one of `BROKEN` where it cannot."""


def first_field(record: Fields, names: Iterable[str]) -> str:
    """The name of the first field that a record has.

    Raises:
      ValueError: it has none of them.
    """
    if found := [name for name in names if name in record]:
        return found[0]
    raise ValueError(f"no field {' or '.join(names)}; there are {', '.join(map(str, record)) or 'none'}")


def converted(records: Iterable[Item], convert: Convert) -> Iterator[Item]:
    """The records of a format in the own-data schema.

    Ids are `file:line`; further records of one line get `/1`, `/2` and so on.
    """
    place, count = None, 0
    for record in records:
        if not isinstance(record, Record):
            yield record
            continue
        if (record.path, record.line) != place:
            place, count = (record.path, record.line), 0
        try:
            items = list(convert(record.value))
        except BROKEN as error:
            yield in_its_place(error, record)
            continue
        for item in items:
            if isinstance(item, Remark | LeftOut):
                yield Note(record.path, record.line, item)
                continue
            yield Record(record.path, record.line, item, f"{record.id}/{count}" if count else record.id)
            count += 1
