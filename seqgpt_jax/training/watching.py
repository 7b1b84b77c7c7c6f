"""A closer look at the compiled step: compiled exactly once, and traced where asked."""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
from etils import epath

from seqgpt_jax.models import folders
from seqgpt_jax.training.step import Batch, StepMetrics, TrainState

PROFILE_FOLDER = "profile"


class RecompilationError(ValueError):
    """A batch has other shapes than the first one, so that the step would have to be compiled again."""


def compile_once(
    train_step: Callable[[TrainState, Batch], tuple[TrainState, StepMetrics]], state: TrainState, batch: Batch
) -> Callable[[TrainState, Batch], tuple[TrainState, StepMetrics]]:
    """Compiles the jitted step for these arguments. What comes back never compiles again.

    A silent second compilation costs minutes on a pod, and one for every batch makes a run look slow for no reason.
    So other shapes raise RecompilationError, which names them.
    """
    compiled = train_step.lower(state, batch).compile()
    first = _forms(batch)

    def run(state: TrainState, batch: Batch) -> tuple[TrainState, StepMetrics]:
        if (now := _forms(batch)) != first:
            changed = [
                f"{name} is {now.get(name, 'missing')}, was {first.get(name, 'missing')}"
                for name in sorted(now.keys() | first.keys())
                if now.get(name) != first.get(name)
            ]
            raise RecompilationError(
                f"a batch differs from the first one, for which train_step was compiled: {'; '.join(changed)}. Every "
                "batch of a run must have the same shapes and dtypes"
            )
        return compiled(state, batch)

    return run


def _forms(batch: Batch) -> dict[str, str]:
    return {name: f"{array.dtype}{list(array.shape)}" for name, array in batch.items()}


class Profiler:
    """Traces `steps` steps from step `first` on (counted from 1) into the run's folder profile/, for TensorBoard or
    Perfetto; with `first` = None nothing. On the first host alone: one host's devices are enough to look at."""

    def __init__(self, run_dir: epath.PathLike, *, first: int | None, steps: int, say: Callable[[str], None]) -> None:
        self._folder = folders.open_folder(run_dir) / PROFILE_FOLDER
        self._files = contextlib.ExitStack()
        self._first, self._steps, self._say = first if jax.process_index() == 0 else None, steps, say
        self._on = False

    def step(self, step: int) -> contextlib.AbstractContextManager[Any]:
        """To be entered around step `step`; begins the trace where it is the first one."""
        if step == self._first:
            jax.profiler.start_trace(str(self._files.enter_context(folders.writing(self._folder))))
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
