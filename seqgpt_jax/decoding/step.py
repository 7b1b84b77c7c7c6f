"""Compiled generation: prefill of the prompts, then decoding one token a step.

Each prompt is read once, not once for each beam. In the steps the beams of an example are rows of
one matrix, so its prompt's keys are read once for all of them. Layers are unrolled there: a scan over
them copies each layer's weights and cache at every step, which costs a quarter of the time in
bfloat16 on a CPU (8 layers of width 1,024; nothing in float32).

Suffixes: B examples, K beams, H heads, G heads of keys, R = H / G, P prompt tokens, N answer tokens, E head_dim,
V vocabulary.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from seqgpt_jax.decoding import beam_search, constraints
from seqgpt_jax.decoding.beam_search import Hypotheses, Repetition, SearchState
from seqgpt_jax.decoding.cache import AnswerCache, PromptCache, empty_answers, write
from seqgpt_jax.decoding.candidates import END, Candidates
from seqgpt_jax.decoding.constraints import Automaton, AutomatonState
from seqgpt_jax.models.attention import MASKED, attend
from seqgpt_jax.models.backbone import Backbone, Block
from seqgpt_jax.models.matmul import product

# Room for answer tokens at first, and how it grows whenever it is full. Attention reads all of the
# room at every step and most answers are short; but each size is one more program to compile.
_FIRST_ROOM = 64
_GROWTH = 4


def for_decoding(model: Backbone) -> Backbone:
    """The model with its matrices in the compute dtype, so that no step has to convert them.

    Norms stay as they are: they are computed in float32. Arrays that need no change are shared.
    """
    dtype = jnp.dtype(model.config.dtype)

    def cast(path: tuple, leaf: jax.Array) -> jax.Array:
        return leaf if "norm" in jax.tree_util.keystr(path) else leaf.astype(dtype)

    return jax.tree_util.tree_map_with_path(cast, model)


def generate(
    model: Backbone,
    tokens_BxP: jax.Array,
    mask_BxP: jax.Array,
    real_B: jax.Array,
    forbidden_V: jax.Array,
    automaton: Automaton | None = None,
    length_penalty_B: jax.Array | None = None,
    candidates: Candidates | None = None,
    *,
    num_beams: int,
    max_new_tokens: int,
    eos_id: int,
    repetition_penalty: float = 1.0,
) -> Hypotheses:
    """The best answer to each prompt.

    Args:
      model: from `for_decoding`.
      tokens_BxP: int32, prompts padded on either side.
      mask_BxP: bool, False for padding; each row has a token.
      real_B: bool, False for rows that only fill the batch up: nothing waits for them.
      forbidden_V: bool, True where a token is never chosen.
      automaton: what each answer may be; None: anything.
      length_penalty_B: float32, 0 compares hypotheses by the sum of log-probabilities, 1 (as without it) by the mean.
      candidates: tokens that `automaton` names by their numbers among them, and over which probabilities are
        normalised; None: all of the vocabulary.
      num_beams: beams of the search; 1 is greedy.
      max_new_tokens: most tokens of an answer, its end token included.
      eos_id: the end-of-sequence token.
      repetition_penalty: on tokens that the prompt or the answer has already; 1 is none.
    """
    repetition = None
    if repetition_penalty != 1:
        rows_Bx1 = jnp.arange(len(tokens_BxP))[:, None]
        nothing_BxV = jnp.zeros((len(tokens_BxP), len(forbidden_V)), bool)
        in_prompt_BxV = nothing_BxV.at[rows_Bx1, tokens_BxP].max(mask_BxP)
        repetition = Repetition(jnp.float32(repetition_penalty), in_prompt_BxV)
    prompt, logits_BxV = prefill(model, tokens_BxP, mask_BxP)
    if candidates is not None:
        # From here on a token is its number among the candidates.
        eos_id = END
        logits_BxV = candidates.logits_of(logits_BxV[:, None, candidates.ids_U])[:, 0]
        forbidden_V = forbidden_V[candidates.ids_U]
        if repetition:
            repetition = repetition._replace(in_prompt_BxV=repetition.in_prompt_BxV[:, candidates.ids_U])
    sizes = {"num_beams": num_beams, "max_new_tokens": max_new_tokens, "eos_id": eos_id}
    state, automaton_state = begin(logits_BxV, real_B, forbidden_V, automaton, length_penalty_B, repetition, **sizes)
    room = min(_FIRST_ROOM, max_new_tokens)
    answers = empty_answers(prompt, num_beams, room)
    while True:
        state, answers, automaton_state = extend(
            model, prompt, state, answers, automaton_state, forbidden_V, automaton, candidates, eos_id=eos_id
        )
        if room == max_new_tokens or not state.keep_going:
            found = beam_search.best(state, eos_id=eos_id)
            return found if candidates is None else found._replace(ids_BxN=candidates.ids_of(found.ids_BxN))
        room = min(_GROWTH * room, max_new_tokens)
        answers = answers.resized(room)


@jax.jit
def prefill(model: Backbone, tokens_BxP: jax.Array, mask_BxP: jax.Array) -> tuple[PromptCache, jax.Array]:
    """The prompts' keys and values, and float32 [B, V] logits of the first answer token."""
    positions_BxP = jnp.maximum(jnp.cumsum(mask_BxP, axis=1) - 1, 0).astype(jnp.int32)
    graph, state = nnx.split(model.layers)
    length = tokens_BxP.shape[1]
    # A padding token sees itself and what is before it; nobody reads what comes out there.
    visible_BxPxP = jnp.tri(length, dtype=bool) & (mask_BxP[:, None, :] | ~mask_BxP[:, :, None])

    def run(x_BxPxD: jax.Array, layer: nnx.State) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        cached = []

        def attend_and_keep(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
            cached.extend((k.swapaxes(1, 2), v.swapaxes(1, 2)))
            return attend(q, k, v, model.key_bias(positions_BxP), visible_BxPxP)

        x_BxPxD = nnx.merge(graph, layer)(x_BxPxD, positions_BxP, attend_and_keep)
        return x_BxPxD, tuple(cached)

    x_BxPxD, (keys, values) = jax.lax.scan(run, model.embed(tokens_BxP), state)
    last_B = length - 1 - jnp.argmax(mask_BxP[:, ::-1], axis=1)
    x_BxD = jnp.take_along_axis(x_BxPxD, last_B[:, None, None], axis=1)[:, 0]
    return PromptCache(keys, values, positions_BxP, mask_BxP), model.logits(model.final_norm(x_BxD))


@partial(jax.jit, static_argnames=("num_beams", "max_new_tokens", "eos_id"))
def begin(
    logits_BxV: jax.Array,
    real_B: jax.Array,
    forbidden_V: jax.Array,
    automaton: Automaton | None,
    length_penalty_B: jax.Array | None = None,
    repetition: Repetition | None = None,
    *,
    num_beams: int,
    max_new_tokens: int,
    eos_id: int,
) -> tuple[SearchState, AutomatonState | None]:
    """The search after its first token."""
    state = beam_search.start(
        real_B,
        num_beams=num_beams,
        max_new_tokens=max_new_tokens,
        eos_id=eos_id,
        length_penalty_B=length_penalty_B,
        repetition=repetition,
    )
    automaton_state = None if automaton is None else constraints.initial_state(automaton, num_beams)
    logits_BxKxV = jnp.broadcast_to(logits_BxV[:, None], (*state.scores_BxK.shape, logits_BxV.shape[1]))
    return _choose(state, automaton_state, logits_BxKxV, forbidden_V, automaton, eos_id)


def _choose(
    state: SearchState,
    automaton_state: AutomatonState | None,
    logits_BxKxV: jax.Array,
    forbidden_V: jax.Array,
    automaton: Automaton | None,
    eos_id: int,
) -> tuple[SearchState, AutomatonState | None]:
    """One more token in each hypothesis, and where that leaves it in its automaton."""
    if automaton is None:
        return beam_search.step(state, logits_BxKxV, forbidden_V, eos_id=eos_id), None
    remaining = state.ids_BxKxN.shape[2] - state.length
    forbidden_BxKxV = forbidden_V | constraints.forbidden_tokens(automaton, automaton_state, remaining)
    state = beam_search.step(state, logits_BxKxV, forbidden_BxKxV, eos_id=eos_id)
    return state, constraints.advance(automaton, automaton_state, state.parents_BxK, state.last_tokens_BxK)


@partial(jax.jit, static_argnames=("eos_id",), donate_argnames=("state", "answers", "automaton_state"))
def extend(
    model: Backbone,
    prompt: PromptCache,
    state: SearchState,
    answers: AnswerCache,
    automaton_state: AutomatonState | None,
    forbidden_V: jax.Array,
    automaton: Automaton | None,
    candidates: Candidates | None = None,
    *,
    eos_id: int,
) -> tuple[SearchState, AnswerCache, AutomatonState | None]:
    """Searches on until every example is decided or `answers` is full."""
    blocks = [model.block(index) for index in range(model.config.n_layer)]
    head_UxD = None if candidates is None else model.head()[candidates.ids_U]

    Carry = tuple[SearchState, AnswerCache, AutomatonState | None]

    def keep_going(carry: Carry) -> jax.Array:
        state, answers, _ = carry
        return state.keep_going & (state.length <= answers.size)

    def step(carry: Carry) -> Carry:
        state, answers, automaton_state = carry
        tokens_BxK = state.last_tokens_BxK if candidates is None else candidates.ids_of(state.last_tokens_BxK)
        x_BxKxD, answers = advance(model, blocks, prompt, state, answers, tokens_BxK)
        logits_BxKxV = model.logits(model.final_norm(x_BxKxD), head_UxD)
        if candidates is not None:
            logits_BxKxV = candidates.logits_of(logits_BxKxV)
        state, automaton_state = _choose(state, automaton_state, logits_BxKxV, forbidden_V, automaton, eos_id)
        return state, answers, automaton_state

    return jax.lax.while_loop(keep_going, step, (state, answers, automaton_state))


def advance(
    model: Backbone,
    blocks: list[Block],
    prompt: PromptCache,
    state: SearchState,
    answers: AnswerCache,
    tokens_BxK: jax.Array,
) -> tuple[jax.Array, AnswerCache]:
    """Reads the newest token of each hypothesis: [B, K, D] after the last block, and the cache with it."""
    index = state.length - 1
    answers = answers.with_token_slot(state.parents_BxK, index)
    bias_BxHxPx1, bias_BxHxMxK = _biases(model, prompt, answers, index)
    positions_BxK = jnp.broadcast_to((prompt.lengths_B + index)[:, None], state.last_tokens_BxK.shape)
    all_keys, all_values = [], []

    def attend_to_cache(layer: int, q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        keys = write(answers.keys[layer], k, index)
        values = write(answers.values[layer], v, index)
        all_keys.append(keys)
        all_values.append(values)
        parts = (
            (prompt.keys_YxBxGxPxE[layer], prompt.values_YxBxGxPxE[layer], bias_BxHxPx1),
            (keys, values, bias_BxHxMxK),
        )
        return attend_parts(q, parts)

    x_BxKxD = model.embed(tokens_BxK)
    for layer, block in enumerate(blocks):
        x_BxKxD = block(x_BxKxD, positions_BxK, partial(attend_to_cache, layer))
    answers = answers._replace(keys=tuple(all_keys), values=tuple(all_values))
    return x_BxKxD, answers


def _biases(
    model: Backbone, prompt: PromptCache, answers: AnswerCache, index: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """float32 [B, H, P, 1] and [B, H, M, K]: the bias of a key that a hypothesis sees, `MASKED` for any other."""
    prompt_BxHxP = model.key_bias(prompt.positions_BxP)
    beams = answers.ancestors_BxKxN.shape[1]
    positions_BxM = prompt.lengths_B[:, None] + jnp.arange(answers.size * beams) // beams
    answer_BxHxM = model.key_bias(positions_BxM)
    return (
        jnp.where(prompt.mask_BxP[:, None], prompt_BxHxP, MASKED)[..., None],
        jnp.where(answers.visible_BxMxK(index)[:, None], answer_BxHxM[..., None], MASKED),
    )


def attend_parts(q_BxKxHxE: jax.Array, parts: tuple[tuple[jax.Array, jax.Array, jax.Array], ...]) -> jax.Array:
    """One softmax over the keys of several parts, as [B, K, H, E] in the dtype of `q`.

    Args:
      q_BxKxHxE: the queries of the beams; H / G successive heads of them share one of the keys.
      parts: keys and values [B, G, S, E], and biases that broadcast with [B, H, S, K].
    """
    dtype, scale = q_BxKxHxE.dtype, q_BxKxHxE.shape[-1] ** -0.5
    B, K, H, E = q_BxKxHxE.shape
    G = parts[0][0].shape[1]
    # The heads of a group are further queries of the one head of keys: nothing is repeated.
    q_BxGxRKxE = q_BxKxHxE.swapaxes(1, 2).reshape(B, G, -1, E)
    # Keys times queries and a swap afterwards, in this order: XLA's CPU backend rearranges the keys for
    # other orders, which made the whole twice as slow.
    scores = []
    for keys_BxGxSxE, _, bias in parts:
        scores_BxGxSxRK = product("bgse,bgke->bgsk", keys_BxGxSxE, q_BxGxRKxE, dtype, jnp.float32) * scale
        scores.append(scores_BxGxSxRK + _by_group(bias, G, H // G, K))
    weights_BxGxSxRK = jax.nn.softmax(jnp.concatenate(scores, axis=2), axis=2)
    weights_BxGxRKxS = weights_BxGxSxRK.swapaxes(2, 3).astype(dtype)
    context_BxGxRKxE, start = 0.0, 0
    for keys, values, _ in parts:
        end = start + keys.shape[2]
        context_BxGxRKxE += product("bgks,bgse->bgke", weights_BxGxRKxS[..., start:end], values, dtype, jnp.float32)
        start = end
    return context_BxGxRKxE.reshape(B, H, K, E).swapaxes(1, 2).astype(dtype)


def _by_group(bias: jax.Array, groups: int, of_group: int, queries: int) -> jax.Array:
    """A bias that broadcasts with [B, H, S, K] as one that does with [B, G, S, R·K]."""
    if of_group == 1:
        return bias
    B, H, S, K = bias.shape
    bias_BxGxSxRxK = bias.reshape(B, groups if H > 1 else 1, -1, S, K).swapaxes(2, 3)
    return jnp.broadcast_to(bias_BxGxSxRxK, (*bias_BxGxSxRxK.shape[:3], of_group, queries)).reshape(
        B, bias_BxGxSxRxK.shape[1], S, -1
    )
