"""Tables: comma- or tab-separated columns, with or without a header and quotes."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.lines import WrongEncoding, decoded_lines
from seqgpt_jax.tasks.readers.record import Record, Records, each_file

# A field may be as long as a text is; csv's own limit is 131,072 characters.
csv.field_size_limit(2**31 - 1)


def delimited(delimiter: str, *, columns: Sequence[str] = (), quoted: bool = False) -> Records:
    """One record (a dict of strings) for each row.

    Args:
      delimiter: between the columns.
      columns: their names; () takes them from the first row.
      quoted: whether fields may stand in double quotes (and then hold delimiters and line
        breaks); otherwise a quote is a character like any other.

    A row that cannot be read costs its first line alone: reading goes on with the next one.
    """

    def read_file(path: Path) -> Iterator[Record | RecordError]:
        names = list(columns)
        for number, row in numbered_rows(path, decoded_lines(path), delimiter, quoted):
            if isinstance(row, RecordError):
                if not names:
                    raise row
                yield row
            elif not names:
                names = row
            elif len(row) != len(names):
                problem = f"{len(names)} columns were expected ({', '.join(names)}), found {len(row)}"
                yield RecordError(path, number, problem)
            else:
                yield Record(path, number, dict(zip(names, row, strict=True)))

    return each_file(read_file)


def numbered_rows(
    path: Path, lines: Iterator[tuple[int, str | WrongEncoding]], delimiter: str, quoted: bool
) -> Iterator[tuple[int, list[str] | RecordError]]:
    """(first line, fields) of each row of numbered lines; an error in the place of a row. See `delimited`."""
    if quoted:
        yield from _quoted_rows(path, lines, delimiter)
        return
    for number, line in lines:
        if isinstance(line, WrongEncoding):
            yield number, line
        elif line.strip():
            yield number, line.split(delimiter)


def _quoted_rows(
    path: Path, source: Iterator[tuple[int, str | WrongEncoding]], delimiter: str
) -> Iterator[tuple[int, list[str] | RecordError]]:
    waiting: deque[tuple[int, str | WrongEncoding]] = deque()
    taken: list[tuple[int, str | WrongEncoding]] = []  # the lines of the row that is being read

    def feed() -> Iterator[str]:
        while (numbered := waiting.popleft() if waiting else next(source, None)) is not None:
            taken.append(numbered)
            if isinstance(numbered[1], WrongEncoding):
                raise numbered[1]
            yield f"{numbered[1]}\n"

    while True:
        taken.clear()
        try:
            row = next(csv.reader(feed(), delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except WrongEncoding as error:
            if not taken:  # raised by the source itself: no line can be read
                raise
            problem: RecordError = error
        except csv.Error as error:
            problem = RecordError(path, taken[0][0], f"not a row of a quoted table: {error}")
        else:
            if row:
                yield taken[0][0], row
            continue
        # An open quote runs on into rows that are right: only the line it stands in is given up.
        if problem.line == taken[0][0]:
            yield taken[0][0], problem
        else:
            yield (
                taken[0][0],
                RecordError(path, taken[0][0], f"a quote runs on into line {problem.line}, which is wrong"),
            )
        waiting.extendleft(reversed(taken[1:]))
