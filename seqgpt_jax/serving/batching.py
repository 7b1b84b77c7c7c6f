"""Dynamic batching: prompts of many requests are answered together by the one thread that runs the model."""

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from contextvars import ContextVar
from dataclasses import dataclass, field

from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.io.progress import Progress, no_progress
from seqgpt_jax.serving.metrics import Metrics


class OverloadedError(Exception):
    """The queue is full: the request is not taken."""


class DeadlineError(Exception):
    """A request was not answered in time."""


class ClosedError(Exception):
    """The server is shutting down and takes no more requests."""


class DisconnectedError(Exception):
    """The client has gone, and its request is not answered to the end."""


_CLOSED = "the server is shutting down"


class Client:
    """Who waits for the answer to a request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gone = False
        self._asked: list[Future] = []

    def wait_for(self, completions: Sequence[Future]) -> None:
        """These are asked for it, and no longer those of an earlier call."""
        with self._lock:
            self._asked = list(completions)
            if self._gone:
                self._cancel()

    def leave(self) -> None:
        """It has gone: what is asked for it and has not begun is canceled, and so is all that it will ask."""
        with self._lock:
            self._gone = True
            self._cancel()

    def _cancel(self) -> None:
        for completion in self._asked:
            completion.cancel()


current_client: ContextVar[Client] = ContextVar("current_client")
"""The client of the request that is being answered, in its task and threads."""


@dataclass(slots=True)
class _Waiting:
    """A prompt of a request, and where its completion goes."""

    prompt: Prompt
    completion: Future = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class RequestGenerator:
    """The `Generator` of one request, which may ask in several rounds: one deadline for all of them.

    Attributes:
      limits: of the engine, with as many prompts as the queue has room for.
    """

    limits: PromptLimits
    _batching: "BatchingGenerator"
    _deadline: float
    _client: Client

    def generate(self, prompts: Sequence[Prompt], progress: Progress = no_progress) -> list[Completion]:
        """The completion of each prompt; TooManyPromptsError, and errors as `BatchingGenerator.generate`."""
        del progress
        self.limits.check_number(len(prompts))
        return self._batching.generate(prompts, self._deadline, self._client)


class BatchingGenerator:
    """Answers prompts of many threads: each call waits for its own prompts alone."""

    def __init__(self, engine: Engine, *, max_queue: int, timeout: float, wait: float, metrics: Metrics) -> None:
        """Starts the thread of the model.

        Args:
          engine: the model; nobody else may use it at the same time.
          max_queue: most prompts that wait; a call that would exceed it raises OverloadedError.
          timeout: seconds of a request, after which it raises DeadlineError.
          wait: seconds that a prompt waits for others to join its batch.
          metrics: counts batches.
        """
        self._engine = engine
        self._max_queue, self._timeout, self._wait, self._metrics = max_queue, timeout, wait, metrics
        self._queue: queue.Queue[_Waiting | None] = queue.Queue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._closed = self._failing = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def for_request(self) -> RequestGenerator:
        """The generator of a request that begins now, of `current_client` where there is one."""
        limits, deadline = self._engine.limits.at_most(self._max_queue), time.monotonic() + self._timeout
        return RequestGenerator(limits, self, deadline, current_client.get(None) or Client())

    def generate(self, prompts: Sequence[Prompt], deadline: float, client: Client) -> list[Completion]:
        """The completion of each prompt, in their order.

        Args:
          prompts: of one request.
          deadline: of that request, on the clock of `time.monotonic`.
          client: of that request; where it goes away, prompts that have not begun are dropped.

        Raises:
          ContractError: a prompt cannot be answered.
          OverloadedError, DeadlineError, ClosedError, DisconnectedError: see there.
        """
        # Before the check, which counts the tokens of each prompt.
        if time.monotonic() >= deadline:
            raise self._too_late()
        # Here and not in the batch, where it would fail the prompts of others too.
        self._engine.check(prompts)
        waiting = [_Waiting(prompt) for prompt in prompts]
        # Before they can be taken: those of a client that has gone already are canceled here.
        client.wait_for([one.completion for one in waiting])
        with self._lock:
            if self._closed:
                raise ClosedError(_CLOSED)
            if self._waiting + len(waiting) > self._max_queue:
                raise OverloadedError(
                    f"{self._waiting} prompts wait already, and this request has {len(waiting)}; the limit is "
                    f"{self._max_queue}: try again later, or send fewer texts or labels at once"
                )
            self._waiting += len(waiting)
            self._metrics.waiting.set(self._waiting)
            for one in waiting:
                self._queue.put(one)
        for one in waiting:
            one.completion.add_done_callback(self._make_room)
        try:
            return [one.completion.result(timeout=max(deadline - time.monotonic(), 0)) for one in waiting]
        except TimeoutError:
            raise self._too_late() from None
        except CancelledError:
            raise DisconnectedError("the client has gone") from None
        finally:
            for one in waiting:
                one.completion.cancel()

    def _make_room(self, completion: Future) -> None:
        """A canceled prompt waits no longer, although it is in the queue until its turn comes."""
        if completion.cancelled():
            with self._lock:
                self._waiting -= 1
                self._metrics.waiting.set(self._waiting)

    def fail_rest(self) -> None:
        """Answers nothing more: what waits, and what comes, raises ClosedError. A batch that has begun is answered.

        A signal handler may call it, so that it takes no lock.
        """
        self._failing = True

    def close(self) -> None:
        """Answers what has been taken, unless `fail_rest` was called, and stops."""
        with self._lock:
            self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _too_late(self) -> DeadlineError:
        return DeadlineError(
            f"no answer within {self._timeout:g} s: send fewer texts or labels at once, or try again later"
        )

    def _run(self) -> None:
        closing = False
        while not closing or not self._queue.empty():
            batch, closing = self._next_batch(closing)
            asked = [one for one in batch if one.completion.set_running_or_notify_cancel()]
            answers = self._answers(asked) if asked else []
            # Before anybody hears of the answers, so that whoever asks again finds the room that has become free.
            with self._lock:
                self._waiting -= len(asked)
                self._metrics.waiting.set(self._waiting)
            for one, found in zip(asked, answers, strict=True):
                if isinstance(found, Exception):
                    one.completion.set_exception(found)
                else:
                    one.completion.set_result(found)

    def _next_batch(self, closing: bool) -> tuple[list[_Waiting], bool]:
        """(the prompts that are answered next, whether the queue has been closed)."""
        size, batch, until = self._engine.config.batch_size, [], None
        while len(batch) < size:
            try:
                if closing:
                    one = self._queue.get_nowait()
                else:
                    one = self._queue.get(timeout=None if until is None else max(until - time.monotonic(), 0))
            except queue.Empty:
                break
            if one is None:
                closing = True
                continue
            batch.append(one)
            until = until or time.monotonic() + self._wait
        return batch, closing

    def _answers(self, asked: Sequence[_Waiting]) -> Sequence[Completion | Exception]:
        """The completions of a batch; where it breaks, the error for each of its prompts."""
        if self._failing:
            return [ClosedError(_CLOSED) for _ in asked]
        started = time.monotonic()
        try:
            return self._engine.generate([one.prompt for one in asked])
        except Exception as error:
            return [error] * len(asked)
        finally:
            self._metrics.batch_size.observe(len(asked))
            self._metrics.batch_seconds.observe(time.monotonic() - started)
