"""Lease of a run folder: one process trains in it at a time.

    runs/<name>/writer.json    {"host": "gpu-box", "process": 1234, "started": "2026-01-31T09:00:00+00:00", …}

The process that trains renews the file every 20 s and removes it in the end. Another one that finds it

    and its process on the same machine has ended    takes over at once: a killed run that is started again
    and its process on the same machine is alive     is refused
    from another machine                             watches it: refused when it is renewed, takes over after 90 s

so no clocks are compared, and a machine that was lost with its process does not lock a run. A process that slept
through a take-over is stopped before it saves.
"""

import contextlib
import dataclasses
import functools
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from etils import epath

from seqgpt_jax.io import storage

LEASE_FILE = "writer.json"
RENEW_SECONDS = 20.0
STALE_SECONDS = 90.0
"""Seconds without renewal after which a process on another machine counts as lost."""


class RunLeaseError(ValueError):
    """Another process trains in the run folder; the message names it and the ways out."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@functools.cache
def _machine() -> str:
    """Equal for processes that see each other: of one boot of one machine, and outside of containers or in the same."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return socket.gethostname()


def _process_start(process: int) -> str | None:
    """What distinguishes a process from an earlier one of the same number; None where it cannot be seen."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return "ended" if fields[0] in "ZX" else fields[19]


def _is_alive(process: int, start: str | None) -> bool:
    """Whether a process of this machine runs; True in doubt."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        pass
    found = _process_start(process)
    return found is None or start is None or found == start


@dataclass(frozen=True)
class Writer:
    """The content of the file.

    Attributes:
      host, process, started: of the process that trains, for messages; `started` is when it took the lease.
      machine, process_start: by which others on the same machine see whether it is alive.
      key: of this lease.
      renewed: when it was renewed last, for readers.
      renewals: how often; a watcher sees that it changes.
    """

    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    started: str = field(default_factory=_now)
    machine: str = field(default_factory=_machine)
    process_start: str | None = field(default_factory=lambda: _process_start(os.getpid()))
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    renewed: str = field(default_factory=_now)
    renewals: int = 0

    def to_json(self) -> bytes:
        """The bytes of the file."""
        return (json.dumps(dataclasses.asdict(self), indent=1) + "\n").encode()

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine."""
        return self.machine == _machine()

    @property
    def has_ended(self) -> bool:
        """Whether it was on this machine and is provably gone."""
        return self.is_here and not _is_alive(self.process, self.process_start)

    def __str__(self) -> str:
        return f"process {self.process} on {self.host} (since {self.started})"


def _parse(content: bytes) -> Writer | None:
    """None for what is no lease: somebody else's file, or that of another version."""
    try:
        return Writer(**json.loads(content))
    except (TypeError, ValueError):
        return None


class RunLease:
    """The lease that this process holds; `hold_lease` makes it."""

    def __init__(self, path: epath.Path, writer: Writer) -> None:
        self._path, self._writer, self._lock = path, writer, threading.Lock()
        self._lost_to: str | None = None

    def check(self) -> None:
        """Raises RunLeaseError where another process has taken over.

        An OSError of the storage is no reason to stop: what the caller is about to write will meet it too.
        """
        with contextlib.suppress(OSError):
            self._renew()
        if self._lost_to:
            raise RunLeaseError(
                f"{self._path.parent} was taken over by {self._lost_to}, because this process ({self._writer}) did not "
                f"renew {LEASE_FILE} in time: it saves nothing more. Leave the run to the other one, or stop that one "
                "and run the same command again"
            )

    def renew_until(self, ended: threading.Event, seconds: float) -> None:
        """Renews the lease until `ended` is set, or it is lost; an OSError is left to the next time."""
        while not ended.wait(seconds) and not self._lost_to:
            with contextlib.suppress(OSError):
                self._renew()

    def release(self) -> None:
        """Removes the file, if it is still that of this lease."""
        with self._lock, contextlib.suppress(OSError):
            storage.swap(self._path, self._writer.to_json(), None)

    def _renew(self) -> None:
        with self._lock:
            if self._lost_to:
                return
            renewed = dataclasses.replace(self._writer, renewed=_now(), renewals=self._writer.renewals + 1)
            new = renewed.to_json()
            # A file that somebody has removed is nobody's.
            if storage.swap(self._path, self._writer.to_json(), new) or storage.swap(self._path, None, new):
                self._writer = renewed
            else:
                self._lost_to = str(_parse(storage.read(self._path)) or "another process")


@contextlib.contextmanager
def hold_lease(
    run_dir: epath.PathLike,
    *,
    log: Callable[[str], None] = print,
    writer: Writer | None = None,
    renew_seconds: float = RENEW_SECONDS,
    stale_seconds: float = STALE_SECONDS,
) -> Iterator[RunLease]:
    """Context manager: the lease of a run folder, on a disk or in a bucket, renewed by a thread until it is left.

    Args:
      log: called with a line when it waits, and when it takes over.
      writer: this process.
      renew_seconds, stale_seconds: for processes on several machines equal on all of them.

    Raises:
      RunLeaseError: another process trains there.
      OSError: the folder cannot be written.
    """
    path = storage.absolute(storage.open_path(run_dir)) / LEASE_FILE
    writer = writer or Writer()
    _take(path, writer, log, stale_seconds)
    lease, ended = RunLease(path, writer), threading.Event()
    thread = threading.Thread(target=lease.renew_until, args=(ended, renew_seconds), name="run lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        ended.set()
        thread.join()
        lease.release()


def _take(path: epath.Path, writer: Writer, log: Callable[[str], None], stale_seconds: float) -> None:
    """Writes `writer` to the file once nobody else holds it."""
    seen: bytes | None = None
    since = time.monotonic()
    while True:
        try:
            found = storage.read(path)
        except FileNotFoundError:
            found = None
        other = _parse(found) if found is not None else None
        stale = found == seen and time.monotonic() - since > stale_seconds
        if found is None or (other is not None and other.has_ended) or stale:
            if storage.swap(path, found, writer.to_json()):
                if found is not None:
                    log(f"{path.parent}: taking over from {other or 'an unknown process'}, which has ended")
                return
            seen = None  # another process was faster
            continue
        if other is not None and other.is_here:
            raise RunLeaseError(_refusal(path, other))
        if seen is None:
            seen, since = found, time.monotonic()
            log(f"{path.parent}: waiting up to {stale_seconds:.0f} s to see whether {other or LEASE_FILE} is alive")
        elif found != seen:
            raise RunLeaseError(_refusal(path, other))
        time.sleep(min(1.0, stale_seconds / 10))


def _refusal(path: epath.Path, other: Writer | None) -> str:
    return (
        f"{other or 'another process'} trains in {path.parent}: two would overwrite each other's checkpoints and logs. "
        "Wait for its end or stop it (SIGTERM saves), then run the same command to resume; or name another folder with "
        "--run_dir"
    )
