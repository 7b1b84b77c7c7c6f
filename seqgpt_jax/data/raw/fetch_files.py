"""Download of raw files by URL: each URL once, looked at, compared with its checksum, unpacked and put in place."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seqgpt_jax.data.raw import archives, http_file
from seqgpt_jax.data.raw.content_check import ContentError, check_content, check_end
from seqgpt_jax.data.raw.http_file import Update
from seqgpt_jax.data.raw.lock_file import LockError, LockFile, sha256_of
from seqgpt_jax.data.raw.network import Client
from seqgpt_jax.data.raw.sources import Remote

PARTS = ".downloads"
"""Folder in the data folder with what has arrived of files that are not complete."""

_STAGE = ".download-"


@dataclass(frozen=True)
class FileJob:
    """One URL and the files of a data set that come from it.

    Attributes:
      dataset: the data set.
      url: of the file or archive.
      files: name below the data set's folder -> where it is in what the URL gives.
    """

    dataset: str
    url: str
    files: Mapping[str, Remote]


def part_file(data_folder: Path, dataset: str, url: str) -> Path:
    """Where what has arrived of a URL is kept until its files are in place."""
    return data_folder / PARTS / f"{hashlib.sha256(f'{dataset} {url}'.encode()).hexdigest()[:24]}.part"


def run_file_job(job: FileJob, data_folder: Path, client: Client, lock: LockFile, update: Update) -> list[str]:
    """Downloads and puts the files of one URL in place; returns what there is to report, a line each.

    Raises:
      FetchError, ContentError, LockError, ArchiveError: it cannot be had, or is not what it should be.
      OSError: it cannot be written.
    """
    part = part_file(data_folder, job.dataset, job.url)
    declared = next((remote.sha256 for remote in job.files.values() if remote.sha256), "")
    checksum = _arrived(job, part, declared, client, lock, update)
    lines = []
    with staging(data_folder / job.dataset) as stage:
        made = {}
        for number, (name, remote) in enumerate(job.files.items()):
            made[name] = stage / str(number)
            if left_out := _make(part, name, remote, made[name]):
                lines.append(f"left out: {left_out} links or devices in {job.dataset}/{name}")
        # On record before they are in place: after a kill in between they are made again, and compared.
        checksums = {file_key(job.dataset, name): sha256_of(path) for name, path in made.items()}
        lock.record(job.url, {"sha256": checksum, "size": part.stat().st_size}, checksums)
        for name, path in made.items():
            put(path, file_path(data_folder / job.dataset, name))
            lines.append(f"downloaded: {job.dataset}/{name} from {job.url}")
    if not declared:
        lines.append(f"on record: {checksum} is the SHA-256 of {job.url}")
    http_file.discard(part)
    return lines


def _arrived(job: FileJob, part: Path, declared: str, client: Client, lock: LockFile, update: Update) -> str:
    """Downloads to the part file; returns its SHA-256, after all checks."""
    known = bool(declared or lock.source(job.url))
    fresh = False
    while True:
        arrived = http_file.fetch(client, job.url, part, update, checked=known)
        try:
            check_content(part, next(iter(job.files)))
            if not arrived.size_known and not known:
                check_end(part, next(iter(job.files)))
            checksum = sha256_of(part)
            lock.check_source(job.url, checksum, declared)
            return checksum
        except (ContentError, LockError):
            http_file.discard(part)
            # Pieces of two contents: a server may send the second without saying that it is another. Once: a second
            # download that breaks off as well would come to the same.
            if fresh or not arrived.resumed:
                raise
            fresh = True


def _make(part: Path, name: str, remote: Remote, target: Path) -> int:
    """Makes one file or folder of a download; returns how many links in it were left out."""
    left_out = 0
    if remote.member:
        left_out = archives.extract(part, remote.member, target)
    elif archives.is_gzip(part) and Path(name).suffix not in (".gz", ".tgz"):
        archives.unpack_gzip(part, target)
        check_content(target, name)
    else:
        shutil.copyfile(part, target)
    if target.is_file() and not target.stat().st_size:
        raise ContentError(f"{remote.member or name} in it is empty")
    return left_out


def check_existing(dataset: str, name: str, remote: Remote | None, data_folder: Path, lock: LockFile) -> str:
    """Looks at a file that is in its place; returns a note for the report, "" for nothing unusual.

    What is not on record yet, and is not known to differ from the published file, is recorded.

    Args:
      dataset: its data set.
      name: the file, below the data set's folder.
      remote: where it comes from; None where it was made of rows.
      data_folder: the folder of all data sets.
      lock: of that folder.

    Raises:
      ContentError, LockError: it is no data, or not what was downloaded.
    """
    path, key = file_path(data_folder / dataset, name), file_key(dataset, name)
    as_it_came = remote is not None and not remote.member and path.is_file()
    if as_it_came:
        try:
            check_content(path, name)
        except ContentError as error:
            raise ContentError(f"{error}. Remove it to download it again") from error
    checksum = sha256_of(path)
    if lock.sha256(key):
        lock.check_file(key, checksum)
        return ""
    unpacked = remote is not None and remote.url.endswith(".gz") and not name.endswith(".gz")
    if as_it_came and remote.sha256 and not unpacked and checksum != remote.sha256.lower():
        return "though its SHA-256 is not that of the published file"
    lock.record("", {}, {key: checksum})
    return ""


def file_path(base: Path, name: str) -> Path:
    """The path of a data set's file. A name may lead out of the data set's folder (`../../other/file`), which then
    need not exist."""
    return Path(os.path.normpath(base / name))


def file_key(dataset: str, name: str) -> str:
    """The name of a data set's file in the lock file."""
    return os.path.normpath(f"{dataset}/{name}")


@contextlib.contextmanager
def staging(base: Path) -> Iterator[Path]:
    """A temporary folder beside the target; on exit it is removed."""
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=base, prefix=_STAGE) as folder:
        yield Path(folder)


def remove_stages(base: Path) -> None:
    """Removes what killed processes have left, and the folder itself if it is empty; nothing may be at work there."""
    for folder in base.glob(f"{_STAGE}*"):
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        base.rmdir()


def put(staged: Path, target: Path) -> None:
    """Moves a finished file or folder to its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(target)
