"""Requests to an OpenAI-compatible endpoint: rate limit, budget, retries with pauses, every attempt in the journal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiolimiter
import openai
import tenacity

from seqgpt_jax.synthesis.budget import Budget, most_tokens
from seqgpt_jax.synthesis.completions import KEY_VARIABLE, api_key, completion_fields, refused_fields
from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.journal import Journal

# 409 and 408: the request may be made again; 5xx and 429: later.
_LATER = (408, 409, 429)
# The settings, the key or the address are wrong, for all requests alike.
_FATAL = (401, 402, 403, 404, 405)
_FIRST_PAUSE = 0.5


class EndpointError(ValueError):
    """The endpoint does not answer, or not as it should; the message says what to do."""


class NoAnswerError(Exception):
    """All attempts of one request failed."""


class _LaterError(Exception):
    def __init__(self, problem: str, pause: float | None) -> None:
        super().__init__(problem)
        self.pause = pause


class ChatEndpoint:
    """A chat model behind an endpoint, asked by many tasks of one event loop. A context manager closes it."""

    def __init__(self, url: str, config: SynthesizeConfig, journal: Journal) -> None:
        self._url, self._config, self._journal = url, config, journal
        self._budget = Budget(config, journal)
        self._client = openai.AsyncOpenAI(
            base_url=url, api_key=api_key() or "none", max_retries=0, timeout=config.timeout
        )
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
            retry=tenacity.retry_if_exception_type(_LaterError),
            stop=tenacity.stop_after_attempt(self._config.retries + 1),
            wait=self._pause,
            reraise=True,
        )
        try:
            await retrying(self._attempt, key, body, passage)
        except _LaterError as error:
            raise NoAnswerError(str(error)) from error

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """What Retry-After says, and a random part that grows, so that not all come back at once."""
        random = tenacity.wait_random_exponential(_FIRST_PAUSE, max=self._config.longest_pause)(state)
        error = state.outcome.exception() if state.outcome else None
        asked = error.pause if isinstance(error, _LaterError) and error.pause else 0.0
        return min(asked + min(random, max(asked, 1.0)) if asked else random, self._config.longest_pause)

    async def _attempt(self, key: str, body: Mapping[str, Any], passage: str) -> None:
        if self._limiter:
            await self._limiter.acquire()
        tokens = most_tokens(body, self._config)
        await self._budget.wait_for_room(tokens)
        number = self._journal.sent(key, body, passage, tokens)
        try:
            self._journal.answered(number, key, await self._answer(number, key, body))
        finally:
            await self._budget.freed()

    async def _answer(self, number: int, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        def failed(problem: str, *, charged: bool) -> None:
            self._journal.failed(number, key, problem, charged=charged)

        try:
            response = await self._client.chat.completions.create(**body)
            return completion_fields(response.model_dump())
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            return refused_fields(str(error))
        except openai.APIStatusError as error:
            problem = f"{error.status_code}: {error.message}"
            failed(problem, charged=False)
            if error.status_code in _FATAL:
                hint = f"check the key in {KEY_VARIABLE}" if error.status_code in (401, 403) else "check --endpoint"
                raise EndpointError(f"{self._url} refuses requests ({self._hidden(problem)}): {hint}") from None
            if error.status_code in _LATER or error.status_code >= 500:
                raise _LaterError(self._hidden(problem), _retry_after(error.response.headers)) from None
            raise EndpointError(f"{self._url} refuses requests ({self._hidden(problem)})") from None
        except openai.APIConnectionError as error:  # a time-out is one, too
            problem = f"{type(error).__name__}: {error} {error.__cause__ or ''}".strip()
            failed(problem, charged=True)
            raise _LaterError(self._hidden(problem), None) from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError) as error:
            problem = f"no completion came back ({type(error).__name__}: {error})"
            failed(problem, charged=True)
            raise _LaterError(self._hidden(problem), None) from None

    def _hidden(self, text: str) -> str:
        return text.replace(key, "***") if (key := api_key()) else text


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, as a number or a date."""
    if not (given := headers.get("retry-after")):
        return None
    try:
        return max(float(given), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
