"""Requests to an OpenAI-compatible endpoint: rate limit, budget, retries with pauses, every attempt in the journal."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import aiolimiter
import tenacity

from seqgpt_jax.io.openai_client import FailedRequestError, async_client, failures, refuses_all
from seqgpt_jax.synthesis.budget import Budget, most_tokens
from seqgpt_jax.synthesis.completions import completion_fields, refused_fields
from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.journal import Journal

_FIRST_PAUSE = 0.5


class NoAnswerError(Exception):
    """All attempts of one request failed, or there may be no further one."""


class ChatEndpoint:
    """A chat model behind an endpoint, asked by many tasks of one event loop. A context manager closes it."""

    def __init__(self, url: str, config: SynthesizeConfig, journal: Journal, stopping: asyncio.Event) -> None:
        """Args: once `stopping` is set, no attempt begins, and none is waited for."""
        self._url, self._config, self._journal, self._stopping = url, config, journal, stopping
        self._budget = Budget(config, journal)
        self._client = async_client(url, timeout=config.timeout, max_retries=0)
        rate = config.requests_per_minute
        # One request at a time is let through, evenly: endpoints count in windows of their own.
        self._limiter = aiolimiter.AsyncLimiter(1, 60 / rate) if rate else None

    async def __aenter__(self) -> "ChatEndpoint":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.close()

    async def ask(self, key: str, body: Mapping[str, Any], passage: str) -> None:
        """Gets the answer to a request into the journal.

        Raises:
          BudgetReachedError: an attempt could exceed the budget.
          NoAnswerError: no attempt was answered.
          EndpointError: the endpoint refuses everybody.
        """
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(FailedRequestError),
            stop=tenacity.stop_after_attempt(self._config.retries + 1),
            wait=self._pause,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            await retrying(self._attempt, key, body, passage)
        except FailedRequestError as error:
            raise NoAnswerError(str(error)) from error

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """What Retry-After says, and a random part that grows, so that not all come back at once."""
        random = tenacity.wait_random_exponential(_FIRST_PAUSE, max=self._config.longest_pause)(state)
        error = state.outcome.exception() if state.outcome else None
        asked = error.pause if isinstance(error, FailedRequestError) and error.pause else 0.0
        return min(asked + min(random, max(asked, 1.0)) if asked else random, self._config.longest_pause)

    async def _sleep(self, seconds: float) -> None:
        await self._first_of(asyncio.sleep(seconds))

    async def _first_of(self, waited_for: Coroutine[Any, Any, None]) -> None:
        """Waits for it, or until the run stops."""
        tasks = [asyncio.ensure_future(waited_for), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _attempt(self, key: str, body: Mapping[str, Any], passage: str) -> None:
        if self._limiter:
            await self._first_of(self._limiter.acquire())
        tokens = most_tokens(body, self._config)
        await self._budget.wait_for_room(tokens)
        if self._stopping.is_set():
            await self._budget.freed()
            raise NoAnswerError("stopped before it was asked")
        number = self._journal.sent(key, body, passage, tokens)
        try:
            self._journal.answered(number, key, await self._answer(number, key, body))
        finally:
            await self._budget.freed()

    async def _answer(self, number: int, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            with failures():
                response = await self._client.chat.completions.create(**body)
                return completion_fields(response.model_dump())
        except FailedRequestError as error:
            if error.kind == "refused":
                return refused_fields(str(error))
            self._journal.failed(number, key, str(error), charged=error.charged)
            if error.kind == "refused_all":
                raise refuses_all(self._url, error) from None
            raise
