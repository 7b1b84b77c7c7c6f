"""The engine: prompts of any length in, answers in the same order out, few shapes to compile.

Prompts are sorted by length and cut into batches; a batch is as wide as the smallest of a few
widths that holds its longest prompt, so neighbours share a compiled program and little is padded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding.beam_search import Hypotheses
from seqgpt_jax.decoding.constraints import Automaton, Grammar
from seqgpt_jax.decoding.step import for_decoding, generate
from seqgpt_jax.models.bloom import Bloom

# Each at most half as wide again as the one before, beyond the narrow ones.
_WIDTHS = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DecodeConfig:
    """Settings of the search (gin: `Decode`). The defaults are those of SeqGPT's model card.

    Attributes:
      num_beams: beams of the search; 1 is greedy.
      max_new_tokens: most tokens of an answer, its end token included.
      batch_size: prompts decoded at once.
      max_prompt_length: longer prompts lose their left end, so labels and `[GEN]` survive.
      constrained: only answers that follow the contract can be written (see `constraints`); False
        answers as `transformers` does, malformed where the model is unsure.
    """

    num_beams: int = 4
    max_new_tokens: int = 256
    batch_size: int = 16
    max_prompt_length: int = 1024
    constrained: bool = True

    def __post_init__(self) -> None:
        for name in ("num_beams", "max_new_tokens", "batch_size", "max_prompt_length"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Decode.{name} must be a whole number of at least 1, not {value!r}")


class Engine:
    """Generates with one model.

    Matrices are kept in the model's compute dtype (shared with `model` where they have it already).

    Attributes:
      unfinished: prompts of the last call whose answer was cut off at `max_new_tokens`.
      truncated: prompts of the last call that lost their left end.
    """

    def __init__(self, model: Bloom, tokenizer: PreTrainedTokenizerFast, config: DecodeConfig) -> None:
        """Raises ValueError where the tokenizer has more tokens than the model has rows."""
        self.config = config
        self.unfinished = 0
        self.truncated = 0
        self._tokenizer = tokenizer
        self._model = for_decoding(model)
        self._grammar = Grammar(tokenizer, model.config.vocab_size) if config.constrained else None
        self._forbidden_V = jnp.asarray(forbidden_tokens(tokenizer, model.config.vocab_size))

    def generate(self, prompts: Sequence[str], progress: Progress | None = None) -> list[str]:
        """The text after each prompt, without control tokens, in the order of the prompts.

        Args:
          prompts: any number of them; each ends with `[GEN]`.
          progress: called after each batch with (prompts done, prompts in all).
        """
        questions = prompts if self.config.constrained else None
        ids = self.generate_ids(encode(self._tokenizer, prompts), progress, questions)
        return [
            self._tokenizer.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False) for row in ids
        ]

    def generate_ids(
        self,
        prompt_ids: Sequence[Sequence[int]],
        progress: Progress | None = None,
        questions: Sequence[str] | None = None,
    ) -> list[list[int]]:
        """As `generate`, from ids to ids; the end token is left out.

        `questions` are the prompts as text, which say what an answer may be; None: anything.

        Raises:
          ValueError: a prompt has no token.
        """
        limit = self.config.max_prompt_length
        self.truncated = sum(len(ids) > limit for ids in prompt_ids)
        self.unfinished = 0
        prompt_ids = [list(ids[-limit:]) for ids in prompt_ids]
        answers: list[list[int]] = [[] for _ in prompt_ids]
        order = sorted(range(len(prompt_ids)), key=lambda i: len(prompt_ids[i]))
        if order and not prompt_ids[order[0]]:
            raise ValueError(f"prompt {order[0]} has no token")
        for start in range(0, len(order), self.config.batch_size):
            rows = order[start : start + self.config.batch_size]
            automaton = (
                self._grammar.automaton([questions[row] for row in rows], self.config.batch_size)
                if questions is not None
                else None
            )
            found = self._generate_batch([prompt_ids[row] for row in rows], automaton)
            for row, ids, length, ended in zip(rows, found.ids_BxN, found.lengths_B, found.ended_B, strict=False):
                answers[row] = ids[:length].tolist()
                self.unfinished += not ended
            if progress is not None:
                progress(start + len(rows), len(order))
        return answers

    def _generate_batch(self, prompts: list[list[int]], automaton: Automaton | None) -> Hypotheses:
        """Hypotheses as NumPy arrays, `batch_size` rows of them: those without a prompt come last."""
        width = bucket_width(max(map(len, prompts)), self.config.max_prompt_length)
        tokens_BxP = np.zeros((self.config.batch_size, width), np.int32)
        mask_BxP = np.zeros((self.config.batch_size, width), bool)
        for row, ids in enumerate(prompts):
            tokens_BxP[row, : len(ids)] = ids
            mask_BxP[row, : len(ids)] = True
        real_B = mask_BxP.any(axis=1)
        mask_BxP[:, 0] = True
        found = generate(
            self._model,
            tokens_BxP,
            mask_BxP,
            real_B,
            self._forbidden_V,
            automaton,
            num_beams=self.config.num_beams,
            max_new_tokens=self.config.max_new_tokens,
            eos_id=self._tokenizer.eos_token_id,
        )
        return jax.device_get(found)


def forbidden_tokens(tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> np.ndarray:
    """bool [vocab_size]: True for rows without a token and for control tokens except the end.

    Raises:
      ValueError: the tokenizer has more tokens than the model has rows.
    """
    if len(tokenizer) > vocab_size:
        raise ValueError(f"the tokenizer has {len(tokenizer)} tokens but the model has rows for {vocab_size}")
    forbidden = np.arange(vocab_size) >= len(tokenizer)
    forbidden[tokenizer.all_special_ids] = True
    forbidden[tokenizer.eos_token_id] = False
    return forbidden


def bucket_width(length: int, limit: int) -> int:
    """The width of the batch whose longest prompt has `length` tokens, at most `limit`.

    >>> bucket_width(33, 1024), bucket_width(130, 1024), bucket_width(900, 1000)
    (64, 192, 1000)
    """
    return next((width for width in _WIDTHS if length <= width <= limit), limit)
