"""Profiling: a trace of some training steps for TensorBoard or Perfetto."""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
from etils import epath

from seqgpt_jax.io import storage
from seqgpt_jax.training.step import StepMetrics

PROFILE_FOLDER = "profile"


class Profiler:
    """Traces the devices of host 0 during some steps into the run's folder profile/, for TensorBoard or Perfetto.

    Args:
      run_dir: folder of the run.
      first: first step to trace, counted from 1; None: no trace.
      steps: number of steps to trace.
      log: called with each message for the user.
    """

    def __init__(self, run_dir: epath.PathLike, *, first: int | None, steps: int, log: Callable[[str], None]) -> None:
        self._folder = storage.open_path(run_dir) / PROFILE_FOLDER
        self._output = contextlib.ExitStack()
        self._first, self._steps, self._log = first if jax.process_index() == 0 else None, steps, log
        self._tracing = False

    def step(self, step: int) -> contextlib.AbstractContextManager[Any]:
        """Context manager for one step; starts the trace at the first one to trace."""
        if step == self._first:
            jax.profiler.start_trace(str(self._output.enter_context(storage.writing(self._folder))))
            self._tracing = True
        return jax.profiler.StepTraceAnnotation("train", step_num=step) if self._tracing else contextlib.nullcontext()

    def done(self, step: int, metrics: StepMetrics) -> None:
        """Stops the trace after its last step, once the devices have finished it."""
        if self._tracing and step == self._first + self._steps - 1:
            jax.block_until_ready(metrics)
            self.close()

    def close(self) -> None:
        """Stops a trace that is still running."""
        if self._tracing:
            self._tracing = False
            jax.profiler.stop_trace()
            self._output.close()
            self._log(f"profile written: tensorboard --logdir={self._folder}")
