"""Resumable output file of answers: lines are kept as they come, and the file has its name when it is complete.

Until then they are in a file beside it, whose name has a key of all that decides the answers. The same command finds it
after an interruption, even a kill, and goes on behind its last whole line.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from seqgpt_jax.io.exclusive_file import FileInUseError, open_alone


class AnswerFileInUseError(ValueError):
    """Another process writes the same file."""


class AnswerFile:
    """A file of lines that is written once, from its first line to its last.

    Attributes:
      done: lines that are there already.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Opens the partial file of these settings, or begins it.

        Args:
          path: of the complete file.
          settings: all that decides the lines, as JSON can write it.

        Raises:
          AnswerFileInUseError: another process has it open.
        """
        content = json.dumps(settings, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial-{hashlib.sha256(content).hexdigest()[:16]}")
        try:
            self._file = open_alone(self._partial)
        except FileInUseError as error:
            raise AnswerFileInUseError(f"{error}: wait for it, or end it") from error
        self.done = self._drop_cut_line()

    def append(self, lines: Sequence[str]) -> None:
        """Adds whole lines; they are on the disk when it returns."""
        self._file.write("".join(lines).encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done += len(lines)

    def finish(self) -> None:
        """Gives the file its name, in place of an older one."""
        self._partial.replace(self._path)
        self._file.close()

    def __enter__(self) -> "AnswerFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.done == 0 and not self._file.closed:
            self._partial.unlink(missing_ok=True)
        self._file.close()

    def _drop_cut_line(self) -> int:
        """Cuts off what a kill has left behind the last line end; the number of whole lines."""
        self._file.seek(0)
        lines, end = 0, 0
        for line in self._file:
            if line.endswith(b"\n"):
                lines, end = lines + 1, end + len(line)
        self._file.truncate(end)
        self._file.seek(end)
        return lines
