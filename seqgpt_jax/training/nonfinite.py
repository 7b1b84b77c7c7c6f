"""Limit on training steps whose loss or gradient is not finite."""

from collections.abc import Callable, Sequence

from seqgpt_jax.training.step import StepMetrics

_SHOWN_IDS = 8


class NotFiniteError(ArithmeticError):
    """More losses or gradients were infinite or not a number than `Train.max_skipped`; nothing was saved since."""


class NonFiniteSteps:
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
