"""Beam search and greedy search over any next-token scorer, as pure functions on a state of fixed size.

The semantics are those of `transformers` 5, `generate(num_beams=K, do_sample=False)` with `early_stopping=False` and
any `length_penalty` and `repetition_penalty`, so that a model exported for others answers there as it answers here:

* Each step scores all K * V continuations and keeps the best 2 K, so that K continue even where
  all of the best K end.
* A continuation ends with the end-of-sequence token or at `max_new_tokens`. Only one among the
  best K of the step may enter the pool of K finished hypotheses, under its log-probability divided
  by its length to the power of `length_penalty` (the end token counts).
* An example is decided once its pool is full and the best running sum of log-probabilities,
  divided by its present length in the same way, does not beat the worst of the pool.
* The log-probability of a token that the prompt or the hypothesis has already is multiplied by `repetition_penalty`.
* Forbidden tokens are struck out after the softmax; probabilities are not renormalised.

Each example has a length of its own, so that examples may begin at different steps; a decided one stays as it is.

With one beam the search is greedy, as it is there: the first end token decides, and the repetition penalty multiplies
negative logits and divides positive ones.

Suffixes: B examples, K beams, V vocabulary, N `max_new_tokens`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

# Far below any sum of log-probabilities, yet finite: differences of two stay numbers.
NEG_INF = -1e9


class SearchState(NamedTuple):
    """State of the search between two steps.

    Attributes:
      length_B: int32, tokens of each running hypothesis so far.
      ids_BxKxN: int32, the running hypotheses; filled up with the end token.
      scores_BxK: float32, their summed log-probabilities, best first.
      token_scores_BxKxN: float32, the log-probability of each of their tokens among those that were allowed there.
      parents_BxK: int32, the beam that each running hypothesis continued in the last step.
      pool_ids_BxKxN: int32, the finished hypotheses, best first.
      pool_token_scores_BxKxN: as `token_scores_BxKxN`.
      pool_scores_BxK: float32, log-probability divided by the power of the length (of greedy search: by nothing);
        `NEG_INF` where there is no hypothesis yet.
      pool_full_BxK: bool, whether there is one.
      undecided_B: bool, whether another step can change the result of the example.
      finite_B: bool, whether all scores of the example have been finite so far; False decides it.
      length_penalty_B: float32, 0 compares sums of log-probabilities, 1 means.
    """

    length_B: jax.Array
    ids_BxKxN: jax.Array
    scores_BxK: jax.Array
    token_scores_BxKxN: jax.Array
    parents_BxK: jax.Array
    pool_ids_BxKxN: jax.Array
    pool_token_scores_BxKxN: jax.Array
    pool_scores_BxK: jax.Array
    pool_full_BxK: jax.Array
    undecided_B: jax.Array
    finite_B: jax.Array
    length_penalty_B: jax.Array

    @property
    def last_tokens_BxK(self) -> jax.Array:
        """The newest token of each running hypothesis (its length must be at least 1)."""
        return jnp.take_along_axis(self.ids_BxKxN, self.length_B[:, None, None] - 1, axis=2)[..., 0]


class Repetition(NamedTuple):
    """What a repeated token costs.

    Attributes:
      penalty: float32 [], above 1 where repetition is to be rarer.
      in_prompt_BxV: bool, the tokens of the prompts.
    """

    penalty: jax.Array
    in_prompt_BxV: jax.Array


class Hypotheses(NamedTuple):
    """The best hypothesis of each example.

    Attributes:
      ids_BxN: int32, with its end token; filled up with the end token.
      lengths_B: int32, tokens before the end token.
      ended_B: bool, False where `max_new_tokens` cut it off.
      scores_B: float32, mean log-probability of a token, the end token included (with more than one beam, as the
        repetition penalty has made them); NaN where the model's logits were
        NaN or infinite.
      token_scores_BxN: float32, the log-probability of each token, the end token included, among those that were
        allowed there; 0 beyond them.
    """

    ids_BxN: jax.Array
    lengths_B: jax.Array
    ended_B: jax.Array
    scores_B: jax.Array
    token_scores_BxN: jax.Array


def start(
    real_B: jax.Array,
    *,
    num_beams: int,
    max_new_tokens: int,
    eos_id: int,
    length_penalty_B: jax.Array | None = None,
) -> SearchState:
    """The state before the first token; rows with `real_B` False are filler and decided at once.

    Without `length_penalty_B` hypotheses are compared by their mean log-probability.
    """
    batch = real_B.shape[0]
    ids = jnp.full((batch, num_beams, max_new_tokens), eos_id, jnp.int32)
    worst = jnp.full((batch, num_beams), NEG_INF, jnp.float32)
    nothing = jnp.zeros(ids.shape, jnp.float32)
    return SearchState(
        length_B=jnp.zeros(batch, jnp.int32),
        ids_BxKxN=ids,
        # All beams hold the same prompt: only the first is continued, or all would stay the same.
        scores_BxK=worst.at[:, 0].set(0.0),
        token_scores_BxKxN=nothing,
        parents_BxK=jnp.zeros((batch, num_beams), jnp.int32),
        pool_ids_BxKxN=ids,
        pool_token_scores_BxKxN=nothing,
        pool_scores_BxK=worst,
        pool_full_BxK=jnp.zeros((batch, num_beams), bool),
        undecided_B=real_B,
        finite_B=jnp.ones(batch, bool),
        length_penalty_B=jnp.ones(batch, jnp.float32) if length_penalty_B is None else length_penalty_B,
    )


def after_forced(state: SearchState, ids_BxF: jax.Array, counts_B: jax.Array, scores_B: jax.Array) -> SearchState:
    """The state after tokens that were the only ones allowed, as if `step` had chosen them.

    Args:
      state: before the first token, or of greedy search.
      ids_BxF: int32, the tokens, and anything after them.
      counts_B: int32, how many there are; fewer than may still follow.
      scores_B: float32, their summed log-probabilities.
    """
    number_BxN = jnp.arange(state.ids_BxKxN.shape[2]) - state.length_B[:, None]
    forced_BxN = jnp.take_along_axis(ids_BxF, jnp.clip(number_BxN, 0, ids_BxF.shape[1] - 1), axis=1)
    here_BxN = (number_BxN >= 0) & (number_BxN < counts_B[:, None])
    return state._replace(
        length_B=state.length_B + counts_B,
        ids_BxKxN=jnp.where(here_BxN[:, None], forced_BxN[:, None], state.ids_BxKxN),
        scores_BxK=state.scores_BxK.at[:, 0].add(scores_B),
    )


def step(
    state: SearchState,
    logits_BxKxV: jax.Array,
    forbidden: jax.Array,
    repetition: Repetition | None = None,
    *,
    eos_id: int,
) -> SearchState:
    """The state with one more token in each running hypothesis of the undecided examples.

    Args:
      state: before the step.
      logits_BxKxV: float32, of the token that follows each running hypothesis.
      forbidden: bool [V] or [B, K, V], True where a token must not be chosen. A hypothesis that no token may
        continue scores -inf from then on.
      repetition: None where it costs nothing.
      eos_id: the end-of-sequence token.
    """
    num_beams = state.scores_BxK.shape[1]
    update = _greedy_step if num_beams == 1 else _beam_step
    normalizer_BxK = jax.nn.logsumexp(logits_BxKxV, axis=-1)
    finite_B = state.finite_B & (jnp.isfinite(normalizer_BxK).all(axis=1) | ~state.undecided_B)
    length_B = state.length_B + state.undecided_B
    state = update(state, logits_BxKxV, normalizer_BxK, forbidden, repetition, eos_id)
    undecided_B = state.undecided_B & finite_B & (length_B < state.ids_BxKxN.shape[2])
    return state._replace(length_B=length_B, finite_B=finite_B, undecided_B=undecided_B)


def best(state: SearchState, *, eos_id: int) -> Hypotheses:
    """The best hypotheses of the decided examples."""
    ids_BxN = state.pool_ids_BxKxN[:, 0]
    is_end_BxN = ids_BxN == eos_id
    ended_B = is_end_BxN.any(axis=1)
    lengths_B = jnp.where(ended_B, jnp.argmax(is_end_BxN, axis=1), state.length_B).astype(jnp.int32)
    scores_B = state.pool_scores_BxK[:, 0]
    if state.scores_BxK.shape[1] == 1:  # greedy search keeps sums
        scores_B = scores_B / jnp.maximum(lengths_B + ended_B, 1)
    else:
        tokens_B = jnp.maximum(lengths_B + ended_B, 1)
        by_mean_B = state.length_penalty_B == 1
        scores_B = jnp.where(by_mean_B, scores_B, scores_B * _divisor(state, tokens_B) / tokens_B)
    scores_B = jnp.where(state.finite_B, scores_B, jnp.nan)
    written_BxN = jnp.arange(ids_BxN.shape[1]) < (lengths_B + ended_B)[:, None]
    token_scores_BxN = jnp.where(written_BxN, state.pool_token_scores_BxKxN[:, 0], 0.0)
    return Hypotheses(ids_BxN, lengths_B, ended_B, scores_B, token_scores_BxN)


def _best_tokens(
    logits: jax.Array, normalizer: jax.Array, forbidden: jax.Array, count: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(log-probabilities, those among the allowed tokens, ids) of the best `count` allowed tokens, all [..., count].

    Never holds log-probabilities of the whole vocabulary: choosing needs the logits alone.
    """
    allowed = jnp.where(forbidden, -jnp.inf, logits)
    values, ids = jax.lax.top_k(allowed, count)
    among_allowed = values - jax.nn.logsumexp(allowed, axis=-1, keepdims=True)
    # Where no token is allowed there is no number.
    among_allowed = jnp.where(jnp.isfinite(values), among_allowed, NEG_INF)
    return values - normalizer[..., None], among_allowed, ids.astype(jnp.int32)


def _append(array_BxKxN: jax.Array, new_BxK: jax.Array, index_B: jax.Array) -> jax.Array:
    """The array with `new_BxK` at place `index_B` of its last axis; unchanged where there is no such place."""
    here_Bx1xN = jnp.arange(array_BxKxN.shape[2]) == index_B[:, None, None]
    return jnp.where(here_Bx1xN, new_BxK[..., None], array_BxKxN)


def _divisor(state: SearchState, length_B: jax.Array) -> jax.Array:
    """float32 [B]: what the log-probability of a hypothesis of so many tokens is divided by."""
    length_B = jnp.asarray(length_B, jnp.float32)
    return jnp.where(state.length_penalty_B == 1, length_B, length_B**state.length_penalty_B)


def _penalized(state: SearchState, repetition: Repetition, scores_BxKxV: jax.Array) -> jax.Array:
    """The scores with the penalty on tokens that the prompt or the hypothesis has already."""
    batch, num_beams, size = state.ids_BxKxN.shape
    penalty, in_prompt_BxV = repetition
    rows = (jnp.arange(batch)[:, None, None], jnp.arange(num_beams)[None, :, None])
    there_BxKxV = jnp.broadcast_to(in_prompt_BxV[:, None], scores_BxKxV.shape)
    there_BxKxV = there_BxKxV.at[*rows, state.ids_BxKxN].max(jnp.arange(size) < state.length_B[:, None, None])
    changed = jnp.where(scores_BxKxV < 0, scores_BxKxV * penalty, scores_BxKxV / penalty)
    return jnp.where(there_BxKxV, changed, scores_BxKxV)


def _take(array_BxKx: jax.Array, chosen_BxJ: jax.Array) -> jax.Array:
    """Rows `chosen_BxJ` along axis 1: [B, K, ...] -> [B, J, ...]."""
    shape = chosen_BxJ.shape + (1,) * (array_BxKx.ndim - 2)
    return jnp.take_along_axis(array_BxKx, chosen_BxJ.reshape(shape), axis=1)


def _beam_step(
    state: SearchState,
    logits_BxKxV: jax.Array,
    normalizer_BxK: jax.Array,
    forbidden: jax.Array,
    repetition: Repetition | None,
    eos_id: int,
) -> SearchState:
    batch, num_beams, max_new_tokens = state.ids_BxKxN.shape
    per_beam = min(2 * num_beams, logits_BxKxV.shape[-1])
    if repetition:
        logits_BxKxV = _penalized(state, repetition, logits_BxKxV - normalizer_BxK[..., None])
        normalizer_BxK = jnp.zeros_like(normalizer_BxK)
    log_probs, among_allowed, ids = _best_tokens(logits_BxKxV, normalizer_BxK, forbidden, per_beam)
    # The best 2 K of a beam hold all of its continuations that can be among the best 2 K of all.
    sums = (log_probs + state.scores_BxK[:, :, None]).reshape(batch, -1)
    sums_BxC, where_BxC = jax.lax.top_k(sums, 2 * num_beams)
    parents_BxC = (where_BxC // per_beam).astype(jnp.int32)
    tokens_BxC = _take(ids.reshape(batch, -1), where_BxC)
    grown_BxCxN = _append(_take(state.ids_BxKxN, parents_BxC), tokens_BxC, state.length_B)
    token_scores_BxC = _take(among_allowed.reshape(batch, -1), where_BxC)
    token_scores_BxCxN = _append(_take(state.token_scores_BxKxN, parents_BxC), token_scores_BxC, state.length_B)
    length_B = state.length_B + 1
    ends_BxC = (tokens_BxC == eos_id) | (length_B == max_new_tokens)[:, None]

    scores_BxK, running_BxK = jax.lax.top_k(sums_BxC + jnp.where(ends_BxC, NEG_INF, 0.0), num_beams)

    enters_BxC = ends_BxC & (jnp.arange(2 * num_beams) < num_beams)
    divisor_Bx1 = _divisor(state, length_B)[:, None]
    penalized_BxC = jnp.where(enters_BxC & state.undecided_B[:, None], sums_BxC / divisor_Bx1, NEG_INF)
    pool_scores_BxK, kept_BxK = jax.lax.top_k(
        jnp.concatenate([state.pool_scores_BxK, penalized_BxC], axis=1), num_beams
    )
    pool_full_BxK = _take(jnp.concatenate([state.pool_full_BxK, enters_BxC], axis=1), kept_BxK)
    pool_ids_BxKxN = _take(jnp.concatenate([state.pool_ids_BxKxN, grown_BxCxN], axis=1), kept_BxK)
    pool_token_scores_BxKxN = _take(
        jnp.concatenate([state.pool_token_scores_BxKxN, token_scores_BxCxN], axis=1), kept_BxK
    )

    worst_BxK = jnp.where(pool_full_BxK, pool_scores_BxK.min(axis=1, keepdims=True), NEG_INF)
    can_improve_B = (scores_BxK[:, :1] / divisor_Bx1 > worst_BxK).any(axis=1)
    return state._replace(
        ids_BxKxN=_take(grown_BxCxN, running_BxK),
        scores_BxK=scores_BxK,
        token_scores_BxKxN=_take(token_scores_BxCxN, running_BxK),
        parents_BxK=_take(parents_BxC, running_BxK),
        pool_ids_BxKxN=pool_ids_BxKxN,
        pool_token_scores_BxKxN=pool_token_scores_BxKxN,
        pool_scores_BxK=pool_scores_BxK,
        pool_full_BxK=pool_full_BxK,
        undecided_B=state.undecided_B & can_improve_B,
    )


def _greedy_step(
    state: SearchState,
    logits_Bx1xV: jax.Array,
    normalizer_Bx1: jax.Array,
    forbidden: jax.Array,
    repetition: Repetition | None,
    eos_id: int,
) -> SearchState:
    log_probs, among_allowed, ids = _best_tokens(logits_Bx1xV, normalizer_Bx1, forbidden, 1)
    if repetition:
        _, among_allowed, ids = _best_tokens(_penalized(state, repetition, logits_Bx1xV), normalizer_Bx1, forbidden, 1)
        log_probs = jnp.take_along_axis(logits_Bx1xV, ids, axis=-1) - normalizer_Bx1[..., None]
    token_B = jnp.where(state.undecided_B, ids[:, 0, 0], eos_id)
    scores_Bx1 = state.scores_BxK + jnp.where(state.undecided_B[:, None], log_probs[:, :, 0], 0.0)
    ids_Bx1xN = _append(state.ids_BxKxN, token_B[:, None], state.length_B)
    token_scores_Bx1xN = _append(state.token_scores_BxKxN, among_allowed[:, :, 0], state.length_B)
    return state._replace(
        ids_BxKxN=ids_Bx1xN,
        scores_BxK=scores_Bx1,
        token_scores_BxKxN=token_scores_Bx1xN,
        pool_ids_BxKxN=ids_Bx1xN,
        pool_token_scores_BxKxN=token_scores_Bx1xN,
        pool_scores_BxK=scores_Bx1,
        undecided_B=state.undecided_B & (token_B != eos_id),
    )
