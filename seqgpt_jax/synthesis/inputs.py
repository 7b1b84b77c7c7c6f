"""Texts of input files: JSON Lines, plain text, Parquet, and data sets of the Hugging Face hub."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.data.hub_data import PREFIX, hub_files
from seqgpt_jax.data.own_data import SPLIT_NAMES
from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.jsonl import json_records
from seqgpt_jax.tasks.readers.lines import blocks
from seqgpt_jax.tasks.readers.record import Record

_JSON = (".jsonl", ".json", ".ndjson")
_PLAIN = (".txt", ".md", ".text")
_PARQUET_ROWS = 1024
# A paragraph that an editor has broken into lines is one.
_CHINESE_BREAK = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the input.

    Attributes:
      id: `file:line`, or the number of its row.
      text: as it stands there.
    """

    id: str
    text: str


def input_files(inputs: Sequence[str]) -> list[Path]:
    """The files that the inputs name; data sets of the hub are downloaded once.

    Raises:
      ValueError: an input is neither a file of a known kind nor `hf:owner/name`.
    """
    files: list[Path] = []
    for given in inputs:
        if given.startswith(PREFIX):
            _, found = hub_files(given, SPLIT_NAMES)
            files += [Path(found)] if isinstance(found, str) else [Path(path) for path in found.values()]
            continue
        path = Path(given)
        if not path.is_file():
            raise ValueError(f"--input={given}: there is no such file; {PREFIX}owner/name is a data set of the hub")
        if path.suffix.lower() not in (*_JSON, *_PLAIN, ".parquet"):
            known = ", ".join((*_JSON, *_PLAIN, ".parquet"))
            raise ValueError(f"--input={given}: the name must end in one of {known}, which says how it is read")
        files.append(path)
    names = [path.name for path in files]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"--input: two files are called {twice[0]}, and passages are named by their file: rename one")
    return files


def texts(path: Path, field: str) -> Iterator[Text | RecordError]:
    """The texts of a file, in its order, without loading it as a whole; an error in the place of a broken record.

    Blank lines separate the texts of a plain file.

    Args:
      path: one of `input_files`.
      field: with the text, where records have fields.

    Raises:
      ValueError: Parquet without pyarrow, or a file without the field.
      RecordError: the file cannot be read.
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        yield from _parquet(path, field)
        return
    for record in (json_records() if kind in _JSON else blocks())((path,)):
        if isinstance(record, RecordError):
            yield record
        elif kind in _PLAIN:
            yield Text(record.id, _CHINESE_BREAK.sub("", "\n".join(record.value)).replace("\n", " "))
        else:
            yield _of_field(record, field)


def _of_field(record: Record, field: str) -> Text | RecordError:
    value: Any = record.value.get(field)
    if isinstance(value, str):
        return Text(record.id, value)
    there = f"there are {', '.join(map(str, record.value)) or 'none'}" if field not in record.value else "no string"
    problem = f"no text in field {field!r} ({there}): --gin.Synthesize.text_field=NAME names another one"
    return RecordError(record.path, record.line, problem)


def _parquet(path: Path, field: str) -> Iterator[Text | RecordError]:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ValueError(f"--input={path}: Parquet needs pyarrow: pip install pyarrow ({error})") from error
    try:
        file = parquet.ParquetFile(path)
    except (ValueError, OSError) as error:
        raise ValueError(f"--input={path}: it is no Parquet file ({error})") from error
    if field not in (names := file.schema_arrow.names):
        raise ValueError(
            f"--input={path}: there is no column {field!r}; there are {', '.join(names)}: "
            "--gin.Synthesize.text_field=NAME names another one"
        )
    number = 0
    for batch in file.iter_batches(_PARQUET_ROWS, columns=[field]):
        for value in batch.column(0).to_pylist():
            number += 1
            record = Record(path, number, {field: value})
            yield _of_field(record, field)
