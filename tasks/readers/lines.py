"""Files of lines; the ground of the other text formats."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.record import Record, Records, each_file


class WrongEncoding(RecordError):
    """A line that is not in the encoding it is read in."""


def decoded_lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str | WrongEncoding]]:
    """(number from 1, line without its end) for each line of a file; an error in the place of a line.

    Only LF and CRLF end a line: U+2028 and its like stand inside real records, so
    `str.splitlines` would break them. A byte order mark is left out.

    Raises:
      WrongEncoding: the file is UTF-16, whose lines cannot be told apart.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and encoding == "utf-8":
                raise WrongEncoding(path, 1, "the file is UTF-16: save it as UTF-8")
            try:
                line = raw.decode(encoding)
            except UnicodeDecodeError as error:
                place = f"byte 0x{raw[error.start]:02x} (number {error.start + 1} of the line)"
                yield number, WrongEncoding(path, number, f"{place} is not {encoding}: save the file as {encoding}")
                continue
            yield number, line.removesuffix("\n").removesuffix("\r").removeprefix("\ufeff" if number == 1 else "")


def numbered_lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Like `decoded_lines`, for formats whose records are several lines.

    Raises:
      WrongEncoding: a line is not in `encoding`.
    """
    for number, line in decoded_lines(path, encoding):
        if isinstance(line, WrongEncoding):
            raise line
        yield number, line


def lines(encoding: str = "utf-8") -> Records:
    """One record for each line that is not blank."""

    def read_file(path: Path) -> Iterator[Record | RecordError]:
        for number, line in decoded_lines(path, encoding):
            if isinstance(line, WrongEncoding):
                yield line
            elif line.strip():
                yield Record(path, number, line)

    return each_file(read_file)


def blocks(encoding: str = "utf-8") -> Records:
    """One record (a list of lines) for each run of lines between blank ones."""

    def read_file(path: Path) -> Iterator[Record]:
        start, block = 0, []
        for number, line in numbered_lines(path, encoding):
            if line.strip():
                start = start if block else number
                block.append(line)
            elif block:
                yield Record(path, start, block)
                block = []
        if block:
            yield Record(path, start, block)

    return each_file(read_file)
