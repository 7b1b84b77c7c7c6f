"""Input and output of generation: a prompt and its completion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seqgpt_jax.atomic import Atom
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.io.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt, and the question in it, which says what its completion may be.

    Attributes:
      atom: "cls" or "ext".
      labels: the labels (or queries) as they are written in `text`.
      text: the whole prompt; it ends with `[GEN]`.
    """

    atom: Atom
    labels: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote after one prompt.

    Attributes:
      text: without control tokens.
      ids: token ids of `text`, without the end token.
      score: mean log-probability of a token, the end token included, in nats; None where it is not known. Under
        constrained decoding the probabilities are those of the unconstrained model.
      truncated: how many tokens the prompt lost at its left end.
      finished: False where the token limit cut the completion off.
    """

    text: str
    ids: tuple[int, ...] = ()
    score: float | None = None
    truncated: int = 0
    finished: bool = True


class Generator(Protocol):
    """Whatever completes prompts; `engine.Engine` does.

    Attributes:
      contract: how its model is asked.
    """

    contract: ModelContract

    def generate(self, prompts: Sequence[Prompt], progress: Progress = no_progress) -> Sequence[Completion]:
        """The completion of each prompt, in their order; `progress` is called as they get done."""
        ...
