"""JSON files of any layout: one object a line, a list (also in one line), objects over several lines; Parquet rows."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.jsonl import NotAnObject, NotJson
from seqgpt_jax.tasks.readers.lines import WrongEncoding
from seqgpt_jax.tasks.readers.own_formats.encodings import text_lines, whole_text
from seqgpt_jax.tasks.readers.own_formats.workbooks import is_parquet, parquet_records
from seqgpt_jax.tasks.readers.record import Record

_SPACE = re.compile(r"[ \t\r\n]*")
# Enough to find one good line of a file whose first ones are broken.
_LINES = 50
_ITEM = 'an object of fields was expected, like {"text": …}, found '


def json_records(path: Path) -> Iterator[Record | RecordError]:
    """One record (a dict, or what stands in its place) for each object of a file.

    A record's line is where it starts; in a list that is written in one line, its number in the list. A broken
    document gives one error and nothing else.
    """
    if is_parquet(path):
        yield from parquet_records(path)
        return
    if _is_lines(path):
        yield from _each_line(path)
        return
    try:
        found = _document(path)
    except RecordError as error:
        yield error
        return
    for line, value in found:
        yield Record(path, line, value) if isinstance(value, dict | list) else not_an_object(path, line, value)


def not_an_object(path: Path, line: int, value: Any) -> NotAnObject:
    """The error of a JSON value that is no object."""
    names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return NotAnObject(path, line, f"{_ITEM}{names.get(type(value), 'a number')}")


def _is_lines(path: Path) -> bool:
    """Whether the file is read line by line: the first line that is whole decides."""
    found = [line for _, line in itertools.islice(text_lines(path), _LINES) if isinstance(line, str) and line.strip()]
    values = [value for value in map(_value, found) if value is not None]
    if not found or (found[0].lstrip().startswith("[") and (len(found) == 1 or _value(found[0]) is None)):
        return False
    if isinstance(_value(found[0]), dict | list):
        return True
    # `{` alone may begin an object over several lines, or be a broken line among good ones.
    return any(isinstance(value, dict) for value in values) and not _is_whole(path)


def _value(line: str) -> Any:
    """The JSON value of a line, None where it is broken (or null, which is no record either)."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_whole(path: Path) -> bool:
    try:
        return any(True for _ in _document(path))
    except RecordError:
        return False


def _each_line(path: Path) -> Iterator[Record | RecordError]:
    for number, line in text_lines(path):
        if isinstance(line, WrongEncoding):
            yield line
        elif line.strip():
            try:
                value, end = _decoded(path, line, len(line) - len(line.lstrip()), number)
                if line[end:].strip():
                    raise NotJson(path, number, f"not JSON: there is more after column {end}: {line[end : end + 40]!r}")
            except RecordError as error:
                yield error
                continue
            yield Record(path, number, value) if isinstance(value, dict | list) else not_an_object(path, number, value)


def _document(path: Path) -> Iterator[tuple[int, Any]]:
    """(line, value) of the items of a list, or of the values that follow each other; all are parsed first."""
    text = whole_text(path)
    place = _skip(text, 0)
    is_list = text[place : place + 1] == "["
    place += is_list
    found: list[tuple[int, Any]] = []
    line, counted = 1, 0
    while (place := _skip(text, place)) < len(text):
        if is_list and text[place] in "],":
            if text[place] == "]":
                if rest := text[place + 1 :].strip():
                    raise NotJson(path, line, f"not JSON: there is more after the end of the list: {rest[:40]!r}")
                break
            place += 1
            continue
        line, counted = line + text.count("\n", counted, place), place
        value, place = _decoded(path, text, place, line)
        found.append((line, value))
    else:
        if is_list:
            raise NotJson(path, line, "not JSON: the list has no end; the file may be cut off")
    lines = [line for line, _ in found]
    if is_list and len(set(lines)) == 1:
        return enumerate((value for _, value in found), start=1)
    return iter(found)


def _skip(text: str, place: int) -> int:
    return _SPACE.match(text, place).end()


def _without_repetitions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; ValueError where a name stands twice in it."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"{', '.join(map(repr, twice))} stands twice in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repetitions)


def _decoded(path: Path, text: str, place: int, line: int) -> tuple[Any, int]:
    """(value, where it ends) of the JSON that starts at `place`, which is in `line`."""
    try:
        return _DECODER.raw_decode(text, place)
    except json.JSONDecodeError as error:
        at = line + text.count("\n", place, error.pos)
        hint = "; a JSON-lines file has one whole object on each line" if text.strip() in ("{", "[") else ""
        raise NotJson(path, at, f"not JSON: {error.msg} (column {error.colno}){hint}") from error
    except (ValueError, RecursionError) as error:
        raise NotJson(path, line, f"cannot be read as JSON: {error}") from error
