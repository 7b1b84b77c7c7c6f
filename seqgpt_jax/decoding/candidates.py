"""Candidate tokens of a batch: the few rows of the vocabulary that the answers to its prompts can hold.

An extraction that copies its spans writes tokens that stand in its text, in its queries, in `None` or in between: some
hundreds of a vocabulary of hundreds of thousands. The search then runs on the *union* of the batch's candidates, so
that the head, the choice of tokens and the tables of the automaton are that much smaller. The probabilities of a prompt
are normalised over the candidates of that prompt alone, whatever else is in its batch.

Suffixes: B prompts, E edges, C edges of texts, S states of a value, U candidates, V vocabulary.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from seqgpt_jax.decoding.array_sizes import power_of_two

END = 0
"""The number of the end token among the candidates."""

_SMALLEST = 512


class Candidates(NamedTuple):
    """The candidates of a batch.

    Attributes:
      ids_U: int32, their ids in the vocabulary, the end token first.
      own_BxU: bool, those of each prompt.
    """

    ids_U: jax.Array
    own_BxU: jax.Array

    def ids_of(self, numbers: jax.Array) -> jax.Array:
        """The ids of candidates that are named by their numbers, of any shape."""
        return self.ids_U[numbers]

    def logits_of(self, logits_BxKxU: jax.Array) -> jax.Array:
        """The logits [B, K, U] with -inf where a token is a candidate of other prompts only."""
        return jnp.where(self.own_BxU[:, None], logits_BxKxU, -jnp.inf)


def candidates_of(tokens: list[np.ndarray], end: int, batch_size: int, vocab_size: int) -> Candidates:
    """The candidates of a batch, NumPy arrays.

    Args:
      tokens: int, the ids that each prompt's answer may hold, in any order and number; rows beyond them are filler.
      end: the id of the end token.
    """
    every = np.unique(np.concatenate(tokens))
    ids = np.concatenate([[end], every[every != end]]).astype(np.int32)
    size = max(min(power_of_two(len(ids), _SMALLEST), vocab_size), len(ids))
    own = np.zeros((batch_size, size), bool)
    for row, of_prompt in enumerate(tokens):
        own[row, : len(ids)] = np.isin(ids, of_prompt)
    own[:, END] = True
    return Candidates(np.pad(ids, (0, size - len(ids)), constant_values=end), own)


def numbers_of(ids_U: np.ndarray, vocab_size: int) -> np.ndarray:
    """int32 [V]: the number of each id among these candidates; that of the end token for any other."""
    numbers = np.full(vocab_size, END, np.int32)
    numbers[ids_U[::-1]] = np.arange(len(ids_U), dtype=np.int32)[::-1]
    return numbers
