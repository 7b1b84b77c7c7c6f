"""Candidate tokens of prompts: the few rows of the vocabulary that the answer to each of them can hold.

An extraction that copies its spans writes tokens that stand in its text, in its queries, in `None` or in between: some
hundreds of a vocabulary of hundreds of thousands. The search then runs on these candidates, so that the head, the
choice of tokens and the tables of the automaton are that much smaller. Each prompt has its own, so that what else is in
its batch changes nothing, and the probabilities of its tokens are normalised over them.

Suffixes: B prompts, K beams, D hidden_size, U candidates, V vocabulary.
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
      ids_BxU: int32, their ids in the vocabulary, the end token first.
      real_BxU: bool, False for filler.
    """

    ids_BxU: jax.Array
    real_BxU: jax.Array

    def ids_of(self, numbers_BxN: jax.Array) -> jax.Array:
        """int32 [B, N]: the ids of candidates that are named by their numbers."""
        return jnp.take_along_axis(self.ids_BxU, numbers_BxN, axis=1)

    def of_vocabulary(self, array_BxV: jax.Array) -> jax.Array:
        """[B, U]: what belongs to each candidate of an array over the vocabulary."""
        return jnp.take_along_axis(array_BxV, self.ids_BxU, axis=1)

    def only_real(self, logits_BxKxU: jax.Array) -> jax.Array:
        """The logits with -inf for filler."""
        return jnp.where(self.real_BxU[:, None], logits_BxKxU, -jnp.inf)


def candidates_of(tokens: list[np.ndarray], end: int, rows: int, vocab_size: int) -> Candidates:
    """The candidates of each prompt, NumPy arrays.

    Args:
      tokens: int, the ids that each prompt's answer may hold, in any order and number.
      end: the id of the end token.
      rows: of the arrays; those beyond the prompts are filler, and have the end token alone.
    """
    ids = [np.concatenate([[end], np.setdiff1d(one, [end])]) for one in tokens]
    most = max(map(len, ids), default=1)
    ids_BxU = np.full((rows, max(min(power_of_two(most, _SMALLEST), vocab_size), most)), end, np.int32)
    real_BxU = np.zeros(ids_BxU.shape, bool)
    real_BxU[:, END] = True
    for row, of_prompt in enumerate(ids):
        ids_BxU[row, : len(of_prompt)] = of_prompt
        real_BxU[row, : len(of_prompt)] = True
    return Candidates(ids_BxU, real_BxU)


def numbers_of(ids_BxN: np.ndarray, candidates: Candidates) -> np.ndarray:
    """int32 [B, N]: the number of each id among the candidates of its prompt; that of the end token for any other."""
    numbers_BxN = np.full(ids_BxN.shape, END, np.int32)
    for row, (ids_N, ids_U, real_U) in enumerate(zip(ids_BxN, *candidates, strict=True)):
        # Sorted but for the end token, which is first.
        further_U = ids_U[real_U][1:]
        place_N = np.minimum(np.searchsorted(further_U, ids_N), max(len(further_U) - 1, 0))
        if len(further_U):
            numbers_BxN[row] = np.where(further_U[place_N] == ids_N, 1 + place_N, END)
    return numbers_BxN
