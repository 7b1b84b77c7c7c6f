"""Preemption: SIGTERM and Ctrl-C as a request to save and stop."""

import contextlib
import itertools
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.experimental import multihost_utils

EXIT_STOPPED = 75
"""Exit status for a run that was told to stop and has saved: EX_TEMPFAIL, run the same command again."""


@contextlib.contextmanager
def stop_signals() -> Iterator[Callable[[int], bool]]:
    """Inside: a function of the step that says whether the run is to save and stop.

    On one host SIGTERM (a scheduler takes the machine away) and the first Ctrl-C do that; a second Ctrl-C ends the
    process at once. On many hosts JAX's coordination service sees to it that all stop after the same step.
    """
    if jax.process_count() > 1:
        # JAX stops all hosts one call after the furthest of them, and a host that has not called yet is at 0. A run
        # that goes on at step 500 would never come to 1: it would miss a signal that came while it compiled.
        calls = itertools.count(1)
        yield lambda _: multihost_utils.reached_preemption_sync_point(next(calls))
        return
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield lambda _: False
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def tell(number: int, _: Any) -> None:
        told.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, tell)
    try:
        yield lambda _: told.is_set()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
