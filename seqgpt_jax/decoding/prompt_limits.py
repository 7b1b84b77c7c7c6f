"""Limits of a prompt and of an answer, in labels and in tokens."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import Atom, ContractError, Template, chunk_labels, find_template
from seqgpt_jax.data.prepare.token_counts import TokenCounts
from seqgpt_jax.data.tokenizer import encoder_of
from seqgpt_jax.io.contract import ModelContract


class PromptLimits:
    """What fits into one prompt of a model, and into the answer to it.

    Attributes:
      contract: how the model is asked.
      answer_tokens: most tokens of an answer, the end token included.
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
        self._counts = None if tokenizer is None else TokenCounts(encoder_of(tokenizer))

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
