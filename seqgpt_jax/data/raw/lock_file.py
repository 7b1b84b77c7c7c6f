"""Lock file of a data folder: the checksum of each download, and the pinned revision of each data set of the hub.

It is `checksums.jsonl` in the data folder, written on the first download and compared with ever after. Copied into
another data folder, it makes the downloads there the same. A line is one fact, and may be removed by hand.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etils import epath

from seqgpt_jax.io import storage

NAME = "checksums.jsonl"


class LockError(ValueError):
    """A lock file that cannot be read, or content that is not what it has on record."""


def remove_partial(data_folder: Path) -> None:
    """Removes what a kill has left of a lock file that was being written; nothing may be at work there."""
    for path in data_folder.glob(f"{NAME}{storage.PARTIAL}*"):
        path.unlink()


class LockFile:
    """The lock file of one data folder; several threads may write to it, one process at a time.

    A line has the key `source` (a URL, or a split of a data set of the hub) with its sha256 and size, or its revision;
    or the key `file` (a path below the data folder) with its sha256 here.
    """

    def __init__(self, data_folder: Path) -> None:
        self.path = data_folder / NAME
        self._guard = threading.Lock()
        self._lines: dict[tuple[str, str], dict[str, Any]] = {}
        if not self.path.exists():
            return
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                fact = json.loads(line)
                (kind,) = fact.keys() & {"source", "file"}
                self._lines[kind, fact[kind]] = fact
            except (ValueError, AttributeError) as error:
                raise LockError(f"{self.path}:{number}: {line[:80]!r} is no such fact: remove the line") from error

    def source(self, key: str) -> Mapping[str, Any]:
        """What is on record of a source; {} for nothing."""
        return self._lines.get(("source", key), {})

    def sha256(self, file: str) -> str:
        """The checksum on record of a file below the data folder; "" for none."""
        return self._lines.get(("file", file), {}).get("sha256", "")

    def record(self, source: str, facts: Mapping[str, Any], files: Mapping[str, str]) -> None:
        """Writes what came from a source, and the checksums of the files made of it; {} records no source."""
        with self._guard:
            if facts:
                self._lines["source", source] = {"source": source, **facts}
            for file, checksum in files.items():
                self._lines["file", file] = {"file": file, "sha256": checksum}
            lines = (json.dumps(self._lines[key], ensure_ascii=False) + "\n" for key in sorted(self._lines))
            storage.write(epath.Path(self.path), "".join(lines).encode())

    def check_source(self, url: str, found: str, declared: str = "") -> None:
        """Compares what a URL gave with what is on record.

        Args:
          url: the source.
          found: SHA-256 of the download.
          declared: the one in the declaration of the data set, which comes before that of the lock file.

        Raises:
          LockError: they differ.
        """
        expected = declared.lower() or self.source(url).get("sha256", "")
        if not expected or expected == found:
            return
        if declared:
            way_out = (
                "the published file has changed, or another one was sent; the declaration of the data set names it"
            )
        else:
            way_out = (
                f"its content has changed since the first download. If the new one is right, remove the line of this "
                f"URL from {self.path}"
            )
        raise LockError(f"SHA-256 {expected} was expected, {found} was received: {way_out}. Nothing was replaced")

    def check_file(self, file: str, found: str, *, here: bool = True) -> None:
        """Compares a file below the data folder with what is on record.

        Args:
          file: its name on record.
          found: its SHA-256.
          here: whether it is in its place, rather than just made from a download.

        Raises:
          LockError: they differ.
        """
        expected = self.sha256(file)
        if not expected or expected == found:
            return
        if here:
            raise LockError(
                f"its SHA-256 is {found}, and was {expected} when it was downloaded: remove the file to download it "
                f"again, or, if you have changed it, its line from {self.path}"
            )
        raise LockError(
            f"SHA-256 {expected} was expected, {found} was received: the rows have changed, or the library that reads "
            f"them. If the new ones are right, remove the line of {file} from {self.path}. Nothing was replaced"
        )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files in a folder."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    together = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file():
            together.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
    return together.hexdigest()
