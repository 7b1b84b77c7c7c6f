"""The hosts of a run: how one joins the others, what they must have in common, and that they go in step."""

import atexit
import dataclasses
import hashlib
import importlib.metadata
import itertools
import os
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import jax
from etils import epath
from jax._src.clusters import ClusterEnv  # what `jax.distributed.initialize` uses; there is no public name for it

from seqgpt_jax.io.file_hash import files_hash
from seqgpt_jax.io.storage import is_bucket
from seqgpt_jax.training.multihost.rendezvous import Channel, RendezvousError, meet
from seqgpt_jax.training.multihost.watchdog import SHUTDOWN_GRACE_SECONDS, Place, Timeouts, Watchdog, end

T = TypeVar("T")

_FAILURE_PROPAGATION_SECONDS = 2.0  # seconds in which the end of another host becomes known
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "grain")
_VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS")


def plain(error: BaseException) -> tuple[str, int]:
    """The text and the exit code of an error that nobody explains better."""
    return f"{type(error).__name__}: {error}", 130 if isinstance(error, KeyboardInterrupt) else 1


class Hosts:
    """The hosts of a run, as one of them sees them. As a context: an error inside ends the run on all of them.

    `join` makes one. Where there is just one host, nothing is checked and nothing waited for.

    Args:
      index: this host.
      names: of the machines, by host.
      channels: as `rendezvous.meet` gives them.
      limits: how long hosts wait for each other.
      explain: text and exit code of an error that ends this process.
    """

    def __init__(
        self,
        index: int = 0,
        names: list[str] | None = None,
        channels: Mapping[int, Channel] | None = None,
        *,
        limits: Timeouts | None = None,
        explain: Callable[[BaseException], tuple[str, int]] = plain,
    ) -> None:
        self.index, self._limits, self._explain = index, limits or Timeouts(), explain
        self._watch = Watchdog(index, names or [""], channels, self._limits) if channels else None
        if self._watch:
            self._watch.start()

    @property
    def many(self) -> bool:
        """Whether there are others."""
        return self._watch is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if self._watch is None:
            return
        if error is None:
            self._ask({}, "waits for the others to end", last=True)
            return
        # It may be the echo of another host's end, in a collective: then the watch learns that, and ends this process.
        time.sleep(_FAILURE_PROPAGATION_SECONDS)
        self._watch.own_end.set()
        text, code = self._explain(error)
        self._watch.tell(failed=f"{self._watch.name(self.index)} has failed: {text.rstrip('.')}", code=code, hosts=[])
        self._watch.told.wait(2 * SHUTDOWN_GRACE_SECONDS)
        # At their exit JAX, and threads that save, would wait for the others, who have ended.
        atexit.register(end, code)
        backstop = threading.Timer(SHUTDOWN_GRACE_SECONDS, end, [code])
        backstop.daemon = True
        backstop.start()

    def at(self, doing: str, patience: float | None = None) -> None:
        """Tells that this host has come one place further; all hosts call this equally often.

        Args:
          doing: what it does there, as "host 1 …".
          patience: seconds that the others wait for it there, `Timeouts.behind` by default.
        """
        if self._watch:
            self._watch.place = Place(self._watch.place.number + 1, doing, patience or self._limits.behind)

    def assert_equal(self, facts: Mapping[str, object]) -> None:
        """Waits until all hosts are here, and compares what they bring.

        Raises:
          ValueError: on all hosts, where a fact is not the same everywhere; the text names facts and hosts.
        """
        if difference := self._ask({name: str(fact) for name, fact in facts.items()}, "compares its settings"):
            raise ValueError(difference)

    def assert_shared_folder(self, folder: epath.Path) -> None:
        """Makes `folder` where it does not exist, and sees to it that it is the same one for all hosts.

        Raises:
          ValueError: on all hosts; the text names those that have another one.
        """
        if self._watch is None:
            return
        if is_bucket(folder):
            self.assert_equal({"run folder": folder})
            return
        mark = folder / ".host-0-was-here"
        if self.index == 0:
            folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
        self.assert_equal({})
        until = time.monotonic() + self._limits.shared
        while not (seen := mark.exists()) and time.monotonic() < until:
            time.sleep(1.0)
        try:
            which = "where host 0 writes" if seen else f"another one ({folder})"
            self.assert_equal({"run folder (a disk that all hosts share, or a bucket)": which})
        finally:
            if self.index == 0:
                mark.unlink(missing_ok=True)

    def lockstep(self, batches: Iterator[T], start: int, steps: int) -> Iterator[tuple[int, T]]:
        """(step, counted from 1, and its batch) for the steps after `start`, up to `steps`.

        Raises:
          ValueError: the batches end earlier.
        """
        step, numbered = start, self._each(batches, "the batch of step", "is at step", start + 1)
        for step, batch in zip(range(start + 1, steps + 1), numbered, strict=False):
            yield step, batch
        if step < steps:
            raise ValueError(f"the data end before step {step + 1:,} of {steps:,}")

    def each(self, batches: Iterable[T], what: str) -> Iterator[T]:
        """The batches, of which all hosts have equally many; `what` is what they are called, as "validation batch"."""
        return self._each(iter(batches), what, f"computes {what}", 1)

    def _each(self, batches: Iterator[T], what: str, then: str, first: int) -> Iterator[T]:
        for number in itertools.count(first):
            # The first one compiles: on one host from a cache, on another one not.
            patience = self._limits.ready if number == first else None
            self.at(f"reads {what} {number:,}", patience)
            try:
                batch = next(batches)
            except StopIteration:
                return
            self.at(f"{then} {number:,}", patience)
            yield batch

    def _ask(self, facts: dict[str, str], doing: str, last: bool = False) -> str:
        if self._watch is None:
            return ""
        self.at(doing, self._limits.ready)
        self._watch.tell(facts=facts, last=last)
        return self._watch.answers.get()


SINGLE_HOST = Hosts()
"""The one host of a run on one host."""


def join(
    explain: Callable[[BaseException], tuple[str, int]] = plain,
    *,
    cluster: tuple[str, int, int] | None = None,
    limits: Timeouts | None = None,
) -> Hosts:
    """Joins the other hosts of the run, first of all: before JAX knows its devices.

    Args:
      explain: text and exit code of an error that ends this process; the other hosts say and use them too.
      cluster: address of host 0 with a port, number of processes, number of this one; by default what JAX finds out
        on TPU slices and in Slurm and Open MPI jobs.

    Raises:
      ValueError: JAX does not know the cluster.
      RendezvousError: not all hosts have come.
    """
    limits = limits or Timeouts()
    address, count, index, devices = (*cluster, None) if cluster else _detect(limits.join)
    hosts = SINGLE_HOST
    if count > 1:
        names, channels = meet(address, count, index, seconds=limits.join, say=lambda text: print(text, flush=True))
        hosts = Hosts(index, names, channels, limits=limits, explain=explain)
    jax.distributed.initialize(address, count, index, local_device_ids=devices)
    return hosts


def _detect(seconds: float) -> tuple[Any, ...]:
    try:
        found = ClusterEnv.auto_detect_unset_distributed_params(
            os.environ.get("JAX_COORDINATOR_ADDRESS"), None, None, None, None, int(seconds)
        )
    except RuntimeError as error:
        raise RendezvousError(f"--multihost: JAX does not find the other hosts: {error}") from error
    if None in found[:3]:
        raise ValueError(
            "--multihost: as far as JAX can see, this is no host of a TPU slice, of a Slurm or of an Open MPI job. For "
            "training on this machine alone leave --multihost out"
        )
    return found


def environment() -> dict[str, str]:
    """What the programs of all hosts depend on, besides the settings: code, versions, flags and devices."""
    code = sorted(Path(__file__).parents[2].rglob("*.py"))
    devices = jax.local_devices()
    return {
        "code of seqgpt_jax": files_hash(code),
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        **{name: os.environ.get(name, "") for name in _VARIABLES},
        "devices": f"{len(devices)} x {devices[0].device_kind}, {devices[0].client.platform_version}",
    }


def settings(**configs: Any) -> dict[str, object]:
    """Every field of some dataclasses: `settings(Mesh=MeshConfig())["Mesh.data"]` is 1."""
    return {
        f"{name}.{field.name}": getattr(config, field.name)
        for name, config in configs.items()
        for field in dataclasses.fields(config)
    }


def batch_checksum(example_ids: Iterable[str]) -> str:
    """Which examples a batch holds, in which order, in 16 letters: hosts that plan differently would train nonsense."""
    return hashlib.blake2b("\n".join(example_ids).encode(), digest_size=8).hexdigest()
