"""Tables: comma- or tab-separated columns, with or without a header and quotes."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqgpt_jax.data.task_spec import RecordError
from seqgpt_jax.tasks.readers.lines import numbered_lines
from seqgpt_jax.tasks.readers.record import Record, Records, each_file


def delimited(delimiter: str, *, columns: Sequence[str] = (), quoted: bool = False) -> Records:
    """One record (a dict of strings) for each row.

    Args:
      delimiter: between the columns.
      columns: their names; () takes them from the first row.
      quoted: whether fields may stand in double quotes (and then hold delimiters and line
        breaks); otherwise a quote is a character like any other.
    """

    def read_file(path: Path) -> Iterator[Record]:
        names = list(columns)
        for number, row in _rows(path, delimiter, quoted):
            if not names:
                names = row
            elif len(row) != len(names):
                problem = f"{len(names)} columns were expected ({', '.join(names)}), found {len(row)}"
                raise RecordError(path, number, problem)
            else:
                yield Record(path, number, dict(zip(names, row, strict=True)))

    return each_file(read_file)


def _rows(path: Path, delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    if not quoted:
        for number, line in numbered_lines(path):
            if line.strip():
                yield number, line.split(delimiter)
        return
    table = csv.reader((f"{line}\n" for _, line in numbered_lines(path)), delimiter=delimiter, strict=True)
    while True:
        number = table.line_num + 1
        try:
            row = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            raise RecordError(path, number, f"not a row of a quoted table: {error}") from error
        if row:
            yield number, row
