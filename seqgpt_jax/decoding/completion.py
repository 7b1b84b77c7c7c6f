"""Input and output of generation: a prompt and its completion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import Atom, ContractError
from seqgpt_jax.data.tokenizer import encoder_of
from seqgpt_jax.data.truncation import TruncatedPrompt, truncate_left
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.value_scores import ValueScores
from seqgpt_jax.io.progress import Progress, no_progress

Choice = Literal["any", "one", "one_or_none"]
"""How many labels of a classification may be chosen."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt, and the question in it, which says what its completion may be.

    Attributes:
      atom: "cls" or "ext".
      labels: the labels (or queries) as they are written in `text`.
      text: the whole prompt; it ends with `[GEN]`.
      choose: of a classification: "any" number of its labels, exactly "one", or "one_or_none".
      source_text: the text in `text`. Constrained decoding copies the spans of an extraction from it; None lets them
        be anything.
    """

    atom: Atom
    labels: tuple[str, ...]
    text: str
    choose: Choice = "any"
    source_text: str | None = None

    @property
    def copies(self) -> bool:
        """Whether constrained decoding copies its answer from a text."""
        return self.atom == "ext" and self.source_text is not None


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote after one prompt.

    Attributes:
      text: without control tokens.
      ids: token ids of `text`, without the end token.
      score: mean log-probability of a token, the end token included, in nats; None where it is not known. Under
        constrained decoding the probabilities are those of the unconstrained model; where spans are copied, among the
        tokens that an answer to the prompt can hold (`candidates`).
      truncated: how many tokens the text in the prompt lost at its left end.
      text_read: what is left of the text then; None where it lost nothing.
      finished: False where the token limit cut the completion off.
      label_scores: log-probability, in nats, of each label that could have been chosen, `None` ("no label fits")
        among them where it could: the sum over its tokens and the end token, less what `Decode.contextual_calibration`
        takes, divided by the temperature of `ModelContract.calibration`. None where they were not computed.
      value_scores: probability of each value of the answer among those that could be written there (`value_scores`):
        of the labels of a classification, in one tuple, or of the spans of each line of an extraction. None where they
        are not known.
    """

    text: str
    ids: tuple[int, ...] = ()
    score: float | None = None
    truncated: int = 0
    text_read: str | None = None
    finished: bool = True
    label_scores: Mapping[str, float] | None = None
    value_scores: ValueScores | None = None


class Generator(Protocol):
    """Whatever completes prompts; `engine.Engine` does.

    Attributes:
      limits: what fits into its prompts and answers.
    """

    limits: PromptLimits

    def generate(self, prompts: Sequence[Prompt], progress: Progress = no_progress) -> Sequence[Completion]:
        """The completion of each prompt, in their order; `progress` is called as they get done."""
        ...


def cut_prompt(
    prompt: Prompt, ids: Sequence[int], tokenizer: PreTrainedTokenizerFast, max_prompt_tokens: int
) -> TruncatedPrompt:
    """A prompt, of ids as `encode_prompts` gives them, within the limit: a text that is too long loses its beginning.

    Raises:
      ContractError: its labels would be cut.
    """
    encoder = encoder_of(tokenizer)
    cut = truncate_left(ids, max_prompt_tokens, encoder.decode, start=len(encoder.start_ids))
    if cut.loss == "labels_cut":
        raise ContractError(
            f"{len(prompt.labels)} labels do not fit into a prompt of max_prompt_tokens={max_prompt_tokens}: ask fewer "
            f"of them at once ({len(ids)} tokens with the text; the first is {prompt.labels[:1]!r})"
        )
    return cut
