"""Append-only journal: one JSON record a line with its checksum, kept by one process at a time.

    {"checksum": "9f…", "record": {"key": "5f…", "output": "…"}}

What a kill cuts off in the last line is removed when the journal is opened again.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from seqgpt_jax.io.exclusive_file import FileInUseError, open_alone
from seqgpt_jax.io.json_line import json_line

_HEAD = b'{"checksum": "'


class JournalError(ValueError):
    """A journal that is corrupt, is in use, or may not grow as it would have to."""


class AppendOnlyJournal:
    """The journal of one process, until it is closed: a context manager does that. One thread at a time appends."""

    def __init__(
        self,
        path: Path,
        take: Callable[[dict[str, Any], int], object],
        *,
        secret: str = "",
        seconds_between_syncs: float = 0.0,
        unchecked: bool = False,
    ) -> None:
        """Opens the journal and reads every record of it.

        Args:
          path: the file; made where it is missing.
          take: called with each record and its place, in their order. A record that it cannot read (ValueError,
            LookupError, TypeError, AttributeError) is corrupt.
          secret: never written; what repeats it has `***` instead.
          seconds_between_syncs: how much of the last records an outage of the machine may take; a kill takes none.
          unchecked: also read lines without checksums, which hold a record alone.

        Raises:
          JournalError: a line is corrupt, or another process writes the file.
        """
        self._secret, self._pause = secret, seconds_between_syncs
        self._synced = time.monotonic()
        try:
            self._file = open_alone(path)
        except FileInUseError as error:  # two would ask, and pay, the same
            raise JournalError(f"{error}: wait for it, or end it, or give another --output") from error
        try:
            self._end = self._read(path, take, unchecked)
        except JournalError:
            self._file.close()
            raise

    def __enter__(self) -> "AppendOnlyJournal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Syncs the file and lets other processes open it."""
        try:
            self._sync()
        finally:
            self._file.close()

    def append(self, record: Mapping[str, Any]) -> int:
        """Adds a record; returns its place."""
        line = json_line(record).rstrip("\n")
        if self._secret:
            line = line.replace(json.dumps(self._secret, ensure_ascii=False)[1:-1], "***")
        self._file.write(_line(line.encode()))
        self._file.flush()
        place, self._end = self._end, self._file.tell()
        if time.monotonic() - self._synced >= self._pause:
            self._sync()
        return place

    def at(self, place: int) -> dict[str, Any]:
        """The record at a place."""
        self._file.seek(place)
        return _record(self._file.readline())

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def _read(self, path: Path, take: Callable[[dict[str, Any], int], object], unchecked: bool) -> int:
        """Takes every complete line, one at a time; returns where they end."""
        self._file.seek(0)
        end = 0
        for number, line in enumerate(iter(self._file.readline, b""), start=1):
            if not line.endswith(b"\n"):
                self._file.truncate(end)
                break
            try:
                plain = unchecked and not line.startswith(_HEAD)
                take(json.loads(line) if plain else _record(line), end)
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise JournalError(
                    f"{path}:{number}: the line is corrupt ({error}): restore the file from a copy, or remove the "
                    "line, whose request is then made again, or give another --output"
                ) from error
            end += len(line)
        return end


def records(path: Path) -> Iterator[dict[str, Any]]:
    """All records of a journal that has checksums, in their order."""
    with path.open("rb") as file:
        for line in file:
            yield _record(line)


def _record(line: bytes) -> dict[str, Any]:
    """Raises ValueError where the line is not what was written."""
    content = line[len(_line(b"")) - 2 : -2]
    if line != _line(content):
        raise ValueError("its checksum is another one")
    return json.loads(content)


def _line(content: bytes) -> bytes:
    checksum = hashlib.blake2b(content, digest_size=8).hexdigest()
    return _HEAD + checksum.encode() + b'", "record": ' + content + b"}\n"
