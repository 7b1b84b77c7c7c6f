"""How a run ends before its end: it is told to stop, or too many of its steps are broken."""

import contextlib
import itertools
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.experimental import multihost_utils

from seqgpt_jax.training.step import StepMetrics

EXIT_STOPPED = 75
"""Exit status for a run that was told to stop and has saved: EX_TEMPFAIL, run the same command again."""

_SHOWN_IDS = 8


class NotFiniteError(ArithmeticError):
    """More losses or gradients were infinite or not a number than `Train.max_skipped`; nothing was saved since."""


class Skips:
    """Counts the steps of a run that changed nothing, because their loss or gradient was not finite.

    Args:
      limit: `Train.max_skipped`, in all.
      count: those of earlier processes of this run.
      example_ids: ids of the examples of the batch at a step, counted from 0.
      record: called with (step counted from 1, loss, gradient norm, ids) of every skipped step.
      say: tells the user.
    """

    def __init__(
        self,
        limit: int,
        count: int,
        *,
        example_ids: Callable[[int], list[str]],
        record: Callable[[int, float, float, list[str]], None],
        say: Callable[[str], None],
    ) -> None:
        self.count = count
        self._limit, self._example_ids, self._record, self._say = limit, example_ids, record, say

    def check(self, metrics: Sequence[StepMetrics], last_step: int, newest_saved: Callable[[], int | None]) -> None:
        """Looks at the host values of steps that end with `last_step`.

        Raises:
          NotFiniteError: it was one too many.
        """
        for step, one in enumerate(metrics, start=last_step - len(metrics) + 1):
            if not one.skipped:
                continue
            self.count += 1
            loss, grad_norm, ids = float(one.loss), float(one.grad_norm), self._example_ids(step - 1)
            self._record(step, loss, grad_norm, ids)
            what = (
                f"step {step:,}: loss {loss}, gradient norm {grad_norm}. Its batch held {len(ids)} examples: "
                + ", ".join(ids[:_SHOWN_IDS])
                + (" …" if len(ids) > _SHOWN_IDS else "")
            )
            if self.count > self._limit:
                saved = newest_saved()
                raise NotFiniteError(
                    f"{what}. Train.max_skipped = {self._limit}, and this run has had {self.count} such steps"
                    + (f". The last good checkpoint is of step {saved:,}" if saved else ". There is no checkpoint yet")
                    + ". A lower Optimizer.learning_rate or a smaller Optimizer.clip_norm may help."
                )
            self._say(f"skipped {what}. {self.count} of at most {self._limit} (Train.max_skipped)")


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
