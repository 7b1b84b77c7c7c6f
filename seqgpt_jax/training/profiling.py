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
    """Traces `steps` steps from step `first` on (counted from 1) into the run's folder profile/, for TensorBoard or
    Perfetto; with `first` = None nothing. On the first host alone: one host's devices are enough to look at."""

    def __init__(self, run_dir: epath.PathLike, *, first: int | None, steps: int, say: Callable[[str], None]) -> None:
        self._folder = storage.open_path(run_dir) / PROFILE_FOLDER
        self._files = contextlib.ExitStack()
        self._first, self._steps, self._say = first if jax.process_index() == 0 else None, steps, say
        self._on = False

    def step(self, step: int) -> contextlib.AbstractContextManager[Any]:
        """To be entered around step `step`; begins the trace where it is the first one."""
        if step == self._first:
            jax.profiler.start_trace(str(self._files.enter_context(storage.writing(self._folder))))
            self._on = True
        return jax.profiler.StepTraceAnnotation("train", step_num=step) if self._on else contextlib.nullcontext()

    def done(self, step: int, metrics: StepMetrics) -> None:
        """Ends the trace after its last step, once the devices have done it."""
        if self._on and step == self._first + self._steps - 1:
            jax.block_until_ready(metrics)
            self.close()

    def close(self) -> None:
        """Ends a trace that is still going on."""
        if self._on:
            self._on = False
            jax.profiler.stop_trace()
            self._files.close()
            self._say(f"profile written: tensorboard --logdir={self._folder}")
