"""The hosts of a run end together: what stops one of them stops all, and all say which one it was.

Left to JAX, a host that has failed leaves the others waiting in a collective for minutes, or for ever, until an abort
says that some task has died. Here the hosts keep the connections of `rendezvous`, in a star around host 0:

    the end of a process closes its connection          the others know at once, whatever has ended it
    every host gives a sign of life every few seconds   lost machines and networks are known after `Timeouts.silence`
    the sign says how far the host has come             one that holds up the others is known after `Timeouts.behind`
    an error is told before the process ends            all end with its text and exit code

A thread watches, because the main thread of a host may wait for another one in a collective, and nothing can interrupt
that. For the same reason it is this thread that ends the process.
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
"""Seconds for telling the others before a process ends."""

_REMIND = 60.0  # seconds between two lines that say for whom the run waits
_MOST_LINES, _MOST_CHARACTERS = 20, 100  # of a list of differences


@dataclass(frozen=True)
class Timeouts:
    """For how many seconds hosts wait for each other.

    Attributes:
      join: until all have come.
      shared: until a shared disk shows what another host has written.
      beat: from one sign of life to the next.
      silence: without a sign of life, until a host is given up.
      behind: for a host that has not come as far as the others; most often it waits for its data.
      ready: the same until the first step is done; preparing, reading weights and compiling may be uneven.
    """

    join: float = 300.0
    shared: float = 60.0
    beat: float = 5.0
    silence: float = 60.0
    behind: float = 600.0
    ready: float = 7200.0


@dataclass(frozen=True)
class Place:
    """How far a host has come.

    Attributes:
      number: all hosts count the same places in the same order.
      doing: what it does there, as "host 1 …".
      patience: seconds that the others wait for it there.
    """

    number: int
    doing: str
    patience: float


@dataclass(frozen=True)
class _Failure:
    """Why the run ends: in words, the exit code of all hosts, and the hosts that do not know it of themselves."""

    failed: str
    code: int
    hosts: Sequence[int]


class Watchdog:
    """Keeps this host and the others together; its thread starts with `start`.

    Args:
      index: this host.
      names: of the machines, by host.
      channels: as `rendezvous.meet` gives them.

    Attributes:
      place: where this host is; set by the main thread.
      answers: to the facts that this host has told, "" where all hosts have the same ones.
      own_end: set by the main thread when it ends this process with an error of its own.
      told: set once the others know of an error.
    """

    def __init__(self, index: int, names: Sequence[str], channels: Mapping[int, Channel], limits: Timeouts) -> None:
        self.place = Place(0, "gets ready", limits.ready)
        self.answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.own_end, self.told = threading.Event(), threading.Event()
        self._index, self._names, self._channels, self._limits = index, names, channels, limits
        self._inbox: queue.SimpleQueue[tuple[int, dict[str, Any] | None]] = queue.SimpleQueue()
        self._heard = dict.fromkeys(channels, time.monotonic())
        self._places = dict.fromkeys(range(len(names)), self.place)
        self._facts: dict[int, dict[str, str]] = {}
        self._gone: set[int] = set()
        self._over = False
        self._failure: _Failure | None = None
        self._lowest = 0
        self._failed_at = self._last_beat = self._even_at = self._reminded_at = time.monotonic()

    def start(self) -> None:
        """From here on this process ends when another one has; until all have asked with `last`."""
        for host, channel in self._channels.items():
            threading.Thread(target=self._read, args=(host, channel), daemon=True).start()
        threading.Thread(target=self._run, name="hosts", daemon=True).start()

    def tell(self, **message: Any) -> None:
        """Tells host 0, which may be this one.

        Args:
          message: `facts`, which all hosts tell and `answers` compares, and `last`, whether hosts may go after that; or
            the fields of a failure.
        """
        if self._index == 0:
            self._inbox.put((0, message))
        else:
            self._channels[0].send(**message)

    def name(self, *hosts: int) -> str:
        """As messages call them."""
        many = "s" if hosts[1:] else ""
        return f"host{many} " + ", ".join(f"{host} ({self._names[host]})" for host in hosts)

    def _read(self, host: int, channel: Channel) -> None:
        message: dict[str, Any] | None = {}
        while message is not None:
            message = channel.receive()
            self._inbox.put((host, message))

    def _run(self) -> None:
        try:
            while not self._over:
                wait = self._last_beat + self._limits.beat - time.monotonic()
                try:
                    self._take(*self._inbox.get(timeout=max(0.0, wait)))
                except queue.Empty:  # So all that has come is taken before a host is judged.
                    self._beat(time.monotonic())
        except Exception:  # Without this thread the run could hang.
            traceback.print_exc()
            end(1)

    def _take(self, host: int, message: dict[str, Any] | None) -> None:
        if message is None:
            self._gone.add(host)
            self._fail(
                f"{self.name(host)} is gone without a word: killed (for want of memory?), crashed, or taken away with "
                "its machine. See the end of its output",
                hosts=[host],
            )
            return
        if host != self._index:
            self._heard[host] = time.monotonic()
        if "number" in message:
            self._places[host] = Place(**message)
        elif "facts" in message:
            self._collect(host, **message)
        elif "answer" in message:
            self._answer(**message)
        elif "failed" in message:
            self._fail(**message)

    def _beat(self, now: float) -> None:
        held_up = now - self._last_beat > self._limits.silence / 2
        self._last_beat = now
        for channel in self._channels.values():
            channel.send(**asdict(self.place))
        if held_up:  # This host itself has slept, which says nothing about the others.
            self._heard = dict.fromkeys(self._heard, now)
        silent = [host for host, heard in self._heard.items() if now - heard > self._limits.silence]
        if self._failure is not None:
            self._conclude(now)
        elif silent:
            self._gone.update(silent)
            self._fail(
                f"nothing was heard of {self.name(*silent)} for {self._limits.silence:.0f} s: its machine or network "
                "is down, or it was stopped",
                hosts=silent,
            )
        elif self._index == 0:
            self._look_for_late(now)

    def _look_for_late(self, now: float) -> None:
        self._places[0] = self.place
        lowest = min(place.number for place in self._places.values())
        late = [host for host, place in self._places.items() if place.number == lowest]
        if lowest != self._lowest or len(late) == len(self._places):
            self._lowest, self._even_at, self._reminded_at = lowest, now, now
            return
        place, waited = self._places[late[0]], now - self._even_at
        if waited > place.patience:
            self._fail(f"{self.name(*late)} held up the others for {waited:.0f} s: it {place.doing}", hosts=late)
        elif now - self._reminded_at > _REMIND:
            self._reminded_at = now
            print(f"{waited:.0f} s of waiting for {self.name(*late)}: it {place.doing}", file=sys.stderr, flush=True)

    def _collect(self, host: int, facts: dict[str, str], last: bool) -> None:
        self._facts[host] = facts
        if len(self._facts) == len(self._names):
            answer, self._facts = self._differences(self._facts), {}
            for channel in self._channels.values():
                channel.send(answer=answer, last=last)
            self._answer(answer, last)

    def _answer(self, answer: str, last: bool) -> None:
        self._over = last  # From here on hosts may go.
        self.answers.put(answer)

    def _differences(self, facts: Mapping[int, Mapping[str, str]]) -> str:
        lines = []
        for name in sorted({name for told in facts.values() for name in told}):
            hosts: dict[str, list[int]] = {}
            for host in sorted(facts):
                hosts.setdefault(facts[host].get(name, "unknown"), []).append(host)
            if len(hosts) > 1:
                shown = (f"{value[:_MOST_CHARACTERS]} on {self.name(*on)}" for value, on in hosts.items())
                lines.append(f"  {name}: {'; '.join(shown)}")
        if not lines:
            return ""
        more = [f"  … and {len(lines) - _MOST_LINES} more"] if lines[_MOST_LINES:] else []
        advice = "Give all of them the same code, the same data and the same command, and start them again"
        return "\n".join(["the hosts of this run differ:", *lines[:_MOST_LINES], *more, advice])

    def _fail(self, failed: str, code: int = 1, hosts: Sequence[int] = ()) -> None:
        """The run ends; what follows the first failure is its echo."""
        now = time.monotonic()
        if self._failure is None:
            self._failure, self._failed_at = _Failure(failed, code, hosts), now
            if self._index == 0:
                for channel in self._channels.values():
                    channel.send(**asdict(self._failure))
        self._conclude(now)

    def _conclude(self, now: float) -> None:
        # All others hear it from host 0, which therefore goes last.
        if self._index == 0 and self._gone != self._channels.keys() and now - self._failed_at < SHUTDOWN_GRACE_SECONDS:
            return
        self.told.set()
        if self.own_end.is_set():
            return
        first = "Mend that first, then start" if self._failure.code == 2 else "Start"
        text = (
            f"{self.name(self._index)} ends because {self._failure.failed}. {first} the same command on all hosts "
            "again: it goes on from the newest checkpoint.\n"
        )
        os.write(sys.stderr.fileno(), text.encode())
        if self._index in self._failure.hosts:
            faulthandler.dump_traceback(all_threads=True)  # It does not know itself what holds it up.
        end(self._failure.code)


def end(code: int) -> None:
    """Ends this process, whatever its other threads wait for; nothing that would wait for other hosts is run."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
