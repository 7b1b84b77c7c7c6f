"""Forced tokens of extractions: every `query:`, read in few passes because no step has to choose it.

Under the grammar nothing else can stand there. The first `query:` is read with the prompt; on accelerators greedy
search reads the others together with the token before them. Forced tokens count in the answer and its score as if steps
had chosen them.

Suffixes: B prompts, F forced tokens, N nodes, T last tokens, U candidates.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from seqgpt_jax.decoding.array_sizes import power_of_two
from seqgpt_jax.decoding.candidates import Candidates, numbers_of
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar

# One width of the arrays, so that few programs are compiled; longer echoes are chosen from there on.
_MOST = 15
# Tokens that a step reads at most: of an answer, and of a batch, by the dtype of the kernels. With so few, a step of a
# TPU or GPU should be bound by reading the weights, so that more tokens cost little (estimated, not timed). A CPU takes
# time for each: benchmarks/results/forced_tokens.md.
_MOST_A_STEP = 8
_MOST_OF_A_BATCH = {None: 128, "int8": 64}


class ForcedPrefix(NamedTuple):
    """What each answer of a batch begins with.

    Attributes:
      ids_BxF: int32, the tokens, by their numbers among the candidates; filler after them.
      lengths_B: int32, how many there are, at most F.
    """

    ids_BxF: jax.Array
    lengths_B: jax.Array


class ForcedEchoes(NamedTuple):
    """The forced tokens of all lines, by the node of the automaton that each leaves; int32 [B, N] each.

    Attributes:
      ids: the token, by its number among the candidates.
      left: how many are forced from it on; 0 where nothing is.
      target: the node after it.
    """

    ids: jax.Array
    left: jax.Array
    target: jax.Array

    def after(self, node_B: jax.Array, most: int, undecided_B: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The forced tokens after these nodes (int32), at most so many; none for rows that are decided.

        Returns:
          int32 [B, most], the tokens and anything after them; int32 [B], how many there are; int32 [B], the node after
          them.
        """
        nodes = self.left.shape[1]
        place_B = jnp.clip(node_B, 0, nodes - 1)

        def at(array: jax.Array, places_BxF: jax.Array) -> jax.Array:
            return jnp.take_along_axis(array, jnp.clip(places_BxF, 0, nodes - 1), axis=1)

        left_B = jnp.where(undecided_B & (place_B == node_B), at(self.left, place_B[:, None])[:, 0], 0)
        count_B = jnp.minimum(left_B, most)
        ids_BxF = at(self.ids, place_B[:, None] + jnp.arange(most))
        last_B = at(self.target, (place_B + count_B - 1)[:, None])[:, 0]
        return ids_BxF, count_B, jnp.where(count_B > 0, last_B, node_B)


def forced_prefixes(
    grammar: Grammar, prompts: Sequence[Prompt], rooms: Sequence[int], answer_tokens: int
) -> list[list[int]]:
    """The ids that the answer to each prompt begins with, at most as many as there is room for behind the prompt.

    Args:
      prompts: have been checked.
      rooms: tokens that fit behind each prompt.
      answer_tokens: most tokens of an answer, the end token included.
    """
    most = _width(answer_tokens)
    return [grammar.first_echo(prompt)[: min(most, room)] for prompt, room in zip(prompts, rooms, strict=True)]


def prefix_arrays(forced: Sequence[Sequence[int]], candidates: Candidates, answer_tokens: int) -> ForcedPrefix:
    """The forced ids of the first prompts of `candidates`; NumPy arrays, rows beyond them are empty."""
    ids_BxF = np.zeros((len(candidates.ids_BxU), _width(answer_tokens)), np.int32)
    lengths_B = np.zeros(len(ids_BxF), np.int32)
    for row, ids in enumerate(forced):
        ids_BxF[row, : len(ids)], lengths_B[row] = ids, len(ids)
    return ForcedPrefix(numbers_of(ids_BxF, candidates), lengths_B)


def echo_arrays(grammar: Grammar, prompts: Sequence[Prompt], candidates: Candidates) -> ForcedEchoes:
    """The forced tokens of the first prompts of `candidates`; NumPy arrays, rows beyond them are empty."""
    tables = [grammar.forced_tokens(prompt) for prompt in prompts]
    width = power_of_two(max(map(len, tables), default=1), least=64)
    array_BxNx3 = np.zeros((len(candidates.ids_BxU), width, 3), np.int32)
    for row, table in enumerate(tables):
        array_BxNx3[row, : len(table)] = table
    ids, left, target = (array_BxNx3[:, :, column] for column in range(3))
    return ForcedEchoes(numbers_of(ids, candidates), left, target)


def tokens_a_step(rows: int, answer_tokens: int, weight_dtype: str | None) -> int:
    """How many tokens of an answer a step of greedy search reads at most, in a batch of so many rows."""
    if jax.default_backend() == "cpu":
        return 1
    return max(min(_MOST_OF_A_BATCH[weight_dtype] // rows, _MOST_A_STEP, answer_tokens), 1)


def prefix_scores(prefix: ForcedPrefix, log_probs_BxTxU: jax.Array) -> jax.Array:
    """float32 [B]: the summed log-probabilities of the tokens of each prefix.

    Those of the last T tokens are given, of the first one that is chosen too.
    """
    number_F = jnp.arange(prefix.ids_BxF.shape[1])
    # What is behind the last token is of the first token that is chosen.
    before_BxF = jnp.maximum(log_probs_BxTxU.shape[1] - 1 - prefix.lengths_B[:, None] + number_F, 0)
    log_probs_BxFxU = jnp.take_along_axis(log_probs_BxTxU, before_BxF[..., None], axis=1)
    return sum_scores(log_probs_BxFxU, *prefix)


def sum_scores(log_probs_BxFxU: jax.Array, ids_BxF: jax.Array, counts_B: jax.Array) -> jax.Array:
    """float32 [B]: the summed log-probabilities of the first `counts_B` of some tokens."""
    scores_BxF = jnp.take_along_axis(log_probs_BxFxU, ids_BxF[..., None], axis=2)[..., 0]
    return jnp.where(jnp.arange(ids_BxF.shape[1]) < counts_B[:, None], scores_BxF, 0.0).sum(axis=1)


def _width(answer_tokens: int) -> int:
    """At least one token is left to be chosen."""
    return min(_MOST, answer_tokens - 1)
