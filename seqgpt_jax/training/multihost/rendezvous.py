"""How the processes of a run find each other before JAX does.

JAX's own start waits for all processes too, but when one does not come it aborts without saying which. Here every
process tells the first one its number and the name of its machine, so that whoever is missing can be named. They meet
at JAX's own address, while JAX does not use it yet: no other port must be open. The connections stay, for `watchdog`.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

_REMIND = 30.0  # seconds between two lines that say who is still missing
_GREETING = 5.0  # seconds that a connection may take to say who it is
_LONGEST_LINE = 1 << 20


class RendezvousError(SystemExit):
    """The hosts of a run cannot go on together; unless it is caught, the process ends with its text and exit code 1."""


class Channel:
    """Messages to and from one other process: JSON objects, one a line."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._lines = connection, connection.makefile("rb")
        self._sending = threading.Lock()

    def send(self, **message: Any) -> None:
        """Sends, if the other end is still there; `receive` tells when it is not."""
        with self._sending, contextlib.suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other end is gone, or not one of ours, or silent past the time-out."""
        try:
            message = json.loads(self._lines.readline(_LONGEST_LINE))
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def wait_at_most(self, seconds: float | None) -> None:
        """The time-out of `receive`; None: none."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def meet(
    address: str, count: int, index: int, *, seconds: float, say: Callable[[str], None]
) -> tuple[list[str], dict[int, Channel]]:
    """Waits for all processes of a run.

    Args:
      address: "host:port", where process 0 waits for the others.
      count: processes.
      index: which of them this one is.
      seconds: how long to wait.
      say: tells on process 0 who is still missing.

    Returns:
      Names of the machines by process, and the channels: on process 0 one to each other, elsewhere one to process 0.

    Raises:
      RendezvousError: not all have come; the text names those that are missing.
    """
    host, _, port = address.rpartition(":")
    here = socket.gethostname()
    if index == 0:
        return _gather(int(port), count, here, seconds, say)
    return _arrive((host.strip("[]"), int(port)), count, index, here, seconds)


def _gather(
    port: int, count: int, here: str, seconds: float, say: Callable[[str], None]
) -> tuple[list[str], dict[int, Channel]]:
    until = time.monotonic() + seconds
    names, channels = {0: here}, {}
    with _listen(port, until, here) as server:
        while missing := sorted(set(range(count)) - names.keys()):
            if time.monotonic() > until:
                text = (
                    f"after {seconds:.0f} s {_numbers(missing)} of {count} {'are' if missing[1:] else 'is'} missing; "
                    f"here are {_named(names)}. See on the missing ones whether training was started, and what it said "
                    "there; then start the same command on all hosts again"
                )
                for channel in channels.values():
                    channel.send(refused=text)
                raise RendezvousError(f"host 0 ({here}): {text}")
            server.settimeout(max(0.1, min(_REMIND, until - time.monotonic())))
            try:
                connection, _ = server.accept()
            except TimeoutError:
                say(f"waits for {_numbers(missing)} of {count}; here are {_named(names)}")
                continue
            if (greeted := _greet(connection, count, here)) is not None:
                number, name, channel = greeted
                if number in channels:  # that process was started again, or twice
                    channels[number].send(refused=f"another process has come as host {number}, on {name}")
                    channels[number].close()
                names[number], channels[number] = name, channel
    everyone = [names[number] for number in range(count)]
    for channel in channels.values():
        channel.send(names=everyone)
    return everyone, channels


def _greet(connection: socket.socket, count: int, here: str) -> tuple[int, str, Channel] | None:
    """Which process has come, from where; None for something that is not part of this run."""
    channel = Channel(connection)
    channel.wait_at_most(_GREETING)
    greeting = channel.receive() or {}
    number = greeting.get("index")
    if isinstance(number, int) and 0 < number < count and greeting.get("count") == count:
        channel.wait_at_most(None)
        return number, str(greeting.get("name")), channel
    channel.send(refused=f"host 0 ({here}) is one of {count} hosts and cannot do with this one: {greeting}")
    channel.close()
    return None


def _arrive(
    address: tuple[str, int], count: int, index: int, here: str, seconds: float
) -> tuple[list[str], dict[int, Channel]]:
    until, fault = time.monotonic() + seconds, "it does not answer"
    while time.monotonic() < until:
        try:
            connection = socket.create_connection(address, timeout=10)
        except OSError as error:  # not started yet, or its name is not known yet
            fault = str(error)
        else:
            channel = Channel(connection)
            # Host 0 began to wait before this and says how it ends; the margin is for the way there.
            channel.wait_at_most(seconds + 10)
            channel.send(index=index, count=count, name=here)
            answer = channel.receive() or {}
            if "refused" in answer:
                raise RendezvousError(f"host {index} ({here}): {answer['refused']}")
            if "names" in answer:
                channel.wait_at_most(None)
                return answer["names"], {0: channel}
            fault = "something else answers there: an earlier run that has not ended?"
            channel.close()
        time.sleep(0.5)
    raise RendezvousError(
        f"host {index} ({here}): after {seconds:.0f} s host 0 of {count} is not to be reached at "
        f"{address[0]}:{address[1]} ({fault}). See there whether training was started, what it said, and whether the "
        "port is open; then start the same command on all hosts again"
    )


def _listen(port: int, until: float, here: str) -> socket.socket:
    """The listening socket; an earlier run may still hold the port for a moment."""
    everywhere = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere else socket.AF_INET
    while True:
        try:
            return socket.create_server(("", port), family=family, backlog=1024, dualstack_ipv6=everywhere)
        except OSError as error:
            if time.monotonic() > until:
                raise RendezvousError(
                    f"host 0 ({here}): cannot listen on port {port}, where the hosts meet: {error}"
                ) from None
        time.sleep(0.5)


def _numbers(hosts: list[int]) -> str:
    return f"host{'s' if len(hosts) > 1 else ''} {', '.join(map(str, hosts))}"


def _named(names: dict[int, str]) -> str:
    return ", ".join(f"{number} ({name})" for number, name in sorted(names.items()))
