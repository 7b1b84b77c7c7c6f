"""Exact probabilities of whole labels: one pass over the prompts, one over the tries of their labels.

Beam search compares what it has found; here every label is compared, whatever its length in tokens. The nodes of a trie
are read as one text in which each token sees the prompt and what is before it in its label, but no other label.

Suffixes: B prompts, P prompt tokens, M nodes, H heads, E head_dim, D hidden_size, V vocabulary, C pairs of a chunk.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from seqgpt_jax.decoding.cache import PromptCache
from seqgpt_jax.decoding.cache_attention import Part, attend_parts
from seqgpt_jax.decoding.label_trie import LabelTrie, TrieArrays, trie_arrays
from seqgpt_jax.decoding.prompt_packing import pack_prompts
from seqgpt_jax.decoding.step import DecodingModel, prefill
from seqgpt_jax.models.attention import MASKED, Window
from seqgpt_jax.models.backbone import Backbone, Block

MAX_BYTES = 1 << 28
"""Bound on the logits, and on the attention scores of a layer, that are there at one time, in bytes."""


def score_labels(
    model: DecodingModel,
    tokens_BxP: np.ndarray,
    mask_BxP: np.ndarray,
    tries: Sequence[LabelTrie],
    width: int,
) -> list[list[float]]:
    """The log-probability, in nats, of each label of each trie after its prompt, the end token included.

    Args:
      model: from `for_decoding`.
      tokens_BxP: int32, prompts padded on either side.
      mask_BxP: bool, False for padding; each row has a token.
      tries: of the first rows; rows beyond them are filler.
      width: at least the `size` of each trie.
    """
    arrays = trie_arrays(tries, len(tokens_BxP), width)
    prompt, hidden_Bx1xD = prefill(model, pack_prompts(tokens_BxP, mask_BxP))
    hidden_BxMxD = _read(model, prompt, arrays)
    first_BxM, pair_BxM = jax.device_get(_log_probs(model.backbone, hidden_Bx1xD, hidden_BxMxD, arrays))
    return [trie.label_scores(first_BxM[row], pair_BxM[row]) for row, trie in enumerate(tries)]


def rows_that_fit(model: DecodingModel, prompt_tokens: int, width: int) -> int:
    """Prompts of a batch whose attention scores in one layer take at most `MAX_BYTES`; at least 1."""
    scores = 4 * model.backbone.config.n_head * (prompt_tokens + width) * width
    return max(MAX_BYTES // scores, 1)


@jax.jit
def _log_probs(
    backbone: Backbone, hidden_Bx1xD: jax.Array, hidden_BxMxD: jax.Array, tries: TrieArrays
) -> tuple[jax.Array, jax.Array]:
    """float32 [B, M] each: log-probabilities of `first_tokens`, and of `pairs`.

    Args:
      hidden_Bx1xD: of the last token of each prompt, after the final norm.
      hidden_BxMxD: of the nodes, before it.
    """
    logits_BxV = backbone.logits(hidden_Bx1xD[:, 0])
    first_BxM = jnp.take_along_axis(logits_BxV, tries.first_tokens_BxM, axis=1)
    first_BxM -= jax.nn.logsumexp(logits_BxV, axis=1, keepdims=True)
    hidden_BxMxD = backbone.final_norm(hidden_BxMxD)
    source_BxMxD = jnp.take_along_axis(hidden_BxMxD, tries.sources_BxM[..., None], axis=1)
    batch, width, depth = source_BxMxD.shape
    chunk = _chunk(batch * width, logits_BxV.shape[1])

    def log_probs_of(rows: tuple[jax.Array, jax.Array]) -> jax.Array:
        hidden_CxD, targets_C = rows
        logits_CxV = backbone.logits(hidden_CxD)
        logits_C = jnp.take_along_axis(logits_CxV, targets_C[:, None], axis=1)[:, 0]
        return logits_C - jax.nn.logsumexp(logits_CxV, axis=1)

    chunks = (source_BxMxD.reshape(-1, chunk, depth), tries.targets_BxM.reshape(-1, chunk))
    return first_BxM, jax.lax.map(log_probs_of, chunks).reshape(batch, width)


def _read(model: DecodingModel, prompt: PromptCache, tries: TrieArrays) -> jax.Array:
    """[B, M, D]: all nodes after the last block."""
    x_BxMxD, positions_BxM, *biases = _embed(model.backbone, prompt.positions_BxP, prompt.mask_BxP, tries)
    for layer, (block, keys, values) in enumerate(zip(model.blocks, prompt.keys, prompt.values, strict=True)):
        of_prompt = Part(keys, values, biases[0], prompt.positions_BxP)
        x_BxMxD = _read_block(block, layer, x_BxMxD, positions_BxM, of_prompt, biases[1])
    return x_BxMxD


@jax.jit
def _embed(
    backbone: Backbone, prompt_positions_BxP: jax.Array, mask_BxP: jax.Array, tries: TrieArrays
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """What the first block reads, the positions of the nodes, and the biases of the prompt's keys and of the nodes'."""
    positions_BxM = mask_BxP.sum(axis=1, dtype=jnp.int32)[:, None] + tries.depths_BxM
    prompt_bias_BxHxP = jnp.where(mask_BxP[:, None], backbone.key_bias(prompt_positions_BxP), MASKED)
    # Keys by queries, as `attend_parts` has it.
    seen_BxMxM = tries.visible_BxMxM.swapaxes(1, 2)[:, None]
    trie_bias_BxHxMxM = jnp.where(seen_BxMxM, backbone.key_bias(positions_BxM)[..., None], MASKED)
    return backbone.embed(tries.tokens_BxM), positions_BxM, prompt_bias_BxHxP[..., None], trie_bias_BxHxMxM


@jax.jit
def _read_block(
    block: Block,
    layer: jax.Array | int,
    x_BxMxD: jax.Array,
    positions_BxM: jax.Array,
    of_prompt: Part,
    trie_bias_BxHxMxM: jax.Array,
) -> jax.Array:
    def attend(q: jax.Array, k: jax.Array, v: jax.Array, window: Window | None = None) -> jax.Array:
        of_tries = Part(k.swapaxes(1, 2), v.swapaxes(1, 2), trie_bias_BxHxMxM, positions_BxM)
        return attend_parts(q, (of_prompt, of_tries), positions_BxM, window)

    return block(x_BxMxD, positions_BxM, attend, layer)


def _chunk(pairs: int, vocab_size: int) -> int:
    """Pairs whose logits are computed at a time: a divisor of all, within `MAX_BYTES`."""
    most = max(MAX_BYTES // (4 * vocab_size), 1)
    return next(size for size in range(min(most, pairs), 0, -1) if pairs % size == 0)


def without_prior(scores: np.ndarray, priors: np.ndarray, labels: int) -> np.ndarray:
    """Log-probabilities with the prior of each label divided out, shifted so that the best is what the best was.

    That of `None`, behind the `labels`, stays, and so does whether it is the best: after a text that says nothing it is
    the right answer, not a preference.

    >>> np.exp(without_prior(np.log([0.6, 0.3, 0.1]), np.log([0.8, 0.1, 0.1]), 2)).round(3).tolist()
    [0.15, 0.6, 0.1]
    """
    ratios = scores[:labels] - priors[:labels]
    return np.concatenate([ratios + scores[:labels].max() - ratios.max(), scores[labels:]])
