"""Budget of requests, tokens and money, which is never exceeded, not even by requests under way."""

import asyncio
from collections.abc import Mapping
from typing import Any

from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.journal import Journal

# Tokens that a chat template puts around each message, at most.
_AROUND_MESSAGE = 16


class BudgetReachedError(Exception):
    """Another request could exceed the budget; the message says which part of it."""


def most_tokens(body: Mapping[str, Any], config: SynthesizeConfig) -> tuple[int, int]:
    """The most (input, output) tokens that a request can have: no tokenizer makes more tokens than bytes."""
    sizes = [len(message["content"].encode()) + _AROUND_MESSAGE for message in body["messages"]]
    schema = len(str(body.get("response_format", "")).encode())
    return sum(sizes) + schema, config.max_answer_tokens


def likely_tokens(body: Mapping[str, Any]) -> int:
    """About the tokens of a request: three bytes of Chinese or four of other text are one."""
    content = "".join(message["content"] for message in body["messages"])
    wide = sum(character > "\u2e7f" for character in content)
    return (
        wide + (len(content) - wide) // 4 + 4 * len(body["messages"]) + len(str(body.get("response_format", ""))) // 4
    )


class Budget:
    """What a run may still spend, beside what its journal says."""

    def __init__(self, config: SynthesizeConfig, journal: Journal) -> None:
        self._config, self._journal = config, journal
        self._freed = asyncio.Condition()

    def exceeded(self, tokens: tuple[int, int]) -> str:
        """The setting that one more request of so many tokens would exceed; "" where it fits."""
        config, journal = self._config, self._journal
        if config.max_requests is not None and journal.requests >= config.max_requests:
            return "max_requests"
        used = [a + b for a, b in zip(journal.most_tokens(), tokens, strict=True)]
        if config.max_total_tokens is not None and sum(used) > config.max_total_tokens:
            return "max_total_tokens"
        if config.max_cost is not None and config.cost(*used) > config.max_cost:
            return "max_cost"
        return ""

    async def wait_for_room(self, tokens: tuple[int, int]) -> None:
        """Returns when a request of so many tokens fits; what it takes must be noted before anything is awaited.

        Raises:
          BudgetReachedError: it does not fit, and no request is under way that may need less than was kept for it.
        """
        async with self._freed:
            while exceeded := self.exceeded(tokens):
                if exceeded == "max_requests" or not self._journal.under_way:
                    raise BudgetReachedError(f"Synthesize.{exceeded}={getattr(self._config, exceeded)} is reached")
                await self._freed.wait()

    async def freed(self) -> None:
        """Says that a request has ended."""
        async with self._freed:
            self._freed.notify_all()
