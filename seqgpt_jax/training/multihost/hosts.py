"""Hosts of a run: joining them, checking that they agree, and stepping in lockstep."""

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
from jax._src.clusters import ClusterEnv  # used by `jax.distributed.initialize`; it has no public name

from seqgpt_jax.io.file_hash import files_hash
from seqgpt_jax.io.storage import is_bucket
from seqgpt_jax.training.multihost.rendezvous import Channel, RendezvousError, rendezvous
from seqgpt_jax.training.multihost.watchdog import SHUTDOWN_GRACE_SECONDS, Progress, Timeouts, Watchdog, hard_exit

T = TypeVar("T")

_FAILURE_PROPAGATION_SECONDS = 2.0  # until the failure of another host is known here
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "grain")
_ENVIRONMENT_VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS")


def describe_error(error: BaseException) -> tuple[str, int]:
    """Default text and exit code of an error."""
    return f"{type(error).__name__}: {error}", 130 if isinstance(error, KeyboardInterrupt) else 1


class Hosts:
    """The hosts of a run, as seen by one of them. As a context manager: an error inside ends the run on all hosts.

    Created by `join`. With a single host (`SINGLE_HOST`) nothing is checked and nothing waits.

    Args:
      index: of this host.
      names: host names, by host.
      channels: from `rendezvous.rendezvous`.
      timeouts: how long hosts wait for each other.
      explain: text and exit code of an error that ends this process.
    """

    def __init__(
        self,
        index: int = 0,
        names: list[str] | None = None,
        channels: Mapping[int, Channel] | None = None,
        *,
        timeouts: Timeouts | None = None,
        explain: Callable[[BaseException], tuple[str, int]] = describe_error,
    ) -> None:
        self.index, self._timeouts, self._explain = index, timeouts or Timeouts(), explain
        self._watchdog = Watchdog(index, names or [""], channels, self._timeouts) if channels else None
        if self._watchdog:
            self._watchdog.start()

    @property
    def is_multihost(self) -> bool:
        """Whether there are other hosts."""
        return self._watchdog is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if self._watchdog is None:
            return
        if error is None:
            self._exchange({}, "waiting for the others to finish", last=True)
            return
        # The error may be a collective that broke because another host failed: then the watchdog hears of that failure
        # in the meantime and ends this process.
        time.sleep(_FAILURE_PROPAGATION_SECONDS)
        self._watchdog.exiting.set()
        text, code = self._explain(error)
        self._watchdog.send(
            failed=f"{self._watchdog.describe(self.index)} failed: {text.rstrip('.')}", code=code, hosts=[]
        )
        self._watchdog.failure_sent.wait(2 * SHUTDOWN_GRACE_SECONDS)
        # The exit handlers of JAX, and threads that save, would wait for the other hosts, which have exited.
        atexit.register(hard_exit, code)
        timer = threading.Timer(SHUTDOWN_GRACE_SECONDS, hard_exit, [code])
        timer.daemon = True
        timer.start()

    def report_progress(self, activity: str, timeout: float | None = None) -> None:
        """Reports that this host has passed the next progress point; all hosts call this equally often.

        Args:
          activity: what it does next, for messages.
          timeout: seconds that the others wait for it here, by default `Timeouts.progress`.
        """
        if self._watchdog:
            count = self._watchdog.progress.count + 1
            self._watchdog.progress = Progress(count, activity, timeout or self._timeouts.progress)

    def assert_equal(self, facts: Mapping[str, object]) -> None:
        """Waits for all hosts and compares their facts.

        Raises:
          ValueError: on all hosts, where a fact differs between hosts; the text names facts, values and hosts.
        """
        values = {name: str(fact) for name, fact in facts.items()}
        if differences := self._exchange(values, "comparing settings"):
            raise ValueError(differences)

    def assert_shared_folder(self, folder: epath.Path) -> None:
        """Creates `folder` where it does not exist, and checks that all hosts see the same folder.

        Raises:
          ValueError: on all hosts, where it is not shared; the text names the hosts that see another folder.
        """
        if self._watchdog is None:
            return
        if is_bucket(folder):
            self.assert_equal({"run folder": folder})
            return
        probe = folder / ".shared_dir_probe"
        if self.index == 0:
            folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
        self.assert_equal({})
        deadline = time.monotonic() + self._timeouts.shared_dir
        while not (is_shared := probe.exists()) and time.monotonic() < deadline:
            time.sleep(1.0)
        try:
            location = "that of host 0" if is_shared else f"another folder ({folder})"
            self.assert_equal({"run folder (must be on a shared disk or in a bucket)": location})
        finally:
            if self.index == 0:
                probe.unlink(missing_ok=True)

    def lockstep(self, batches: Iterator[T], start: int, steps: int) -> Iterator[tuple[int, T]]:
        """Yields (step, batch) for the steps after `start` up to `steps`, counted from 1, and reports progress.

        Raises:
          ValueError: the batches end before that.
        """
        step, numbered = start, self._each(batches, "the batch of step", "in step", start + 1)
        for step, batch in zip(range(start + 1, steps + 1), numbered, strict=False):
            yield step, batch
        if step < steps:
            raise ValueError(f"the data end before step {step + 1:,} of {steps:,}")

    def each(self, batches: Iterable[T], name: str) -> Iterator[T]:
        """Yields the batches, of which all hosts have equally many, and reports progress.

        Args:
          name: of one of them in messages, such as "validation batch".
        """
        return self._each(iter(batches), name, f"computing {name}", 1)

    def _each(self, batches: Iterator[T], name: str, computing: str, first: int) -> Iterator[T]:
        for number in itertools.count(first):
            # The first one compiles, which may be cached on one host and not on another.
            timeout = self._timeouts.startup if number == first else None
            self.report_progress(f"reading {name} {number:,}", timeout)
            try:
                batch = next(batches)
            except StopIteration:
                return
            self.report_progress(f"{computing} {number:,}", timeout)
            yield batch

    def _exchange(self, facts: dict[str, str], activity: str, last: bool = False) -> str:
        """The differences between the facts of all hosts, "" for none; `last`: hosts may exit afterwards."""
        if self._watchdog is None:
            return ""
        self.report_progress(activity, self._timeouts.startup)
        self._watchdog.send(facts=facts, last=last)
        return self._watchdog.comparisons.get()


SINGLE_HOST = Hosts()
"""`Hosts` of a run on a single host."""


def join(
    explain: Callable[[BaseException], tuple[str, int]] = describe_error,
    *,
    cluster: tuple[str, int, int] | None = None,
    timeouts: Timeouts | None = None,
) -> Hosts:
    """Joins the other hosts of the run and initializes JAX; must be called before JAX looks for devices.

    Args:
      explain: text and exit code of an error that ends this process; the other hosts print and use them too.
      cluster: coordinator address ("host:port"), number of processes, index of this one; by default detected by JAX, on
        TPU slices and in Slurm and Open MPI jobs.
      timeouts: how long hosts wait for each other.

    Raises:
      ValueError: JAX does not detect a cluster.
      RendezvousError: not all hosts came in time.
    """
    timeouts = timeouts or Timeouts()
    address, count, index, devices = (*cluster, None) if cluster else _detect_cluster(timeouts.join)
    hosts = SINGLE_HOST
    if count > 1:
        names, channels = rendezvous(
            address, count, index, timeout=timeouts.join, log=lambda text: print(text, flush=True)
        )
        hosts = Hosts(index, names, channels, timeouts=timeouts, explain=explain)
    jax.distributed.initialize(
        address, count, index, local_device_ids=devices, heartbeat_timeout_seconds=round(timeouts.heartbeat)
    )
    return hosts


def _detect_cluster(timeout: float) -> tuple[Any, ...]:
    try:
        detected = ClusterEnv.auto_detect_unset_distributed_params(
            os.environ.get("JAX_COORDINATOR_ADDRESS"), None, None, None, None, int(timeout)
        )
    except RuntimeError as error:
        raise RendezvousError(f"--multihost: JAX cannot detect the other hosts: {error}") from error
    if None in detected[:3]:
        raise ValueError(
            "--multihost: JAX detects no TPU slice, Slurm job or Open MPI job here. To train on this machine "
            "alone, leave out --multihost"
        )
    return detected


def environment() -> dict[str, str]:
    """What must be equal on all hosts besides the settings: code, package versions, compiler flags and devices."""
    code = sorted(Path(__file__).parents[2].rglob("*.py"))
    devices = jax.local_devices()
    return {
        "code of seqgpt_jax": files_hash(code),
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        **{name: os.environ.get(name, "") for name in _ENVIRONMENT_VARIABLES},
        "devices": f"{len(devices)} x {devices[0].device_kind}, {devices[0].client.platform_version}",
    }


def config_fields(**configs: Any) -> dict[str, object]:
    """All fields of dataclasses by qualified name: `config_fields(Mesh=MeshConfig())["Mesh.data"]` is 1."""
    return {
        f"{name}.{field.name}": getattr(config, field.name)
        for name, config in configs.items()
        for field in dataclasses.fields(config)
    }


def batch_checksum(example_ids: Iterable[str]) -> str:
    """Hash (16 hex digits) of the example ids of a batch, in order: hosts must not pack differently."""
    return hashlib.blake2b("\n".join(example_ids).encode(), digest_size=8).hexdigest()
