"""Estimate of what asking will cost, from a sample of passages and the answers that are there."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.synthesis.budget import likely_tokens
from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.journal import Journal
from seqgpt_jax.synthesis.passage_state import state
from seqgpt_jax.synthesis.passages import Passage

SAMPLE = 500
# Where no answer is there to measure: about what a labelled passage takes.
_ANSWER_TOKENS = 120


@dataclass(frozen=True)
class Estimate:
    """What is still to be asked, without repetitions of rejected answers.

    Attributes:
      requests: passages without an answer, about.
      sampled: passages that were looked at.
      input_tokens, output_tokens: about.
      measured: answers that the tokens are the mean of; 0 where they are guessed by length.
      cost: 0 without prices.
    """

    requests: int
    sampled: int
    input_tokens: int
    output_tokens: int
    measured: int
    cost: float


def estimate(
    passages: Iterable[Passage], total: int, config: SynthesizeConfig, model: str, journal: Journal
) -> Estimate:
    """The estimate from the `SAMPLE` passages that a stable hash chooses; asks nothing."""
    sample = heapq.nsmallest(SAMPLE, passages, key=lambda passage: stable_hash("estimate", config.seed, passage.text))
    missing = [found.body for one in sample if (found := state(one, config, model, journal).missing)]
    requests = round(total * len(missing) / len(sample)) if sample else 0
    if journal.counted_answers:
        of_input, of_output = (tokens / journal.counted_answers for tokens in journal.counted_tokens)
    else:
        of_input = sum(map(likely_tokens, missing)) / len(missing) if missing else 0
        of_output = _ANSWER_TOKENS
    tokens = round(requests * of_input), round(requests * of_output)
    return Estimate(requests, len(sample), *tokens, journal.counted_answers, config.cost(*tokens))
