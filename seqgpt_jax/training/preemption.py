"""Preemption handling: SIGTERM and Ctrl-C save a checkpoint and stop the run."""

import contextlib
import itertools
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.experimental import multihost_utils

EXIT_STOPPED = 75
"""Exit code of a run that was preempted and has saved (EX_TEMPFAIL): the same command resumes it."""


@contextlib.contextmanager
def preemption_signals() -> Iterator[Callable[[int], bool]]:
    """Context manager: handles signals, and yields a function of the step: whether to save and stop after it.

    On one host SIGTERM (the scheduler reclaims the machine) and the first Ctrl-C request that; a second Ctrl-C ends the
    process at once. On several hosts JAX's coordination service makes all of them stop after the same step.
    """
    if jax.process_count() > 1:
        # JAX stops all hosts one call after the furthest of them, and a host that has not called yet counts as 0. So
        # the calls of this process are counted, not the steps of the run: a run that resumes at step 500 would never
        # reach 1, and would miss a signal that came while it compiled.
        calls = itertools.count(1)
        yield lambda _: multihost_utils.reached_preemption_sync_point(next(calls))
        return
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield lambda _: False
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, _: Any) -> None:
        requested.set()
        signal.signal(number, previous[number])

    for number in previous:
        signal.signal(number, handle)
    try:
        yield lambda _: requested.is_set()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
