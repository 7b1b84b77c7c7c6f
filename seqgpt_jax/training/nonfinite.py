"""Limit on training steps whose loss or gradient is not finite."""

from collections.abc import Callable, Sequence

from seqgpt_jax.training.step import StepMetrics

_SHOWN_IDS = 8


class NotFiniteError(ArithmeticError):
    """More steps than `Train.max_skipped` had a loss or gradient that is not finite."""


class NonFiniteSteps:
    """Counts the skipped steps of a run: their loss or gradient was not finite, so they left the state unchanged.

    Args:
      limit: `Train.max_skipped`, over the whole run.
      count: skipped steps before this process, from the checkpoint.
      example_ids: ids of the examples of the batch at a step, counted from 0.
      record: called with (step counted from 1, loss, gradient norm, ids) of each skipped step.
      log: called with each message for the user.
    """

    def __init__(
        self,
        limit: int,
        count: int,
        *,
        example_ids: Callable[[int], list[str]],
        record: Callable[[int, float, float, list[str]], None],
        log: Callable[[str], None],
    ) -> None:
        self.count = count
        self._limit, self._example_ids, self._record, self._log = limit, example_ids, record, log

    def check(self, metrics: Sequence[StepMetrics], last_step: int, newest_saved: Callable[[], int | None]) -> None:
        """Checks the metrics (host values) of consecutive steps, the last of which is `last_step`.

        Raises:
          NotFiniteError: the limit is exceeded; nothing has been saved since the first such step in `metrics`.
        """
        for step, step_metrics in enumerate(metrics, start=last_step - len(metrics) + 1):
            if not step_metrics.skipped:
                continue
            self.count += 1
            loss, grad_norm = float(step_metrics.loss), float(step_metrics.grad_norm)
            ids = self._example_ids(step - 1)
            self._record(step, loss, grad_norm, ids)
            description = (
                f"step {step:,}: loss {loss}, gradient norm {grad_norm}. Its batch has {len(ids)} examples: "
                + ", ".join(ids[:_SHOWN_IDS])
                + (" …" if len(ids) > _SHOWN_IDS else "")
            )
            if self.count > self._limit:
                saved = newest_saved()
                raise NotFiniteError(
                    f"{description}. Train.max_skipped = {self._limit}, and this run has had {self.count} such steps"
                    + (f". The last good checkpoint is of step {saved:,}" if saved else ". There is no checkpoint yet")
                    + ". A lower Optimizer.learning_rate or a smaller Optimizer.clip_norm may help."
                )
            self._log(f"skipped {description}. {self.count} of at most {self._limit} (Train.max_skipped)")
