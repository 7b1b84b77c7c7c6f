"""Multi-host failure propagation: when one process fails or stalls, all exit and name it.

JAX's coordination service detects that a machine or its network is gone (`Timeouts.heartbeat`), and aborts all
processes. It does not pass on the error of a host, does not notice a host that hangs in Python while its heartbeats
continue, and notices a killed process only after the heartbeat timeout (measured in docs/tpu.md). Until then, or for
ever, the other hosts wait in a collective. So the hosts keep the connections of `rendezvous`, in a star around host 0:

    a process dies                   its connection closes, whatever killed it: all others exit at once
    an error ends a process          it sends text and exit code first: all others exit with them
    a host falls behind the others   hosts report their progress; after `Timeouts.progress` the run ends

This runs in a thread, because the main thread may be blocked in a collective, which nothing can interrupt. For the same
reason it is this thread that ends the process.
"""

import contextlib
import faulthandler
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seqgpt_jax.training.multihost.rendezvous import Channel

SHUTDOWN_GRACE_SECONDS = 10.0
"""Seconds that a failing process gives the others to hear of its failure."""

_REMINDER_SECONDS = 60.0  # between two log lines that name the host the run waits for
_MAX_LINES, _MAX_CHARACTERS = 20, 100  # of a list of differences


@dataclass(frozen=True)
class Timeouts:
    """How long hosts wait for each other, in seconds.

    Attributes:
      join: for all hosts to start.
      shared_dir: for a shared disk to show a file that another host has written.
      report: between two progress reports of a host.
      heartbeat: without a heartbeat, after which JAX's coordination service aborts all processes.
      progress: for a host that is behind the others; most often it is waiting for its data.
      startup: the same until the first step is done; preparation, reading weights and compilation may be uneven.
    """

    join: float = 300.0
    shared_dir: float = 60.0
    report: float = 5.0
    heartbeat: float = 60.0
    progress: float = 600.0
    startup: float = 7200.0


@dataclass(frozen=True)
class Progress:
    """How far a host has come.

    Attributes:
      count: progress points passed; all hosts pass the same points in the same order.
      activity: what the host is doing since, for messages.
      timeout: seconds that the others wait for it here.
    """

    count: int
    activity: str
    timeout: float


@dataclass(frozen=True)
class _Failure:
    """Why the run ends: text, exit code of all hosts, and the hosts that hang, which print their stacks."""

    failed: str
    code: int
    hosts: Sequence[int]


class Watchdog:
    """Ends this process when another host fails or stalls; its thread starts with `start`.

    Args:
      index: of this host.
      names: host names, by host.
      channels: from `rendezvous.rendezvous`.
      timeouts: how long hosts wait for each other.

    Attributes:
      progress: of this host; set by the main thread.
      comparisons: results of comparing facts, in order: "" where all hosts have the same ones, else the differences.
      exiting: set by the main thread when it ends this process with an error of its own.
      failure_sent: set once the other hosts know of a failure.
    """

    def __init__(self, index: int, names: Sequence[str], channels: Mapping[int, Channel], timeouts: Timeouts) -> None:
        self.progress = Progress(0, "starting", timeouts.startup)
        self.comparisons: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.exiting, self.failure_sent = threading.Event(), threading.Event()
        self._index, self._names, self._channels, self._timeouts = index, names, channels, timeouts
        self._inbox: queue.SimpleQueue[tuple[int, dict[str, Any] | None]] = queue.SimpleQueue()
        self._progress_of = dict.fromkeys(range(len(names)), self.progress)
        self._facts: dict[int, dict[str, str]] = {}
        self._disconnected: set[int] = set()
        self._done = False
        self._failure: _Failure | None = None
        self._lowest_count = 0
        self._failed_at = self._last_report = self._even_at = self._reminded_at = time.monotonic()

    def start(self) -> None:
        """Starts watching; ends when all hosts have sent facts with `last`."""
        for host, channel in self._channels.items():
            threading.Thread(target=self._receive_all, args=(host, channel), daemon=True).start()
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def send(self, **message: Any) -> None:
        """Sends a message to host 0, which may be this one.

        Args:
          message: `facts`, which all hosts send and `comparisons` compares, and `last`, whether hosts may exit after
            that; or the fields of a failure.
        """
        if self._index == 0:
            self._inbox.put((0, message))
        else:
            self._channels[0].send(**message)

    def describe(self, *hosts: int) -> str:
        """Hosts as messages name them: "host 1 (name)"."""
        plural = "s" if hosts[1:] else ""
        return f"host{plural} " + ", ".join(f"{host} ({self._names[host]})" for host in hosts)

    def _receive_all(self, host: int, channel: Channel) -> None:
        message: dict[str, Any] | None = {}
        while message is not None:
            message = channel.receive()
            self._inbox.put((host, message))

    def _run(self) -> None:
        try:
            while not self._done:
                wait = self._last_report + self._timeouts.report - time.monotonic()
                try:
                    self._handle(*self._inbox.get(timeout=max(0.0, wait)))
                except queue.Empty:  # so every message is handled before a host is called late
                    self._tick(time.monotonic())
        except Exception:  # Without this thread the run could hang.
            traceback.print_exc()
            hard_exit(1)

    def _handle(self, host: int, message: dict[str, Any] | None) -> None:
        if message is None:
            self._disconnected.add(host)
            self._fail(
                f"{self.describe(host)} disconnected without an error: killed (out of memory?), crashed, or preempted "
                "with its machine. See the end of its output"
            )
        elif "count" in message:
            self._progress_of[host] = Progress(**message)
        elif "facts" in message:
            self._collect(host, **message)
        elif "comparison" in message:
            self._deliver(**message)
        elif "failed" in message:
            self._fail(**message)

    def _tick(self, now: float) -> None:
        self._last_report = now
        for channel in self._channels.values():
            channel.send(**asdict(self.progress))
        if self._failure is not None:
            self._exit_when_others_know(now)
        elif self._index == 0:
            self._check_progress(now)

    def _check_progress(self, now: float) -> None:
        self._progress_of[0] = self.progress
        lowest = min(progress.count for progress in self._progress_of.values())
        late = [host for host, progress in self._progress_of.items() if progress.count == lowest]
        if lowest != self._lowest_count or len(late) == len(self._progress_of):
            self._lowest_count, self._even_at, self._reminded_at = lowest, now, now
            return
        progress, waited = self._progress_of[late[0]], now - self._even_at
        if waited > progress.timeout:
            self._fail(f"{self.describe(*late)} made no progress for {waited:.0f} s: {progress.activity}", hosts=late)
        elif now - self._reminded_at > _REMINDER_SECONDS:
            self._reminded_at = now
            text = f"waiting for {self.describe(*late)} for {waited:.0f} s: {progress.activity}"
            print(text, file=sys.stderr, flush=True)

    def _collect(self, host: int, facts: dict[str, str], last: bool) -> None:
        self._facts[host] = facts
        if len(self._facts) == len(self._names):
            comparison, self._facts = self._differences(self._facts), {}
            for channel in self._channels.values():
                channel.send(comparison=comparison, last=last)
            self._deliver(comparison, last)

    def _deliver(self, comparison: str, last: bool) -> None:
        self._done = last  # from here on a closed connection is no failure
        self.comparisons.put(comparison)

    def _differences(self, facts: Mapping[int, Mapping[str, str]]) -> str:
        lines = []
        for name in sorted({name for host_facts in facts.values() for name in host_facts}):
            hosts_by_value: dict[str, list[int]] = {}
            for host in sorted(facts):
                hosts_by_value.setdefault(facts[host].get(name, "unknown"), []).append(host)
            if len(hosts_by_value) > 1:
                values = (f"{value[:_MAX_CHARACTERS]} on {self.describe(*on)}" for value, on in hosts_by_value.items())
                lines.append(f"  {name}: {'; '.join(values)}")
        if not lines:
            return ""
        more = [f"  … and {len(lines) - _MAX_LINES} more"] if lines[_MAX_LINES:] else []
        advice = "Use the same code, the same data and the same command on all of them, then start them again"
        return "\n".join(["the hosts of this run differ:", *lines[:_MAX_LINES], *more, advice])

    def _fail(self, failed: str, code: int = 1, hosts: Sequence[int] = ()) -> None:
        """Ends the run; failures after the first one are its consequences and are ignored."""
        now = time.monotonic()
        if self._failure is None:
            self._failure, self._failed_at = _Failure(failed, code, hosts), now
            if self._index == 0:
                for channel in self._channels.values():
                    channel.send(**asdict(self._failure))
        self._exit_when_others_know(now)

    def _exit_when_others_know(self, now: float) -> None:
        # All others hear of it from host 0, which therefore exits last.
        others_connected = self._disconnected != self._channels.keys()
        if self._index == 0 and others_connected and now - self._failed_at < SHUTDOWN_GRACE_SECONDS:
            return
        self.failure_sent.set()
        if self.exiting.is_set():
            return
        fix = "Fix that first, then run" if self._failure.code == 2 else "Run"
        text = (
            f"{self.describe(self._index)}: exiting because {self._failure.failed}. {fix} the same command on all "
            "hosts: it resumes from the newest checkpoint.\n"
        )
        os.write(sys.stderr.fileno(), text.encode())
        if self._index in self._failure.hosts:
            faulthandler.dump_traceback(all_threads=True)  # where this host hangs
        hard_exit(self._failure.code)


def hard_exit(code: int) -> None:
    """Ends this process at once, without exit handlers, which could wait for other threads and hosts."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
