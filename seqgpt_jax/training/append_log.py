"""Append-only log files, on disks and in buckets.

A full disk neither stops the run nor loses a line while the process lives: what cannot be written is kept in memory and
written once there is space. Objects in a bucket cannot be appended to: they are rewritten as a whole, at most once a
minute and before every checkpoint, so that a kill only loses lines of steps that the resumed run repeats.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from etils import epath

from seqgpt_jax.io import storage

_REWRITE_SECONDS = 60  # between two rewrites of an object in a bucket


class AppendLog(Protocol):
    """A file that grows."""

    def append(self, content: bytes) -> None:
        """Adds `content` at the end; an error of the storage is logged, not raised."""

    def flush(self) -> None:
        """Writes what is pending."""

    def close(self) -> None:
        """Flushes, and logs what is lost."""


def open_append_log(path: epath.Path, log: Callable[[str], None], content: bytes = b"") -> AppendLog:
    """The file at `path`, which holds `content`, to append to; `log` is called with storage errors."""
    return _BucketLog(path, log, content) if storage.is_bucket(path) else _DiskLog(Path(path), log)


class _DiskLog:
    """Appends to a file on a disk; content that the disk does not take stays pending, in order."""

    def __init__(self, path: Path, log: Callable[[str], None]) -> None:
        self._path, self._log = path, log
        self._pending, self._error_logged = b"", False

    def append(self, content: bytes) -> None:
        self._pending += content
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered, so that the number of bytes written is known; reopened each time, so that a file that was
            # moved away is created anew.
            with self._path.open("ab", buffering=0) as file:
                while self._pending:
                    self._pending = self._pending[file.write(self._pending) :]
            self._error_logged = False
        except OSError as error:
            if not self._error_logged:
                self._log(f"{self._path} could not be written: {error}; will retry")
            self._error_logged = True

    def flush(self) -> None:
        if self._pending:
            self.append(b"")

    def close(self) -> None:
        self.flush()
        if self._pending:
            self._log(f"{self._path}: lost the last {len(self._pending):,} bytes")


class _BucketLog:
    """Rewrites an object in a bucket: at most once a minute, and seldom enough to take at most two percent of the time,
    however large it grows; and on every `flush`."""

    def __init__(self, path: epath.Path, log: Callable[[str], None], content: bytes) -> None:
        self._path, self._log = path, log
        self._content, self._written = content, len(content)
        self._error_logged, self._next_write = False, 0.0

    def append(self, content: bytes) -> None:
        self._content += content
        if time.monotonic() >= self._next_write:
            self.flush()

    def flush(self) -> None:
        if self._written == len(self._content):
            return
        started = time.monotonic()
        try:
            storage.write(self._path, self._content)
            self._written, self._error_logged = len(self._content), False
        except OSError as error:
            if not self._error_logged:
                self._log(f"{error}; will retry")
            self._error_logged = True
        finished = time.monotonic()
        self._next_write = finished + max(_REWRITE_SECONDS, 50 * (finished - started))

    def close(self) -> None:
        self.flush()
        if self._written < len(self._content):
            self._log(f"{self._path}: lost the last {len(self._content) - self._written:,} bytes")
