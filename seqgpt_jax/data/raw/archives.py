"""One file or folder out of an archive."""

import gzip
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

Opener = Callable[[], IO[bytes]]
_GZIP = b"\x1f\x8b"


def is_gzip(path: Path) -> bool:
    """Whether the content is gzip, whatever the name says."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def extract(archive: Path, member: str, target: Path) -> None:
    """Writes a member (a folder with all below it) of a .zip, .tar (.gz, .bz2, .xz) or .gz to `target`.

    Raises:
      ValueError: it is no such archive, or has no such member.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            infos = {info.filename.replace("\\", "/"): info for info in file.infolist() if not info.is_dir()}
            _extract({name: lambda info=info: file.open(info) for name, info in infos.items()}, member, target)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as file:
            members = {str(PurePosixPath(info.name)): info for info in file if not info.isdir()}
            _extract({name: lambda info=info: file.extractfile(info) for name, info in members.items()}, member, target)
    elif is_gzip(archive):
        unpack_gzip(archive, target)
    else:
        raise ValueError("what was fetched is neither a .zip nor a .tar nor a .gz")


def unpack_gzip(archive: Path, target: Path) -> None:
    """The one file that a .gz holds."""
    with gzip.open(archive) as file, target.open("wb") as out:
        shutil.copyfileobj(file, out)


def _extract(members: Mapping[str, Opener], member: str, target: Path) -> None:
    member = member.strip("/")
    if member in members:
        _copy(members[member], target)
        return
    below = {name.removeprefix(f"{member}/"): open_ for name, open_ in members.items() if name.startswith(f"{member}/")}
    if not below:
        shown = ", ".join(sorted(members)[:5])
        raise ValueError(f"the archive has no {member!r}; it holds {len(members)} files, the first: {shown}")
    for name, open_ in below.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"the archive wants to write outside of its folder: {name!r}")
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _copy(open_, path)


def _copy(open_: Opener, target: Path) -> None:
    with open_() as file, target.open("wb") as out:
        shutil.copyfileobj(file, out)
