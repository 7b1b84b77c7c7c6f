"""Forced beginning of an answer: the tokens of the first `query:`, which are read with the prompt in one pass.

Under the grammar nothing else can stand there, so that no step has to choose it. The tokens count in the answer and its
score as if steps had chosen them.

Suffixes: B prompts, F tokens.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from seqgpt_jax.decoding.candidates import Candidates, numbers_of
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar

# One width of the arrays, so that few programs are compiled; longer echoes are chosen from there on.
_MOST = 15


class ForcedPrefix(NamedTuple):
    """What each answer of a batch begins with.

    Attributes:
      ids_BxF: int32, the tokens, by their numbers among the candidates; filler after them.
      lengths_B: int32, how many there are, at most F.
    """

    ids_BxF: jax.Array
    lengths_B: jax.Array


def forced_tokens(
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


def _width(answer_tokens: int) -> int:
    """At least one token is left to be chosen."""
    return min(_MOST, answer_tokens - 1)
