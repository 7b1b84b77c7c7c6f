"""Compiled parts of generation: prefill of prompts, and decoding one token a step, or several where they are forced.

Each prompt is read once, not once for each beam. In the steps the beams of an example are rows of
one matrix, so its prompt's keys are read once for all of them. Layers are apart, in the steps one after
the other in one program: a scan over a stack of them, or of their caches, copies each at every step.

Suffixes: B examples, K beams, H heads, G heads of keys, P prompt tokens, N answer tokens, E head_dim,
U candidates, V vocabulary, F forced tokens; Q queries of a step: the newest token of each beam, or several tokens of
one; in `prefill` R rows of packed prompts.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from seqgpt_jax.decoding import beam_search, constraints
from seqgpt_jax.decoding.beam_search import Repetition, SearchState
from seqgpt_jax.decoding.cache import CACHE_AXES, AnswerCache, PromptCache, write
from seqgpt_jax.decoding.cache_attention import Part, attend_parts
from seqgpt_jax.decoding.candidates import Candidates
from seqgpt_jax.decoding.constraints import Automaton, AutomatonState
from seqgpt_jax.decoding.forced_tokens import ForcedEchoes, ForcedPrefix, prefix_scores, sum_scores
from seqgpt_jax.decoding.prompt_packing import PackedPrompts
from seqgpt_jax.models.attention import MASKED, Window, attend
from seqgpt_jax.models.backbone import Backbone, Block
from seqgpt_jax.models.layers import Linear
from seqgpt_jax.models.matmul import product
from seqgpt_jax.models.sharding import constrain


class Search(NamedTuple):
    """A batch of searches between two steps; each row is of its own.

    Attributes:
      prompt: the cache of the prompts.
      prefilled_B: int32, tokens of the answers that are in `prompt` (`ForcedPrefix`).
      state: the hypotheses.
      automaton, automaton_state: what each answer may be, and where each hypothesis is in it; None: anything.
      echoes: forced tokens of `automaton`, of which a step of greedy search over `candidates` reads several; None: a
        step reads one token.
      candidates, head_BxUxD: tokens that `automaton` and `state` name by their numbers among them, and their rows of
        the head, in the compute dtype; None: all of the vocabulary.
      repetition: None where it costs nothing.
    """

    prompt: PromptCache
    prefilled_B: jax.Array
    state: SearchState
    automaton: Automaton | None
    automaton_state: AutomatonState | None
    echoes: ForcedEchoes | None
    candidates: Candidates | None
    head_BxUxD: jax.Array | None
    repetition: Repetition | None


# What changes from step to step.
Carry = tuple[SearchState, AutomatonState | None, AnswerCache]


class DecodingModel(NamedTuple):
    """A model as decoding computes with it.

    Attributes:
      backbone: all but its layers, its matrices in the compute dtype.
      blocks: the layers. A program that is given their stack copies each of them out of it whenever it runs.
    """

    backbone: Backbone
    blocks: tuple[Block, ...]


def for_decoding(model: Backbone, weight_dtype: str | None = None, *, take_over: bool = False) -> DecodingModel:
    """The model with its matrices in the compute dtype, so that no step has to convert them, and its layers apart.

    Norms stay as they are: they are computed in float32. Arrays outside of the layers that need no change are shared.

    Args:
      model: any backbone.
      weight_dtype: "int8" rounds the kernels of the layers (`Linear.quantize`); not the table, nor an untied head.
      take_over: delete each array as soon as it is cut or converted, so that never more than one of them is there
        twice; `model` cannot be used afterwards.
    """
    dtype = jnp.dtype(model.config.dtype)

    def cast(path: tuple, leaf: jax.Array) -> jax.Array:
        name = jax.tree_util.keystr(path)
        # What becomes int8 is rounded once, from what it is now.
        if "norm" in name or leaf.dtype == dtype or (weight_dtype == "int8" and "kernel" in name):
            return leaf
        converted = leaf.astype(dtype)
        if take_over:
            leaf.delete()
        return converted

    graph, layers = nnx.split(model.layers)
    stacked, tree = jax.tree_util.tree_flatten_with_path(layers)
    cut = []
    for path, leaf in stacked:
        cut.append([cast(path, _layer(leaf, index)) for index in range(model.config.n_layer)])
        if take_over:
            leaf.delete()
    blocks = tuple(nnx.merge(graph, tree.unflatten(leaves)) for leaves in zip(*cut, strict=True))
    del cut  # so that a kernel is gone when it is rounded
    if weight_dtype == "int8":
        for _, module in nnx.iter_modules(blocks):
            if isinstance(module, Linear):
                module.quantize()
    rest = nnx.clone(model, variables=False)
    rest.layers = None
    return DecodingModel(jax.tree_util.tree_map_with_path(cast, rest), blocks)


@jax.jit
def _layer(stacked: jax.Array, index: jax.Array | int) -> jax.Array:
    """One layer's array; eager indexing would compile a program for each index."""
    return jax.lax.dynamic_index_in_dim(stacked, index, keepdims=False)


def prefill(model: DecodingModel, packed: PackedPrompts, *, last: int = 1) -> tuple[PromptCache, jax.Array]:
    """The prompts' keys and values, and the hidden states [B, last, D] of their last tokens after the final norm.

    One program runs for all blocks, one block after the other, and compiles no longer than for one of them.
    """
    packed = jax.device_put(packed)  # once, not for each block
    x_RxPxD, bias_RxHxP, visible_RxPxP = _embed(model.backbone, packed)
    keys, values = [], []
    for layer, block in enumerate(model.blocks):
        positions_RxP, places_BxP = packed.positions_RxP, packed.places_BxP
        x_RxPxD, k, v = _read_block(block, layer, x_RxPxD, positions_RxP, bias_RxHxP, visible_RxPxP, places_BxP)
        keys.append(k)
        values.append(v)
    positions_BxP, hidden_BxTxD = _last_hidden(model.backbone, packed, x_RxPxD, last=last)
    return PromptCache(tuple(keys), tuple(values), positions_BxP, packed.mask_BxP), hidden_BxTxD


@jax.jit
def _embed(backbone: Backbone, packed: PackedPrompts) -> tuple[jax.Array, jax.Array, jax.Array]:
    """What the first block reads, the bias of the keys, and what each token sees."""
    return backbone.embed(packed.tokens_RxP), backbone.key_bias(packed.positions_RxP), packed.visible()


@jax.jit
def _read_block(
    block: Block,
    layer: jax.Array | int,
    x_RxPxD: jax.Array,
    positions_RxP: jax.Array,
    bias_RxHxP: jax.Array,
    visible_RxPxP: jax.Array,
    places_BxP: jax.Array | None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """One block of `prefill`: what comes out, and the keys and values [B, G, P, E] of the prompts."""
    cached = []

    def attend_and_keep(q: jax.Array, k: jax.Array, v: jax.Array, window: Window | None = None) -> jax.Array:
        of_prompts = (_of_prompts(array, places_BxP).swapaxes(1, 2) for array in (k, v))
        cached.extend(constrain(array, *CACHE_AXES) for array in of_prompts)
        seen = visible_RxPxP if window is None else visible_RxPxP & window.mask(positions_RxP, positions_RxP)
        return attend(q, k, v, bias_RxHxP, seen)

    return block(x_RxPxD, positions_RxP, attend_and_keep, layer), *cached


@partial(jax.jit, static_argnames=("last",))
def _last_hidden(
    backbone: Backbone, packed: PackedPrompts, x_RxPxD: jax.Array, *, last: int
) -> tuple[jax.Array, jax.Array]:
    """The positions [B, P] of the prompts' tokens, and the last hidden states [B, last, D]."""
    mask_BxP = packed.mask_BxP
    last_B = mask_BxP.shape[1] - 1 - jnp.argmax(mask_BxP[:, ::-1], axis=1)
    # Shorter prompts have anything in the first places.
    where_BxT = jnp.maximum(last_B[:, None] + jnp.arange(1 - last, 1), 0)
    x_BxTxD = jnp.take_along_axis(_of_prompts(x_RxPxD, packed.places_BxP), where_BxT[..., None], axis=1)
    return _of_prompts(packed.positions_RxP, packed.places_BxP), backbone.final_norm(x_BxTxD)


def _of_prompts(array_RxPxX: jax.Array, places_BxP: jax.Array | None) -> jax.Array:
    """What belongs to the prompts [B, P, ...], of what belongs to the rows."""
    if places_BxP is None:
        return array_RxPxX
    return array_RxPxX.reshape(-1, *array_RxPxX.shape[2:])[places_BxP]


@partial(jax.jit, static_argnames=("num_beams", "max_new_tokens", "eos_id"))
def begin(
    model: DecodingModel,
    prompt: PromptCache,
    hidden_BxTxD: jax.Array,
    real_B: jax.Array,
    forbidden_V: jax.Array,
    automaton: Automaton | None,
    candidates: Candidates | None = None,
    length_penalty_B: jax.Array | None = None,
    repetition: Repetition | None = None,
    prefix: ForcedPrefix | None = None,
    *,
    num_beams: int,
    max_new_tokens: int,
    eos_id: int,
) -> Search:
    """The searches after their first token that is chosen.

    Args:
      model: from `for_decoding`.
      prompt, hidden_BxTxD: from `prefill`; T is 1 without a prefix, else one more than it is wide.
      real_B: bool, False for rows that only fill the batch up: nothing waits for them.
      forbidden_V: bool, True where a token is never chosen.
      automaton: what each answer may be; None: anything.
      candidates: tokens that `automaton` names by their numbers among them, and over which probabilities are
        normalised; none of them may be forbidden. None: all of the vocabulary.
      length_penalty_B: float32, 0 compares hypotheses by the sum of log-probabilities, 1 (as without it) by the mean.
      repetition: over the vocabulary; None where it costs nothing.
      prefix: what the prompts end with that belongs to the answers; only with `candidates`, and without `repetition`.
      num_beams: beams of the search; 1 is greedy.
      max_new_tokens: most tokens of an answer, its end token included.
      eos_id: the end-of-sequence token, or its number among the candidates.
    """
    state = beam_search.start(
        real_B,
        num_beams=num_beams,
        max_new_tokens=max_new_tokens,
        eos_id=eos_id,
        length_penalty_B=length_penalty_B,
    )
    automaton_state = None if automaton is None else constraints.initial_state(automaton, num_beams)
    prefilled_B, head_BxUxD = jnp.zeros(real_B.shape, jnp.int32), None
    if candidates is None:
        logits_BxTxV = model.backbone.logits(hidden_BxTxD)
    else:
        head_BxUxD = model.backbone.head()[candidates.ids_BxU].astype(hidden_BxTxD.dtype)
        logits_BxTxV = _candidate_logits(hidden_BxTxD, head_BxUxD)
        if repetition is not None:
            repetition = repetition._replace(in_prompt_BxV=candidates.of_vocabulary(repetition.in_prompt_BxV))
        if prefix is not None:
            prefilled_B = prefix.lengths_B
            log_probs_BxTxV = jax.nn.log_softmax(candidates.only_real(logits_BxTxV))
            state = beam_search.after_forced(state, *prefix, prefix_scores(prefix, log_probs_BxTxV))
    logits_BxKxV = jnp.broadcast_to(logits_BxTxV[:, -1:], (*state.scores_BxK.shape, logits_BxTxV.shape[-1]))
    search = Search(prompt, prefilled_B, state, automaton, automaton_state, None, candidates, head_BxUxD, repetition)
    return _choose(search, logits_BxKxV, forbidden_V, eos_id)


def _candidate_logits(hidden_BxQxD: jax.Array, head_BxUxD: jax.Array) -> jax.Array:
    """float32 [B, Q, U]."""
    return product("bqd,bud->bqu", hidden_BxQxD, head_BxUxD, head_BxUxD.dtype, jnp.float32)


def _choose(search: Search, logits_BxKxV: jax.Array, forbidden_V: jax.Array, eos_id: int) -> Search:
    """One more token in each hypothesis, and where that leaves it in its automaton."""
    state, automaton, at = search.state, search.automaton, search.automaton_state
    forbidden = forbidden_V
    if search.candidates is not None:
        logits_BxKxV, forbidden = search.candidates.only_real(logits_BxKxV), ~search.candidates.real_BxU[:, None]
    if automaton is not None:
        remaining_B = state.ids_BxKxN.shape[2] - state.length_B
        forbidden = forbidden | constraints.closed_tokens(automaton, at, remaining_B)
    state = beam_search.step(state, logits_BxKxV, forbidden, search.repetition, eos_id=eos_id)
    if automaton is not None:
        at = constraints.advance(automaton, at, state.parents_BxK, state.last_tokens_BxK)
    return search._replace(state=state, automaton_state=at)


@partial(jax.jit, static_argnames=("eos_id", "tokens_a_step"), donate_argnames=("answers",))
def extend(
    model: DecodingModel,
    search: Search,
    answers: AnswerCache,
    forbidden_V: jax.Array,
    undecided: jax.Array | int = 0,
    *,
    eos_id: int,
    tokens_a_step: int = 1,
) -> Carry:
    """Searches on until at most so many examples are `undecided`, or `answers` is full.

    A step reads the newest token of each hypothesis; with `echoes` up to `tokens_a_step`, those that follow it with
    nothing to choose.
    """

    def keep_going(carry: Carry) -> jax.Array:
        state, _, answers = carry
        used_B = state.length_B - search.prefilled_B + tokens_a_step - 1
        full = (state.undecided_B & (used_B > answers.size)).any()
        return (state.undecided_B.sum() > undecided) & ~full

    def step(carry: Carry) -> Carry:
        state, automaton_state, answers = carry
        now = search._replace(state=state, automaton_state=automaton_state)
        tokens_BxQ = state.last_tokens_BxK
        if tokens_a_step > 1:
            node_B, most = automaton_state.node[:, 0], tokens_a_step - 1
            ids_BxF, counts_B, node_B = now.echoes.after(node_B, most, state.undecided_B)
            tokens_BxQ = jnp.concatenate([tokens_BxQ, ids_BxF], axis=1)
        if now.candidates is not None:
            tokens_BxQ = now.candidates.ids_of(tokens_BxQ)
        x_BxQxD, answers = advance(model, now.prompt, state, answers, tokens_BxQ, now.prefilled_B)
        x_BxQxD = model.backbone.final_norm(x_BxQxD)
        if now.head_BxUxD is None:
            logits_BxQxV = model.backbone.logits(x_BxQxD)
        else:
            logits_BxQxV = _candidate_logits(x_BxQxD, now.head_BxUxD)
        if tokens_a_step > 1:
            log_probs_BxFxV = jax.nn.log_softmax(now.candidates.only_real(logits_BxQxV[:, :-1]))
            state = beam_search.after_forced(state, ids_BxF, counts_B, sum_scores(log_probs_BxFxV, ids_BxF, counts_B))
            now = now._replace(state=state, automaton_state=automaton_state._replace(node=node_B[:, None]))
            logits_BxQxV = jnp.take_along_axis(logits_BxQxV, counts_B[:, None, None], axis=1)
        now = _choose(now, logits_BxQxV, forbidden_V, eos_id)
        return now.state, now.automaton_state, answers

    return jax.lax.while_loop(keep_going, step, (search.state, search.automaton_state, answers))


def advance(
    model: DecodingModel,
    prompt: PromptCache,
    state: SearchState,
    answers: AnswerCache,
    tokens_BxQ: jax.Array,
    prefilled_B: jax.Array | int = 0,
) -> tuple[jax.Array, AnswerCache]:
    """Reads tokens: [B, Q, D] after the last block, and the cache with them.

    Args:
      tokens_BxQ: int32, the newest token of each hypothesis; of a single one others may follow, of which
        some are not of the answer: only queries whose results are dropped see those, the next step overwrites them.
      prefilled_B: int32, tokens of the answers that are in `prompt`.
    """
    beams, tokens = state.last_tokens_BxK.shape[1], tokens_BxQ.shape[1]
    index_B = jnp.maximum(state.length_B - 1 - prefilled_B, 0)
    answers = answers.with_token_slot(state.parents_BxK, index_B)
    biases, positions = _keys(model.backbone, prompt, answers, index_B, tokens)
    offset_Q = jnp.arange(tokens) if beams == 1 else jnp.zeros(tokens, jnp.int32)
    positions_BxQ = (prompt.lengths_B + index_B)[:, None] + offset_Q
    x_BxQxD = model.backbone.embed(tokens_BxQ)
    all_keys, all_values = [], []
    for layer, block in enumerate(model.blocks):
        of_prompt = Part(prompt.keys[layer], prompt.values[layer], biases[0], positions[0])
        of_answer = Part(answers.keys[layer], answers.values[layer], biases[1], positions[1])
        x_BxQxD, keys, values = _advance_block(
            block, layer, x_BxQxD, positions_BxQ, index_B * beams, of_prompt, of_answer
        )
        all_keys.append(keys)
        all_values.append(values)
    return x_BxQxD, answers._replace(keys=tuple(all_keys), values=tuple(all_values))


@jax.jit
def _advance_block(
    block: Block,
    layer: jax.Array | int,
    x_BxQxD: jax.Array,
    positions_BxQ: jax.Array,
    entry_B: jax.Array,
    of_prompt: Part,
    of_answer: Part,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """One block of `advance`: what comes out, and the keys and values of the answers with the new ones.

    A function of its own that is compiled into its caller: Python traces it once, not once for each layer.
    """
    written = []

    def attend_to_cache(q: jax.Array, k: jax.Array, v: jax.Array, window: Window | None = None) -> jax.Array:
        written.extend(write(cache, new, entry_B) for cache, new in zip(of_answer[:2], (k, v), strict=True))
        parts = (of_prompt, Part(*written, *of_answer[2:]))
        return attend_parts(q, parts, positions_BxQ, window)

    x_BxQxD = block(x_BxQxD, positions_BxQ, attend_to_cache, layer)
    return x_BxQxD, *written


def _keys(
    backbone: Backbone, prompt: PromptCache, answers: AnswerCache, index_B: jax.Array, tokens: int
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """Biases and positions of the keys of the prompts and of those of the answers, as `Part` has them."""
    prompt_BxHxP = backbone.key_bias(prompt.positions_BxP)
    beams = answers.ancestors_BxKxN.shape[1]
    positions_BxM = prompt.lengths_B[:, None] + jnp.arange(answers.size * beams) // beams
    answer_BxHxM = backbone.key_bias(positions_BxM)
    biases = (
        jnp.where(prompt.mask_BxP[:, None], prompt_BxHxP, MASKED)[..., None],
        jnp.where(answers.visible(index_B, tokens)[:, None], answer_BxHxM[..., None], MASKED),
    )
    return biases, (prompt.positions_BxP, positions_BxM)
