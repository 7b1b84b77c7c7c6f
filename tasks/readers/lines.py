"""Files of lines; the ground of the other text formats."""

from collections.abc import Iterator
from pathlib import Path

from seqgpt_jax.data.task_spec import RecordError
from seqgpt_jax.tasks.readers.record import Record, Records, each_file


def numbered_lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) for each line of a file.

    Only LF and CRLF end a line: U+2028 and its like stand inside real records, so
    `str.splitlines` would break them. A byte order mark is left out.

    Raises:
      RecordError: a line is not in `encoding`.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode(encoding)
            except UnicodeDecodeError as error:
                problem = f"byte 0x{raw[error.start]:02x} is not {encoding}; name the right encoding in the reader"
                raise RecordError(path, number, problem) from error
            yield number, line.removesuffix("\n").removesuffix("\r").removeprefix("\ufeff" if number == 1 else "")


def lines(encoding: str = "utf-8") -> Records:
    """One record for each line that is not blank."""

    def read_file(path: Path) -> Iterator[Record]:
        for number, line in numbered_lines(path, encoding):
            if line.strip():
                yield Record(path, number, line)

    return each_file(read_file)


def blocks(encoding: str = "utf-8") -> Records:
    """One record (a list of lines) for each run of lines between blank ones."""

    def read_file(path: Path) -> Iterator[Record]:
        start, block = 0, []
        for number, line in numbered_lines(path, encoding):
            if line.strip():
                start, block = (start if block else number), [*block, line]
            elif block:
                yield Record(path, start, block)
                block = []
        if block:
            yield Record(path, start, block)

    return each_file(read_file)
