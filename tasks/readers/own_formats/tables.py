"""Tables: CSV, TSV and what spreadsheets write, with any of the usual separators, and Excel workbooks."""

import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.delimited import numbered_rows
from seqgpt_jax.tasks.readers.lines import WrongEncoding
from seqgpt_jax.tasks.readers.own_formats.columns import Columns, matched
from seqgpt_jax.tasks.readers.own_formats.encodings import text_lines, whole_text
from seqgpt_jax.tasks.readers.own_formats.workbooks import is_workbook, sheet_rows
from seqgpt_jax.tasks.readers.record import Record

_SEPARATORS = (",", "\t", ";")
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?$')
_QUOTED_FIELD = re.compile(r'(?:^|\t)"((?:[^"]|"")*)"(?=\t|\r?$)', re.MULTILINE)


class WrongHeader(RecordError):
    """A first row that does not name the columns; without it no row can be read."""


def header(path: Path, columns: Columns) -> tuple[str, list[str], int]:
    """(separator, names of the columns, lines above the first row): of the first line that is not blank.

    A workbook has no separator: "". Of a text it is the one that the line `sep=;` names; else the one that gives the
    most known columns, of several the one that gives the most columns.

    Raises:
      WrongHeader: there is no such line.
    """
    if is_workbook(path):
        for number, row in sheet_rows(path)[:1]:
            return "", [name.strip() for name in row], number - 1
        raise WrongHeader(path, 1, "the workbook has no row")
    skipped, chosen = 0, _SEPARATORS
    for number, line in itertools.islice(text_lines(path), 20):
        if isinstance(line, WrongEncoding):
            raise line
        if match := _SEPARATOR_LINE.match(line.strip(" \r")):
            chosen = (match[1],)
        if match or not line.strip():
            skipped = number
            continue
        usual = "\t" if path.suffix.lower() == ".tsv" else ","
        split = {separator: _names(line, separator) for separator in chosen}
        known = {separator: _known(names, columns) for separator, names in split.items()}
        best = max(chosen, key=lambda separator: (known[separator], len(split[separator]), separator == usual))
        return best, split[best], skipped
    raise WrongHeader(path, 1, "the file has no row")


def _names(line: str, separator: str) -> list[str]:
    try:
        row = next(csv.reader([line], delimiter=separator))
    except csv.Error:
        row = line.split(separator)
    return [name.strip() for name in row]


def _known(names: list[str], columns: Columns) -> int:
    try:
        return len(matched(names, columns))
    except ValueError:
        return 0


def rows(path: Path, columns: Columns) -> Iterator[Record | RecordError]:
    """One record (a dict of strings) for each row below the header; rows whose cells are all empty are left out.

    Raises:
      WrongHeader: a column stands twice in the header.
    """
    separator, names, skipped = header(path, columns)
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise WrongHeader(path, skipped + 1, f"a column stands twice in the first row: {', '.join(twice)}")
    for number, row in itertools.islice(_numbered(path, separator, names, skipped), 1, None):
        if isinstance(row, RecordError):
            yield row
        elif not any(cell.strip() for cell in row):
            continue
        elif len(row) != len(names):
            problem = f"{len(names)} columns were expected ({', '.join(names)}), found {len(row)}"
            hint = f"; a cell that holds {separator!r} needs double quotes around it" if separator else ""
            yield RecordError(path, number, f"{problem}{hint}")
        else:
            yield Record(path, number, {name: cell for name, cell in zip(names, row, strict=True) if name})


def _numbered(path: Path, separator: str, names: list[str], skipped: int) -> Iterator[tuple[int, list | RecordError]]:
    """(line, cells) of each row, the header too."""
    if not separator:
        for number, row in sheet_rows(path):
            # Empty cells at the end of a row are in a workbook or not.
            yield number, row if any(row[len(names) :]) else [*row, *[""] * len(names)][: len(names)]
        return
    quoted = separator != "\t" or _spreadsheet_quotes(path, len(names))
    lines = itertools.islice(text_lines(path), skipped, None)
    yield from numbered_rows(path, lines, separator, quoted)


def _spreadsheet_quotes(path: Path, width: int) -> bool:
    """Whether quotes of a tab-separated file enclose fields, as Excel writes them, or are characters like others.

    They enclose fields where the file reads so throughout, and either does not read otherwise or has a field
    with a doubled quote.
    """
    try:
        text = whole_text(path)
    except WrongEncoding:
        return False
    if '"' not in text:
        return False
    try:
        found = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True) if row]
    except csv.Error:
        return False
    if any(len(row) != width for row in found):
        return False
    plain = [line for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
    if any(line.count("\t") != width - 1 for line in plain):
        return True
    return any('""' in match[1] for match in _QUOTED_FIELD.finditer(text))
