"""One file or folder out of an archive, within limits of what it may unpack."""

import functools
import gzip
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

Opener = Callable[[], IO[bytes]]
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


class ArchiveError(ValueError):
    """An archive that does not hold what was asked for, or wants to write more than it may, or elsewhere."""


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to: against archives made to fill the disk.

    Attributes:
      bytes: of all files together.
      ratio: how many times larger than the archive; it counts above `always` bytes.
      always: bytes that every archive may unpack to.
      files: how many.
    """

    bytes: int = 64 << 30
    ratio: int = 200
    always: int = 256 << 20
    files: int = 500_000


LIMITS = Limits()


@dataclass
class _Budget:
    """What one archive may still write."""

    archive: Path
    limits: Limits
    written: int = 0
    allowed: int = field(init=False)

    def __post_init__(self) -> None:
        size = self.archive.stat().st_size
        self.allowed = min(max(size * self.limits.ratio, self.limits.always), self.limits.bytes)

    def copy(self, open_: Opener, target: Path) -> None:
        with open_() as file, target.open("wb") as out:
            while chunk := file.read(_CHUNK):
                self.written += len(chunk)
                if self.written > self.allowed:
                    raise ArchiveError(
                        f"the archive of {self.archive.stat().st_size:,} bytes unpacks to more than {self.allowed:,} "
                        "bytes: it is refused, as one that was made to fill the disk"
                    )
                out.write(chunk)


def is_gzip(path: Path) -> bool:
    """Whether the content is gzip, whatever the name says."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def extract(archive: Path, member: str, target: Path, limits: Limits = LIMITS) -> int:
    """Writes a member (a folder with all below it) of a .zip, .tar (.gz, .bz2, .xz) or .gz to `target`.

    Links and devices in a folder are left out; returns how many.

    Raises:
      ArchiveError: it is no such archive, has no such member, or goes beyond the limits.
    """
    budget = _Budget(archive, limits)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            infos = {info.filename.replace("\\", "/"): info for info in file.infolist() if not info.is_dir()}
            openers = {
                name: None if stat.S_ISLNK(info.external_attr >> 16) else lambda info=info: file.open(info)
                for name, info in infos.items()
            }
            return _extract(openers, member, target, budget)
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as file:
            members = {str(PurePosixPath(info.name)): info for info in file if not info.isdir()}
            openers = {
                name: (lambda info=info: file.extractfile(info)) if info.isreg() else None
                for name, info in members.items()
            }
            return _extract(openers, member, target, budget)
    if is_gzip(archive):
        unpack_gzip(archive, target, limits)
        return 0
    raise ArchiveError("what was fetched is neither a .zip nor a .tar nor a .gz")


def unpack_gzip(archive: Path, target: Path, limits: Limits = LIMITS) -> None:
    """The one file that a .gz holds."""
    _Budget(archive, limits).copy(functools.partial(gzip.open, archive), target)


def _extract(members: Mapping[str, Opener | None], member: str, target: Path, budget: _Budget) -> int:
    """`members`: name -> what opens it; None for a link or a device."""
    if len(members) > budget.limits.files:
        raise ArchiveError(f"the archive holds {len(members):,} files; at most {budget.limits.files:,} are unpacked")
    member = member.strip("/")
    if member in members:
        if (open_ := members[member]) is None:
            raise ArchiveError(f"{member!r} in the archive is a link or a device, not a file")
        budget.copy(open_, target)
        return 0
    below = {name.removeprefix(f"{member}/"): open_ for name, open_ in members.items() if name.startswith(f"{member}/")}
    if not any(below.values()):
        shown = ", ".join(sorted(members)[:5])
        raise ArchiveError(f"the archive has no {member!r}; it holds {len(members)} files, the first: {shown}")
    for name, open_ in below.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ArchiveError(f"the archive wants to write outside of its folder: {name!r}")
        if open_ is not None:
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            budget.copy(open_, path)
    return sum(open_ is None for open_ in below.values())
