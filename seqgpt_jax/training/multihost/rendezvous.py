"""Rendezvous of the processes of a run before JAX is initialized, naming whoever is missing.

`jax.distributed.initialize` waits for all processes too, but when one does not come it aborts with DEADLINE_EXCEEDED
and names neither process nor machine. Here every process sends its index and host name to process 0. They meet at JAX's
own coordinator address while JAX does not use it yet, so no other port must be open. The connections stay open for
`watchdog`.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

_REMINDER_SECONDS = 30.0  # between two log lines that name the missing hosts
_GREETING_TIMEOUT = 5.0  # seconds a new connection may take to identify itself
_MAX_LINE_BYTES = 1 << 20


class RendezvousError(SystemExit):
    """The hosts of a run did not find each other; uncaught, the process prints the text and exits with code 1."""


class Channel:
    """Connection to another process that carries JSON objects, one a line."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._lines = connection, connection.makefile("rb")
        self._send_lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Sends a message; a closed connection is ignored here and reported by `receive`."""
        with self._send_lock, contextlib.suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the connection is closed, timed out, or not speaking this protocol."""
        try:
            message = json.loads(self._lines.readline(_MAX_LINE_BYTES))
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def set_timeout(self, seconds: float | None) -> None:
        """Timeout of `receive`; None: no timeout."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        """Closes the connection in both directions."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def rendezvous(
    address: str, count: int, index: int, *, timeout: float, log: Callable[[str], None]
) -> tuple[list[str], dict[int, Channel]]:
    """Waits for all processes of a run.

    Args:
      address: "host:port", on which process 0 listens.
      count: number of processes.
      index: of this process.
      timeout: in seconds.
      log: called on process 0 with lines that name the missing hosts.

    Returns:
      Host names by process, and channels: on process 0 one to every other process, elsewhere one to process 0.

    Raises:
      RendezvousError: not all processes came in time; the text names the missing ones.
    """
    host, _, port = address.rpartition(":")
    host_name = socket.gethostname()
    if index == 0:
        return _accept_all(int(port), count, host_name, timeout, log)
    return _connect((host.strip("[]"), int(port)), count, index, host_name, timeout)


def _accept_all(
    port: int, count: int, host_name: str, timeout: float, log: Callable[[str], None]
) -> tuple[list[str], dict[int, Channel]]:
    deadline = time.monotonic() + timeout
    names, channels = {0: host_name}, {}
    with _listen(port, deadline, host_name) as server:
        while missing := sorted(set(range(count)) - names.keys()):
            if time.monotonic() > deadline:
                text = (
                    f"after {timeout:.0f} s {_hosts(missing)} of {count} {'are' if missing[1:] else 'is'} missing; "
                    f"connected: {_names(names)}. Check on the missing hosts whether training was started and what it "
                    "printed, then run the same command on all hosts"
                )
                for channel in channels.values():
                    channel.send(refused=text)
                raise RendezvousError(f"host 0 ({host_name}): {text}")
            server.settimeout(max(0.1, min(_REMINDER_SECONDS, deadline - time.monotonic())))
            try:
                connection, _ = server.accept()
            except TimeoutError:
                log(f"waiting for {_hosts(missing)} of {count}; connected: {_names(names)}")
                continue
            if (member := _identify(connection, count, host_name)) is not None:
                number, name, channel = member
                if number in channels:  # that process was restarted, or started twice
                    channels[number].send(refused=f"another process has connected as host {number}, on {name}")
                    channels[number].close()
                names[number], channels[number] = name, channel
    all_names = [names[number] for number in range(count)]
    for channel in channels.values():
        channel.send(names=all_names)
    return all_names, channels


def _identify(connection: socket.socket, count: int, host_name: str) -> tuple[int, str, Channel] | None:
    """(index, host name, channel) of a process of this run; None for any other connection."""
    channel = Channel(connection)
    channel.set_timeout(_GREETING_TIMEOUT)
    greeting = channel.receive() or {}
    number = greeting.get("index")
    if isinstance(number, int) and 0 < number < count and greeting.get("count") == count:
        channel.set_timeout(None)
        return number, str(greeting.get("name")), channel
    channel.send(refused=f"host 0 ({host_name}) is one of {count} hosts and does not accept this one: {greeting}")
    channel.close()
    return None


def _connect(
    address: tuple[str, int], count: int, index: int, host_name: str, timeout: float
) -> tuple[list[str], dict[int, Channel]]:
    deadline, reason = time.monotonic() + timeout, "no answer"
    while time.monotonic() < deadline:
        try:
            connection = socket.create_connection(address, timeout=10)
        except OSError as error:  # not started yet, or its name does not resolve yet
            reason = str(error)
        else:
            channel = Channel(connection)
            # Host 0 has been waiting for at most as long and reports how it ends; the margin is for the network.
            channel.set_timeout(timeout + 10)
            channel.send(index=index, count=count, name=host_name)
            reply = channel.receive() or {}
            if "refused" in reply:
                raise RendezvousError(f"host {index} ({host_name}): {reply['refused']}")
            if "names" in reply:
                channel.set_timeout(None)
                return reply["names"], {0: channel}
            reason = "another program answers there: an earlier run that is still running?"
            channel.close()
        time.sleep(0.5)
    raise RendezvousError(
        f"host {index} ({host_name}): after {timeout:.0f} s host 0 of {count} cannot be reached at "
        f"{address[0]}:{address[1]} ({reason}). Check there whether training was started, what it printed, and whether "
        "the port is open, then run the same command on all hosts"
    )


def _listen(port: int, deadline: float, host_name: str) -> socket.socket:
    """The listening socket; retries, because an earlier run may hold the port for a moment."""
    dual_stack = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual_stack else socket.AF_INET
    while True:
        try:
            return socket.create_server(("", port), family=family, backlog=1024, dualstack_ipv6=dual_stack)
        except OSError as error:
            if time.monotonic() > deadline:
                raise RendezvousError(
                    f"host 0 ({host_name}): cannot listen on port {port} for the rendezvous: {error}"
                ) from None
        time.sleep(0.5)


def _hosts(numbers: list[int]) -> str:
    return f"host{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _names(names: dict[int, str]) -> str:
    return ", ".join(f"{number} ({name})" for number, name in sorted(names.items()))
