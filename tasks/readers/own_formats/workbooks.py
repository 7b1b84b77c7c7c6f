"""Rows of Excel workbooks (.xlsx) and of Parquet files, which are no text."""

import datetime
import functools
import io
import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.json_value import json_value
from seqgpt_jax.tasks.readers.own_formats.items import Note, Remark
from seqgpt_jax.tasks.readers.record import Record

_INSTALL = "pip install -e '.[tables]'"
# Rows of a further sheet that are looked at for a cell that is not empty.
_LOOKED_AT = 50


def is_workbook(path: Path) -> bool:
    """Whether a file is an Excel workbook, whatever its name is."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return "xl/workbook.xml" in archive.namelist()


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does, whatever its name is."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def parquet_records(path: Path) -> Iterator[Record]:
    """One record (a dict) for each row; its line is the number of the row.

    All rows have all columns, and all values of a struct its fields: inside of values, what is null is left out. Values
    are those that JSON has (`json_value`).

    Raises:
      ValueError: pyarrow is not installed, or the file is broken.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        way = f"{_INSTALL}, or save it as JSON lines (pandas: to_json(…, orient='records', lines=True))"
        raise ValueError(f"{path} is a Parquet file, for which pyarrow is needed: {way}") from error
    number = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield Record(path, number, {name: json_value(v, null_fields=False) for name, v in row.items()})
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path}: the Parquet file cannot be read behind row {number}: {error}") from error


def sheet_rows(path: Path) -> list[tuple[int, list[str]]]:
    """(number, cells as text) of the rows of the first sheet that has any; rows whose cells are all empty are left out.

    Numbers are written without a needless `.0`, days and times as ISO 8601 has them, formulas as their last result.

    Raises:
      ValueError: openpyxl is not installed, or the file is broken.
    """
    return _sheets(path, *_stamp(path))[0]


def sheet_notes(path: Path) -> Iterator[Note]:
    """What a person should know: sheets that are not read."""
    if others := _sheets(path, *_stamp(path))[1]:
        detail = f"of a workbook the first sheet with rows is read, and not {', '.join(map(repr, others))}"
        yield Note(path, 1, Remark("other_sheets", f"{detail}: save these as files of their own"))


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=8)
def _sheets(path: Path, *stamp: int) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """(rows of the first sheet that has any, names of the others that have)."""
    del stamp
    try:
        import openpyxl
    except ImportError as error:
        way = f"{_INSTALL}, or save its sheet as CSV UTF-8"
        raise ValueError(f"{path} is a workbook, for which openpyxl is needed: {way}") from error
    try:
        # Of a path, openpyxl looks at the suffix.
        workbook = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
        found: list[tuple[int, list[str]]] = []
        others = []
        for sheet in workbook.worksheets:
            # What a file says of its size is often wrong.
            sheet.reset_dimensions()
            rows = ((n, [*map(_text, row)]) for n, row in enumerate(sheet.iter_rows(values_only=True), start=1))
            if not found:
                found = [(n, row) for n, row in rows if any(map(str.strip, row))]
            elif any(any(map(str.strip, row)) for _, row in itertools.islice(rows, _LOOKED_AT)):
                others.append(sheet.title)
        workbook.close()
    # openpyxl lets through whatever a broken file makes its parsers raise.
    except Exception as error:
        raise ValueError(f"{path}: the workbook cannot be read ({error}): save its sheet as CSV UTF-8") from error
    return found, others


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
