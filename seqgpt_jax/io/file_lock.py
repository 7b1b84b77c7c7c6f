"""Locks that are files: one process at a time has one, and the others wait for it."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_print = functools.partial(print, flush=True)


@contextlib.contextmanager
def held(path: Path, waiting: str, say: Callable[[str], object] = _print) -> Iterator[None]:
    """Holds the lock that is a file; says `waiting` where another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(waiting)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
