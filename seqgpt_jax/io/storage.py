"""Storage on disks and in buckets (gs://…): atomic writes, moves, and local copies for libraries that know no buckets.

Both kinds of path are `epath.Path`s. In a bucket an object is there complete or not at all, nothing can be appended to
or renamed, and a folder exists as long as an object is below it.
"""

import contextlib
import functools
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
from etils import epath

_SCHEME = "gs://"
PARTIAL = ".partial-"
"""In the name of a file that is being written; one that an interruption has left behind can be deleted."""


class StorageError(ValueError):
    """A folder that cannot be used; the message says why and how to fix it."""


def open_path(path: str | os.PathLike[str]) -> epath.Path:
    """The folder as a path; it need not exist. Of a bucket it is checked that it can be reached.

    Raises:
      StorageError: it is neither local nor in a bucket, or the bucket is missing or refuses this account.
    """
    if ":/" in os.fspath(path).removeprefix(_SCHEME):  # a pathlib.Path has made gs:/ of gs://
        raise StorageError(f"{path}: folders are local or begin with {_SCHEME}")
    folder = epath.Path(path)
    if is_bucket(folder):
        _check_bucket(str(folder).removeprefix(_SCHEME).partition("/")[0])
    return folder


def is_remote(path: object) -> bool:
    """Whether the path is a URL, of any scheme, and not one of this machine."""
    return "://" in str(path)


def is_bucket(folder: epath.Path) -> bool:
    """Whether it is in a bucket."""
    return str(folder).startswith(_SCHEME)


def absolute(folder: epath.Path) -> epath.Path:
    """The folder, wherever the process goes."""
    return folder if is_bucket(folder) else folder.absolute()


def write(path: epath.Path, content: bytes) -> None:
    """Writes a file, and its parent folders: complete or not at all, whatever interrupts it.

    Several processes may write the same file at once: one of them wins, and the file is never a mixture.

    Raises:
      OSError: it cannot be written.
    """
    if is_bucket(path):
        with _network(f"{path} could not be written"):
            _bucket_files().pipe_file(str(path), content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}{PARTIAL}{uuid.uuid4().hex}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        # On a full disk the rest of it would take up the room that the next attempt needs.
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A local folder to fill, which gets the name `folder` when the block ends without an error, and else is removed.

    `folder` may exist if it is empty. Of several processes that make it at once, one does, and the files are all its
    own. What killed ones have left behind is removed where the file system has locks.

    Raises:
      FileExistsError: at the end of the block: `folder` holds something, perhaps of another process by now.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{folder.name}{PARTIAL}{uuid.uuid4().hex}")
    with _locked(folder.parent):  # until the new folder has its own lock, another process could take it for left behind
        _remove_abandoned(folder)
        partial.mkdir()
        lock = _lock(partial)
    try:
        yield partial
        with contextlib.suppress(OSError):
            folder.rmdir()
        try:
            partial.rename(folder)
        except OSError as error:
            if not folder.exists():
                raise
            raise FileExistsError(f"{folder} exists by now and is not an empty folder: it is left as it is") from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        _unlock(lock)


def _remove_abandoned(folder: Path) -> None:
    """Removes what processes that were killed have left of `new_folder`: those that live hold locks."""
    left = re.compile(rf"{re.escape(folder.name)}\.partial(-[0-9a-f]{{32}})?")
    for path in [path for path in folder.parent.iterdir() if left.fullmatch(path.name) and path.is_dir()]:
        if (lock := _lock(path, wait=False)) is not None:
            shutil.rmtree(path, ignore_errors=True)
            _unlock(lock)


def read(path: epath.Path) -> bytes:
    """The content of a file; OSError where it cannot be read."""
    if not is_bucket(path):
        return path.read_bytes()
    with _network(f"{path} could not be read"):
        return _bucket_files().cat_file(str(path))


def swap(path: epath.Path, old: bytes | None, new: bytes | None) -> bool:
    """Replaces a small file if it still has the content `old`; whether it has `new` now. None: there is no file.

    Of several processes that try at once, one succeeds: by a lock on the folder, and by the object's generation in a
    bucket. A network disk without locks does not guarantee it.

    Raises:
      OSError: it can be neither read nor written.
    """
    if is_bucket(path):
        with _network(f"{path} could not be written"):
            return _swap_object(path, old, new)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(Path(path.parent)):
        if (path.read_bytes() if path.exists() else None) != old:
            return False
        if new is None:
            path.unlink(missing_ok=True)
        else:
            write(path, new)
        return True


def _swap_object(path: epath.Path, old: bytes | None, new: bytes | None) -> bool:
    from google.api_core.exceptions import NotFound, PreconditionFailed
    from google.cloud.storage.retry import DEFAULT_RETRY

    bucket, _, name = str(path).removeprefix(_SCHEME).partition("/")
    folder, patience = _bucket_client().bucket(bucket), {"timeout": 10.0, "retry": DEFAULT_RETRY.with_timeout(20.0)}
    blob = folder.get_blob(name, **patience)
    try:
        found = blob.download_as_bytes(if_generation_match=blob.generation, **patience) if blob else None
        if found != old:
            return False
        if new is not None:
            generation = blob.generation if blob else 0
            folder.blob(name).upload_from_string(new, if_generation_match=generation, **patience)
        elif blob:
            blob.delete(if_generation_match=blob.generation, **patience)
    except (NotFound, PreconditionFailed):
        # Another process was faster; or the library has repeated a request that had succeeded.
        blob = folder.get_blob(name, **patience)
        return (blob.download_as_bytes(**patience) if blob else None) == new
    return True


@functools.cache
def _bucket_client() -> Any:
    from google.cloud import storage

    return storage.Client()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder; does nothing where the file system has none."""
    lock = _lock(folder)
    try:
        yield
    finally:
        _unlock(lock)


def _lock(folder: Path, *, wait: bool = True) -> int | None:
    """The lock of a folder until `_unlock`, or the end of the process; None where it cannot be had."""
    try:
        import fcntl  # not on Windows

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def move(source: epath.Path, target: epath.Path) -> None:
    """Moves a folder, and makes those above its target; in a bucket nothing passes through this machine.

    An interruption may leave parts of it twice there, but never loses any.
    """
    if not is_bucket(source):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        return
    files, start = _bucket_files(), len(str(source))
    with _network(f"{source} could not be moved to {target}"):
        names = [f"{_SCHEME}{name}" for name in files.find(str(source))]
        files.copy(names, [f"{target}{name[start:]}" for name in names])
        files.rm(names)


@contextlib.contextmanager
def reading(folder: epath.Path) -> Iterator[Path]:
    """A local folder with these files, for libraries that know no buckets; it is there until the block is left."""
    if not is_bucket(folder):
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        with _network(f"{folder} could not be read"):
            if folder.is_dir():
                _bucket_files().get(f"{folder}/", f"{scratch}/", recursive=True)
        yield Path(scratch)


@contextlib.contextmanager
def writing(folder: epath.Path) -> Iterator[Path]:
    """A local folder whose files are in `folder` when the block is left, for libraries that know no buckets."""
    if not is_bucket(folder):
        folder.mkdir(parents=True, exist_ok=True)
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)
        with _network(f"{folder} could not be written"):
            _bucket_files().put(f"{scratch}/", f"{folder}/", recursive=True)


@contextlib.contextmanager
def _network(fault: str) -> Iterator[None]:
    """Makes an OSError that names the file of what gcsfs, aiohttp and google.auth raise."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        raise OSError(f"{fault}: {error}") from error


def _bucket_files() -> fsspec.AbstractFileSystem:
    return fsspec.filesystem(_SCHEME.removesuffix("://"))


@functools.cache
def _check_bucket(name: str) -> None:
    """Asks what Orbax will ask, whose own error would be a traceback."""
    try:
        import gcsfs  # noqa: F401
        from google.api_core.exceptions import Forbidden, NotFound, Unauthorized
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import storage
    except ImportError as error:
        raise StorageError(f"{_SCHEME}{name}: buckets need gcsfs: `pip install gcsfs` ({error})") from error
    # It must not remember listings: of what TensorStore and other hosts write it sees nothing.
    fsspec.config.conf.setdefault("gcs", {})["use_listings_cache"] = False
    try:
        storage.Client().get_bucket(name)
    except NotFound as error:
        raise StorageError(f"there is no bucket {_SCHEME}{name}") from error
    except (Forbidden, Unauthorized, DefaultCredentialsError) as error:
        raise StorageError(
            f"{_SCHEME}{name} refuses this account: it needs roles/storage.objectAdmin and "
            "roles/storage.legacyBucketReader there; where there is no service account, first comes "
            f"`gcloud auth application-default login` ({error})"
        ) from error
