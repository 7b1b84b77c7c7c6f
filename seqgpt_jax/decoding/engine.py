"""Batched generation engine: prompts of any length in, completions in the same order out, few shapes to compile.

Prompts are sorted by length and cut into batches; a batch is as wide as the smallest of a few
widths that holds its longest prompt, so neighbours share a compiled program and little is padded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.data.truncation import truncate_left
from seqgpt_jax.decoding.beam_search import Hypotheses
from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.constraints import Automaton, Grammar
from seqgpt_jax.decoding.step import for_decoding, generate
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.io.progress import Progress, no_progress
from seqgpt_jax.io.tokenizer import never_generated
from seqgpt_jax.models.backbone import Backbone

# Each at most half as wide again as the one before, beyond the narrow ones.
_WIDTHS = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)


@dataclass(frozen=True)
class DecodeConfig:
    """Settings of the search (gin: `Decode`). The defaults are those of SeqGPT's model card.

    Attributes:
      num_beams: beams of the search; 1 is greedy.
      batch_size: prompts decoded at once.
      max_new_tokens: most tokens of an answer, its end token included; None takes the model's own limit (in the
        seqgpt.json of its folder). A lower one bounds the time of an answer.
      constrained: only answers that follow the contract can be generated (see `constraints`); False
        answers as `transformers` does, malformed where the model is unsure.
    """

    num_beams: int = 4
    batch_size: int = 16
    max_new_tokens: int | None = None
    constrained: bool = True

    def __post_init__(self) -> None:
        for name in ("num_beams", "batch_size", "max_new_tokens"):
            value = getattr(self, name)
            if name == "max_new_tokens" and value is None:
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Decode.{name} must be a whole number of at least 1, not {value!r}")

    def answer_tokens(self, contract: ModelContract) -> int:
        """Most tokens of an answer of a model with this contract, the end token included."""
        return contract.max_target_tokens if self.max_new_tokens is None else self.max_new_tokens


class Engine:
    """Generates with one model.

    Matrices are kept in the model's compute dtype (shared with `model` where they have it already).

    Attributes:
      config: settings of the search.
      contract: how the model is asked: longer prompts than `max_prompt_tokens` lose their left end, so that labels
        and `[GEN]` survive.
    """

    def __init__(
        self,
        model: Backbone,
        tokenizer: PreTrainedTokenizerFast,
        config: DecodeConfig,
        contract: ModelContract,
    ) -> None:
        """Raises ValueError where the tokenizer has more tokens than the model has rows."""
        self.config, self.contract = config, contract
        self._tokenizer = tokenizer
        self._model = for_decoding(model)
        self._grammar = Grammar(tokenizer, model.config.vocab_size) if config.constrained else None
        self._forbidden_V = jnp.asarray(forbidden_tokens(tokenizer, model.config.vocab_size))

    def generate(self, prompts: Sequence[Prompt], progress: Progress = no_progress) -> list[Completion]:
        """The completion of each prompt, in the order of the prompts.

        Args:
          prompts: any number of them, of any length.
          progress: called after each batch.

        Raises:
          ContractError: decoding is constrained, and no answer to a prompt would parse, because of its labels.
          ValueError: a prompt has no token.
        """
        limit = self.contract.max_prompt_tokens
        prompt_ids = encode(self._tokenizer, [prompt.text for prompt in prompts])
        decode = self._tokenizer.decode
        cut = [truncate_left(prompt.text, ids, limit, decode) for prompt, ids in zip(prompts, prompt_ids, strict=True)]
        prompt_ids = [prompt.ids for prompt in cut]
        completions: list[Completion | None] = [None] * len(prompts)
        order = sorted(range(len(prompts)), key=lambda i: len(prompt_ids[i]))
        if order and not prompt_ids[order[0]]:
            raise ValueError(f"prompt {order[0]} has no token")
        if self._grammar:
            self._grammar.check(prompts)
        batch_size = self.config.batch_size
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            automaton = self._grammar.automaton([prompts[row] for row in rows], batch_size) if self._grammar else None
            hypotheses = self._generate_batch([prompt_ids[row] for row in rows], automaton)
            for position, row in enumerate(rows):
                completions[row] = self._completion(hypotheses, position, cut[row].removed)
            progress("prompts", start + len(rows), len(order))
        return completions

    def _completion(self, hypotheses: Hypotheses, row: int, truncated: int) -> Completion:
        ids = hypotheses.ids_BxN[row, : hypotheses.lengths_B[row]].tolist()
        return Completion(
            text=self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False),
            ids=tuple(ids),
            score=float(hypotheses.scores_B[row]),
            truncated=truncated,
            finished=bool(hypotheses.ended_B[row]),
        )

    def _generate_batch(self, prompts: list[list[int]], automaton: Automaton | None) -> Hypotheses:
        """Hypotheses as NumPy arrays, `batch_size` rows of them: those without a prompt come last."""
        width = bucket_width(max(map(len, prompts)), self.contract.max_prompt_tokens)
        tokens_BxP = np.zeros((self.config.batch_size, width), np.int32)
        mask_BxP = np.zeros((self.config.batch_size, width), bool)
        for row, ids in enumerate(prompts):
            tokens_BxP[row, : len(ids)] = ids
            mask_BxP[row, : len(ids)] = True
        real_B = mask_BxP.any(axis=1)
        # Attention needs a token in each row, in filler too.
        mask_BxP[:, 0] = True
        hypotheses = generate(
            self._model,
            tokens_BxP,
            mask_BxP,
            real_B,
            self._forbidden_V,
            automaton,
            num_beams=self.config.num_beams,
            max_new_tokens=self.config.answer_tokens(self.contract),
            eos_id=self._tokenizer.eos_token_id,
        )
        return jax.device_get(hypotheses)


def forbidden_tokens(tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> np.ndarray:
    """bool [vocab_size]: True for rows without a token and for control tokens except the end.

    Raises:
      ValueError: the tokenizer has more tokens than the model has rows.
    """
    if len(tokenizer) > vocab_size:
        raise ValueError(f"the tokenizer has {len(tokenizer)} tokens but the model has rows for {vocab_size}")
    forbidden = np.zeros(vocab_size, bool)
    forbidden[never_generated(tokenizer, vocab_size)] = True
    return forbidden


def bucket_width(length: int, limit: int) -> int:
    """The width of the batch whose longest prompt has `length` tokens, at most `limit`.

    >>> bucket_width(33, 1024), bucket_width(130, 1024), bucket_width(900, 1000)
    (64, 192, 1000)
    """
    return next((width for width in _WIDTHS if length <= width <= limit), limit)
