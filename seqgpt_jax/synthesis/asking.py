"""Requests of all passages: those without an answer, and again those whose answer is rejected."""

import asyncio
import contextlib
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seqgpt_jax.io.openai_client import FIRST_REFUSALS, EndpointError, refused_first
from seqgpt_jax.io.progress import Progress, no_progress
from seqgpt_jax.synthesis.budget import BudgetReachedError
from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.endpoint import ChatEndpoint, NoAnswerError
from seqgpt_jax.synthesis.journal import Journal
from seqgpt_jax.synthesis.passage_state import state
from seqgpt_jax.synthesis.passages import Passage

# So many passages in a row without an answer are the fault of the endpoint.
_FAILURES = 8
_REMEDY = (
    "What it does not take is changed with --gin.Synthesize.form=json_object (or none), "
    "--gin.Synthesize.temperature=None or --gin.Synthesize.token_field=max_completion_tokens"
)


@dataclass
class Outcome:
    """How asking ended.

    Attributes:
      stopped: why it ended early; "" where all passages were asked.
      unanswered: passages all of whose attempts failed; the same command asks them again.
      queued: passages that were not asked, as they wait for the replies of a batch.
      last_failure: of the endpoint.
    """

    stopped: str = ""
    unanswered: int = 0
    queued: int = 0
    last_failure: str = ""


class _Run:
    """The tasks of one event loop, which take passages from one stream."""

    def __init__(
        self, passages: Iterator[Passage], config: SynthesizeConfig, model: str, journal: Journal, url: str
    ) -> None:
        self.outcome = Outcome()
        self._passages, self._config, self._model, self._journal, self._url = passages, config, model, journal, url
        self.stopping = asyncio.Event()
        self._answered_before = journal.answers
        self._failures = self._refusals = self.done = 0

    async def work(self, endpoint: ChatEndpoint, progress: Progress, total: int) -> None:
        while not self.stopping.is_set() and (passage := next(self._passages, None)):
            try:
                await self._finish(passage, endpoint)
            except BudgetReachedError as error:
                self.stop(str(error))
                return
            except NoAnswerError as error:
                if self.stopping.is_set():  # perhaps not all of its attempts
                    return
                self.outcome.unanswered += 1
                self.outcome.last_failure = str(error)
                self._failures += 1
                if self._failures >= _FAILURES:
                    self.stop(f"{self._url} does not answer ({error})")
            except EndpointError:
                self.stopping.set()
                raise
            self.done += 1
            progress("passages", self.done, total)

    async def _finish(self, passage: Passage, endpoint: ChatEndpoint) -> None:
        while missing := state(passage, self._config, self._model, self._journal).missing:
            if self.stopping.is_set():
                return
            if self._journal.queued_number(missing.key) is not None:
                self.outcome.queued += 1
                return
            await endpoint.ask(missing.key, missing.body, passage.id)
            self._failures = 0
            answer = self._journal.answer(missing.key)
            if answer and answer.get("error"):
                self._refusals += 1
                of_this_run = self._journal.answers - self._answered_before
                if self._refusals >= FIRST_REFUSALS and self._refusals == of_this_run:
                    raise refused_first(self._url, answer["error"], _REMEDY)

    def stop(self, why: str) -> None:
        """Lets no further request begin, nor any attempt of one."""
        self.stopping.set()
        self.outcome.stopped = self.outcome.stopped or why


def ask(
    passages: Iterable[Passage],
    total: int,
    config: SynthesizeConfig,
    model: str,
    url: str,
    journal: Journal,
    progress: Progress = no_progress,
) -> Outcome:
    """Asks for what the journal does not have; requests under way are waited for, whatever ends it, Ctrl-C too.

    A second Ctrl-C gives them up: the journal counts them as sent.

    Args:
      passages: read once, as they are needed.
      total: how many they are.
      config, model, url: whom to ask, and how.
      journal: where answers are.
      progress: called with the passages that are finished.

    Raises:
      EndpointError: the endpoint refuses everybody.
      KeyboardInterrupt: Ctrl-C, when the answers under way are kept.
    """
    run = _Run(iter(passages), config, model, journal, url)

    async def all_of_them() -> None:
        interrupted = False
        tasks: list[asyncio.Task] = []

        def interrupt() -> None:
            nonlocal interrupted
            if interrupted:
                for task in tasks:
                    task.cancel()
            interrupted = True
            run.stop("interrupted")

        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not in the main thread
            loop.add_signal_handler(signal.SIGINT, interrupt)
        async with ChatEndpoint(url, config, journal, run.stopping) as endpoint:
            tasks += [asyncio.create_task(run.work(endpoint, progress, total)) for _ in range(config.concurrency)]
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        errors = [error for error in ended if isinstance(error, BaseException)]
        if interrupted and all(isinstance(error, asyncio.CancelledError) for error in errors):
            raise KeyboardInterrupt
        if errors:
            raise errors[0]

    asyncio.run(all_of_them())
    return run.outcome
