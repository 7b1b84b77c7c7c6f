"""Limits of a prompt and of an answer, in labels and in tokens."""

import copy
from collections.abc import Sequence

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import Atom, ContractError, Template, chunk_labels, find_template
from seqgpt_jax.data.prepare.token_counts import TokenCounts
from seqgpt_jax.data.prepare.windows import text_windows, window_around
from seqgpt_jax.data.tokenizer import encoder_of
from seqgpt_jax.io.contract import ModelContract

# Tokens of a window, at least.
_LEAST_ROOM = 16


class TooManyPromptsError(Exception):
    """Questions need more prompts than may be asked at once."""


class PromptLimits:
    """What fits into one prompt of a model, and into the answer to it.

    Attributes:
      contract: how the model is asked.
      answer_tokens: most tokens of an answer, the end token included.
      max_prompts: most prompts that are asked at once; None for any number.
    """

    def __init__(
        self,
        contract: ModelContract,
        answer_tokens: int | None = None,
        tokenizer: PreTrainedTokenizerFast | None = None,
    ) -> None:
        """Limits in tokens as well as in labels.

        Args:
          contract: how the model is asked.
          answer_tokens: None takes `max_target_tokens` of the contract.
          tokenizer: None counts labels only, not their tokens.
        """
        self.contract = contract
        self.answer_tokens = contract.max_target_tokens if answer_tokens is None else answer_tokens
        self.max_prompts: int | None = None
        # The text that was asked about last, and its tokens: a text has many pairs of spans.
        self._last: tuple[str, Sequence[tuple[int, int]]] | None = None
        self._counts = None if tokenizer is None else TokenCounts(encoder_of(tokenizer))

    def at_most(self, prompts: int) -> "PromptLimits":
        """These limits, and so many prompts at once."""
        limits = copy.copy(self)
        limits.max_prompts = prompts
        return limits

    def check_number(self, prompts: int) -> None:
        """Raises TooManyPromptsError where so many prompts, of all that are composed so far, are too many."""
        if self.max_prompts is not None and prompts > self.max_prompts:
            raise TooManyPromptsError(
                f"this needs more than {self.max_prompts:,} prompts, the most that are taken at once: send fewer or "
                "shorter texts, or fewer labels, at once"
            )

    @property
    def template(self) -> Template:
        """The prompt template; ContractError where the contract names one that is not known."""
        return find_template(self.contract.template)

    def chunks(self, atom: Atom, text: str, labels: Sequence[str], *, written: bool) -> list[tuple[str, ...]]:
        """The labels of each prompt that it takes to ask all of them.

        Queries of an extraction are echoed in its answer, so that they have to fit there too.

        Args:
          atom: "cls" or "ext".
          text: clean, as the prompt has it.
          labels: clean, in the order in which they are asked.
          written: whether the answer is written, or chosen by the probability of each label, which takes no room.

        Raises:
          ContractError: a label fits into no prompt, or into no answer.
        """
        at_most = self.contract.max_queries if atom == "ext" else self.contract.max_labels or max(len(labels), 1)
        if self._counts is None:
            return chunk_labels(labels, at_most)
        costs = self._counts.labels(labels)
        budget = self._counts.label_room(self.template, atom, text, costs, self.contract.max_prompt_tokens)
        if atom == "ext":
            costs = self._counts.queries(labels)
            budget = min(budget, self.answer_tokens - 1)
        if atom == "ext" or written:
            # A label is followed by the end token, which takes as much as the separator in the prompt.
            self._check_answer(labels, [cost + (atom == "ext") for cost in costs])
        self._check_prompt(atom, [label for label, cost in zip(labels, costs, strict=True) if cost > budget])
        return chunk_labels(labels, at_most, costs, budget)

    def windows(self, atom: Atom, text: str, labels: Sequence[str], *, written: bool) -> list[tuple[int, int]]:
        """Overlapping windows (start, end) in characters that cover the text, each short enough for a prompt.

        One window, the whole text, where it fits. Arguments and errors as for `chunks`.
        """
        whole = [(0, len(text))]
        if self._counts is None:
            return whole
        chunks = self.chunks(atom, text, labels, written=written)
        taken = max(self._counts.prompt(self.template.prompt(atom, "", chunk)) for chunk in chunks)
        room = self.contract.max_prompt_tokens - taken
        # A token is at least a byte. Where labels leave hardly any room, every few words would need a prompt of their
        # own: the text is cut then, and its answer has how much.
        if len(text.encode()) <= room or self._counts.text(text) <= room or room < _LEAST_ROOM:
            return whole
        # A part of a text may take a token more than it does in the text.
        return text_windows(text, self._counts.encoder.offsets(text), room - 2)

    def part_around(self, text: str, parts: Sequence[str], question: str, labels: Sequence[str]) -> str | None:
        """The text, or the part of it around these parts that leaves room for a question about it.

        Args:
          text, parts: clean; the parts are in the text.
          question: of a classification, without the text.
          labels: of the classification, in any spelling.

        Returns:
          None where the parts are too far from each other.
        """
        if self._counts is None:
            return text
        labels = tuple(map(self.template.clean_label, labels))
        # Of a long text as much as decides how many labels fit: it is counted for each pair of its spans.
        counted = text[: 8 * self.contract.max_prompt_tokens]
        chunks = self.chunks("cls", f"{question}{counted}", labels, written=True)
        taken = max(self._counts.prompt(self.template.prompt("cls", question, chunk)) for chunk in chunks)
        room = self.contract.max_prompt_tokens - taken - 2
        if len(text.encode()) <= room:
            return text
        last = self._last  # read once: several threads of a server ask at once
        if last is None or last[0] != text:
            self._last = last = text, self._counts.encoder.offsets(text)
        _, offsets = last
        if len(offsets) <= room:
            return text
        return window_around(text, offsets, room, parts) if room > 0 else None

    def _check_answer(self, labels: Sequence[str], costs: Sequence[int]) -> None:
        """Raises ContractError unless an answer has room for each of these labels."""
        longest = max(costs, default=0)
        if longest > self.answer_tokens:
            raise ContractError(
                f"an answer with label {labels[costs.index(longest)]!r} takes {longest} tokens, but may have only "
                f"{self.answer_tokens}: set Decode.max_new_tokens to {longest} or more, or shorten the label"
            )

    def _check_prompt(self, atom: Atom, labels: Sequence[str]) -> None:
        """Raises ContractError unless there is room for a text beside each of these labels."""
        limit = self.contract.max_prompt_tokens
        needs = [self._counts.prompt(self.template.prompt(atom, "", (label,))) for label in labels]
        for label, need in zip(labels, needs, strict=True):
            if need >= limit:
                raise ContractError(
                    f"label {label!r} leaves no room for the text: the prompt takes {need} tokens without it, and the "
                    f"model's max_prompt_tokens is {limit}. Shorten the label, or train with a larger "
                    "Prepare.max_prompt_tokens"
                )
