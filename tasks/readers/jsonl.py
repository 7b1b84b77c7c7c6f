"""JSON: one object on each line, a list of objects, or one object of lists."""

import codecs
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.lines import WrongEncoding, decoded_lines
from seqgpt_jax.tasks.readers.record import Record, Records, each_file


class NotJson(RecordError):
    """A line or file that is not JSON."""


class NotAnObject(RecordError):
    """JSON, but not an object of fields."""


def jsonl() -> Records:
    """One record (a dict) for each line that is not blank; of a name that stands twice, the last value counts."""

    def read_file(path: Path) -> Iterator[Record | RecordError]:
        for number, line in decoded_lines(path):
            if isinstance(line, WrongEncoding):
                yield line
            elif line.strip():
                try:
                    value = _object(path, number, _parsed(path, line, number))
                except RecordError as error:
                    yield error
                    continue
                yield Record(path, number, value)

    return each_file(read_file)


def json_list(items: Callable[[Any], list] = lambda document: document) -> Records:
    """One record (a dict) for each item of the list that `items` finds in the file.

    The line of a record is its item's number, from 1: the parser keeps no lines.
    """

    def read_file(path: Path) -> Iterator[Record | RecordError]:
        document = load_json(path)
        try:
            found = items(document)
        except (KeyError, TypeError) as error:
            raise RecordError(path, 1, f"the list of records was not found: {error!r}") from error
        if not isinstance(found, list):
            raise RecordError(path, 1, f"a list of records was expected, found {type(found).__name__}")
        for number, item in enumerate(found, start=1):
            try:
                yield Record(path, number, _object(path, number, item))
            except NotAnObject as error:
                yield error

    return each_file(read_file)


def json_records() -> Records:
    """A list of objects, or one on each line: the first character of a file shows which it is."""

    def read_file(path: Path) -> Iterator[Record | RecordError]:
        with path.open("rb") as file:
            start = file.read(4096).removeprefix(codecs.BOM_UTF8).lstrip()
        return (json_list() if start.startswith(b"[") else jsonl())((path,))

    return each_file(read_file)


def load_json(path: Path) -> Any:
    """The document of a file; RecordError where it is not JSON."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RecordError(path, line, f"byte 0x{raw[error.start]:02x} is not utf-8: save the file as UTF-8") from error
    return _parsed(path, text, 1)


def _parsed(path: Path, text: str, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        hint = "; a JSON-lines file has one whole object on each line" if text.strip() in ("{", "[") else ""
        raise NotJson(path, line, f"not JSON: {error.msg} (column {error.colno}){hint}") from error
    except (ValueError, RecursionError) as error:
        raise NotJson(path, first_line, f"cannot be read as JSON: {error}") from error


def _object(path: Path, number: int, item: Any) -> dict:
    if not isinstance(item, dict):
        raise NotAnObject(path, number, f"an object of fields was expected, found {type(item).__name__}")
    return item
