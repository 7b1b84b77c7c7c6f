"""Files that one process at a time appends to."""

import fcntl
from pathlib import Path
from typing import BinaryIO


class FileInUseError(OSError):
    """Another process has the file open."""


def open_alone(path: Path) -> BinaryIO:
    """The file for reading and appending; it and its folder are made where they are missing.

    It is this process's own until it is closed.

    Raises:
      FileInUseError: another process has it open so.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise FileInUseError(f"{path}: another process writes it") from error
    return file
