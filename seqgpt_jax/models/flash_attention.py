"""Attention for training that never holds scores of shape [batch, heads, length, length].

Two ways to compute what `attend` computes over a row packed with texts, chosen by `Model.attention`:

    blockwise   any device: an online softmax over blocks of keys (Milakov and Gimelshein, arXiv:1805.02867), gradients
                from the logsumexp of each query (Dao et al., arXiv:2205.14135). Blocks of keys in which no query of a
                block finds its own text are skipped, so packed rows cost little more than the texts alone.
    splash      TPU: the Pallas kernel of `jax.experimental.pallas.ops.tpu.splash_attention`.

**The bias in the splash kernel.** It takes no bias, but slope·position is a product, so it can be a part of query·key:
six more dimensions, which cost nothing where they fit into the 128 lanes that the chip fills anyway (head_dim 64, 80,
96), and double the product of queries and keys at 128. A bfloat16 has 8 bits, so the slope is split into three of
them (24 bits, all that float32 has) and the position into a multiple of 256 and the rest. Each of the six products is
exact and their sum is float32, as in `attend`, whatever the dtype of the queries.

On a mesh both run inside `jax.shard_map` over the axes of batch and heads: each device has its own rows and heads, and
nothing is exchanged. What they save for the backward pass (their result and the logsumexp) goes by the name `SAVED`.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jax.experimental.pallas.ops.tpu import splash_attention

from seqgpt_jax.models.attention import MASKED, Window
from seqgpt_jax.models.sharding import current_rules

SAVED = "attention"

BLOCK = 128
"""Queries, and keys, of one step of `blockwise`.

On a CPU, forward and gradient over 1,024 tokens then take half the time of `attend`, a quarter where texts of 170
tokens are packed; 64 is as fast over one text and a little faster over packed ones, 512 hardly gains anything.
"""

SPLASH_BLOCKS = (512, 256, 128)
"""Block sizes of the kernel, the fastest first; the first that divides the length is taken."""

POSITION_BASE = 256
"""Positions are split into a multiple of it and a rest, which bfloat16 both holds exactly."""

_HEADS = ("batch", None, "heads", None)
_KV_HEADS = ("batch", None, "kv_heads", None)
_ROWS = ("batch", None)


def blockwise(
    q_BxLxHxK: jax.Array,
    k_BxLxGxK: jax.Array,
    v_BxLxGxK: jax.Array,
    slopes_H: np.ndarray | None,
    positions_BxL: jax.Array,
    segments_BxL: jax.Array,
    window: Window | None = None,
) -> jax.Array:
    """What `attend` gives with `segment_mask`, in blocks: memory grows with length, not with its square.

    Args:
      q_BxLxHxK: queries in the compute dtype; H / G successive heads of them share one of the keys.
      k_BxLxGxK, v_BxLxGxK: keys and values.
      slopes_H: float32, what one more position of a key adds to its scores (ALiBi); None: nothing.
      positions_BxL: int, position of each token in its text.
      segments_BxL: int, a token sees those before it with its own number. It sees itself, so nothing is ever empty.
      window: where the layer has one; tokens of a text lie side by side. None: a query sees all tokens before it.

    Returns:
      [B, L, H, head_dim] in the dtype of `q`. In float32 it differs from `attend` by less than 1e-5 of the largest
      value, and so do the gradients; in bfloat16 by what rounding the weights before and not after the division makes.

    Raises:
      ValueError: the length is above `BLOCK` and no multiple of it, or length is split over the mesh.
    """
    length = q_BxLxHxK.shape[1]
    if length > BLOCK and length % BLOCK:
        raise ValueError(
            f"Model.attention = 'blockwise' cannot cut rows of {length} tokens into blocks of {BLOCK}: "
            f"set Train.length to a multiple of {BLOCK}, for example {_above(length, BLOCK)}, "
            "or Model.attention to 'plain'"
        )
    slopes_H = jnp.zeros(q_BxLxHxK.shape[2]) if slopes_H is None else jnp.asarray(slopes_H)
    reach = jnp.int32(length) if window is None else jnp.minimum(window.reach(), length)
    names = (_HEADS, _KV_HEADS, _KV_HEADS, ("heads",), _ROWS, _ROWS, ())
    arguments = (q_BxLxHxK, k_BxLxGxK, v_BxLxGxK, slopes_H, positions_BxL, segments_BxL, reach)
    return _on_mesh("blockwise", _blocks, names)(*arguments)


def splash(
    q_BxLxHxK: jax.Array,
    k_BxLxGxK: jax.Array,
    v_BxLxGxK: jax.Array,
    slopes_H: np.ndarray | None,
    positions_BxL: jax.Array,
    segments_BxL: jax.Array,
    window: Window | None = None,
    *,
    interpret: bool = False,
) -> jax.Array:
    """What `attend` gives with `segment_mask`, from a TPU kernel that keeps the scores of a block on the chip.

    In float32 the interpreted kernel differs from `attend` by less than 1e-5 of the largest value, and so do the
    gradients; in bfloat16 it is within twice the error that `attend` makes.

    Args:
      q_BxLxHxK, k_BxLxGxK, v_BxLxGxK, slopes_H, positions_BxL, segments_BxL, window: as in `blockwise`.
      interpret: run the kernel step by step on any device, as tests do.

    Returns:
      [B, L, H, head_dim] in the dtype of `q`.

    Raises:
      ValueError: not on a TPU, the length is no multiple of the smallest block or above 65,536, or it is split.
    """
    L, K = q_BxLxHxK.shape[1], q_BxLxHxK.shape[3]
    smallest, longest = SPLASH_BLOCKS[-1], POSITION_BASE**2
    if not interpret and (platform := _platform()) != "tpu":
        raise ValueError(
            f"Model.attention = 'splash' is a kernel for TPUs, and this runs on {platform}: "
            "set Model.attention to 'blockwise' or 'plain'"
        )
    if L % smallest or longest < L:
        raise ValueError(
            f"Model.attention = 'splash' cannot take rows of {L} tokens: set Train.length to a multiple of {smallest}, "
            f"{longest:,} at most, for example {min(_above(L, smallest), longest)}, or Model.attention to 'plain'"
        )
    q_BxLxHxE, k_BxLxGxE = q_BxLxHxK * K**-0.5, k_BxLxGxK
    if slopes_H is not None:
        slopes_Hx6, positions_BxLx1x6 = _slope_parts(slopes_H), _position_parts(positions_BxL)[:, :, None]
        q_BxLxHxE, k_BxLxGxE = _wider(q_BxLxHxE, slopes_Hx6), _wider(k_BxLxGxE, positions_BxLx1x6)
    names = (_HEADS, _KV_HEADS, _KV_HEADS, _ROWS)

    def run(size: int | None, *arguments: jax.Array) -> jax.Array:
        kernel = partial(_splash_kernel, window=size, interpret=interpret)
        return _on_mesh("splash", kernel, names)(*arguments)

    arguments = (q_BxLxHxE, k_BxLxGxE, v_BxLxGxK, segments_BxL)
    if window is None:
        return run(None, *arguments)
    return jax.lax.cond(window.applies, partial(run, window.size), partial(run, None), *arguments)


def _wider(x_BxLxHxK: jax.Array, parts: np.ndarray | jax.Array) -> jax.Array:
    """[B, L, H, K + 6]: with more dimensions, which are broadcast."""
    wide = (*x_BxLxHxK.shape[:3], parts.shape[-1])
    return jnp.concatenate([x_BxLxHxK, jnp.broadcast_to(parts, wide).astype(x_BxLxHxK.dtype)], axis=-1)


def _on_mesh(method: str, function: Callable, names: tuple[tuple[str | None, ...], ...]) -> Callable:
    """`function`, each device calling it with its own rows and heads; the axes of its arguments have logical names."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return function
    rules = current_rules()
    if rules is None:
        raise ValueError(
            f"Model.attention = {method!r} on a mesh needs sharding rules: call it inside use_sharding(mesh, rules)"
        )
    if rules.length is not None:
        raise ValueError(
            f"Model.attention = {method!r} needs whole rows on a device, and the rule for length splits them over "
            f"{rules.length!r}: set it to None, or Model.attention to 'plain'"
        )
    if rules.kv_heads != rules.heads:
        raise ValueError(
            f"Model.attention = {method!r} needs queries beside their keys: the rule for kv_heads is "
            f"{rules.kv_heads!r}, that for heads {rules.heads!r}; make them equal, or set Model.attention to 'plain'"
        )
    specs = tuple(rules.spec(*axes) for axes in names)
    return jax.shard_map(function, in_specs=specs, out_specs=specs[0], check_vma=False)


def _platform() -> str:
    """Where the program will run: with a mesh that is told by its devices, which need not be here."""
    device = jax.sharding.get_abstract_mesh().abstract_device
    return device.platform if device is not None else jax.default_backend()


def _above(length: int, block: int) -> int:
    return -(-length // block) * block


# Splash


def _slope_parts(slopes_H: np.ndarray) -> np.ndarray:
    """float32 [H, 6]: the slope as three bfloat16 numbers, each twice; they meet `_position_parts`."""
    rest = slopes_H
    parts = []
    for _ in range(3):
        # In NumPy, as XLA may leave out a conversion to bfloat16 and back.
        part = rest.astype(jnp.bfloat16).astype(np.float32)
        parts += [part, part]
        rest = rest - part
    return np.stack(parts, axis=-1)


def _position_parts(positions_BxL: jax.Array) -> jax.Array:
    """int [B, L, 6]: the multiple of 256 in the position and what is left, three times."""
    low = positions_BxL % POSITION_BASE
    return jnp.stack([positions_BxL - low, low] * 3, axis=-1)


def _splash_kernel(q_BxLxHxE, k_BxLxGxE, v_BxLxGxK, segments_BxL, *, window, interpret):
    B, L, H, E = q_BxLxHxE.shape
    G = k_BxLxGxE.shape[2]
    block = next(size for size in SPLASH_BLOCKS if L % size == 0)
    sizes = splash_attention.BlockSizes(
        **dict.fromkeys(("block_q", "block_kv", "block_q_dkv", "block_kv_dkv", "block_q_dq", "block_kv_dq"), block)
    )
    # The kernel with one head of keys takes the queries of a group, that for many heads as many keys as queries.
    make, heads = (splash_attention.make_splash_mha, H) if G == H else (splash_attention.make_splash_mqa, H // G)
    if window is None:
        mask = splash_attention.CausalMask((L, L))
    else:
        mask = splash_attention.LocalMask((L, L), window_size=(window - 1, 0), offset=0)
    kernel = make(
        splash_attention.MultiHeadMask([mask] * heads),
        block_sizes=sizes,
        head_shards=1,
        q_seq_shards=1,
        residual_checkpoint_name=SAVED,
        interpret=interpret,
    )
    segments = splash_attention.SegmentIds(segments_BxL, segments_BxL)
    q_BxHxLxE, k_BxGxLxE, v_BxGxLxK = (jnp.swapaxes(x, 1, 2) for x in (q_BxLxHxE, k_BxLxGxE, v_BxLxGxK))
    if G == H:
        context_BxHxLxK = jax.vmap(kernel)(q_BxHxLxE, k_BxGxLxE, v_BxGxLxK, segments)
    else:
        of_groups = jax.vmap(kernel, in_axes=(0, 0, 0, None))
        q_BxGxRxLxE = q_BxHxLxE.reshape(B, G, heads, L, E)
        context_BxHxLxK = jax.vmap(of_groups)(q_BxGxRxLxE, k_BxGxLxE, v_BxGxLxK, segments).reshape(B, H, L, -1)
    return jnp.swapaxes(context_BxHxLxK, 1, 2)


# Blockwise. N blocks of C tokens; a block of queries is q_BxGxQxK, one of keys k_BxGxSxK with S = C. The queries of the
# H / G heads of a group are Q = C·H / G queries of the one head of keys.


@jax.custom_vjp
def _blocks(q_BxLxHxK, k_BxLxGxK, v_BxLxGxK, slopes_H, positions_BxL, segments_BxL, reach):
    return _blocks_forward(q_BxLxHxK, k_BxLxGxK, v_BxLxGxK, slopes_H, positions_BxL, segments_BxL, reach)[0]


def _blocks_forward(q_BxLxHxK, k_BxLxGxK, v_BxLxGxK, slopes_H, positions_BxL, segments_BxL, reach):
    dtype = q_BxLxHxK.dtype
    groups = k_BxLxGxK.shape[2]
    q_NxBxGxQxK, k_NxBxGxSxK, v_NxBxGxSxK = (_cut_heads(x, groups) for x in (q_BxLxHxK, k_BxLxGxK, v_BxLxGxK))
    score = _scorer(slopes_H, positions_BxL, segments_BxL, reach)
    first_N, _ = _visible_blocks(segments_BxL, reach)

    def query_block(_, block):
        i, q_BxGxQxK, first = block

        def key_block(j, carry):
            largest_BxGxQ, sum_BxGxQ, context_BxGxQxK = carry
            scores_BxGxQxS = score(i, j, q_BxGxQxK, k_NxBxGxSxK[j])
            new_BxGxQ = jnp.maximum(largest_BxGxQ, jnp.max(scores_BxGxQxS, axis=-1))
            # Where nothing was seen so far all scores are MASKED; what they add is multiplied by 0 as soon as a real
            # one comes, at the latest that of the token itself.
            weights_BxGxQxS = jnp.exp(scores_BxGxQxS - new_BxGxQ[..., None])
            shrink_BxGxQ = jnp.exp(largest_BxGxQ - new_BxGxQ)
            sum_BxGxQ = shrink_BxGxQ * sum_BxGxQ + jnp.sum(weights_BxGxQxS, axis=-1)
            found_BxGxQxK = _dot("bgqs,bgsk->bgqk", weights_BxGxQxS.astype(dtype), v_NxBxGxSxK[j])
            return new_BxGxQ, sum_BxGxQ, shrink_BxGxQ[..., None] * context_BxGxQxK + found_BxGxQxK

        nothing_BxGxQ = jnp.zeros(q_BxGxQxK.shape[:-1], jnp.float32)
        start = (nothing_BxGxQ + MASKED, nothing_BxGxQ, jnp.zeros(q_BxGxQxK.shape, jnp.float32))
        largest_BxGxQ, sum_BxGxQ, context_BxGxQxK = jax.lax.fori_loop(first, i + 1, key_block, start)
        context_BxGxQxK = (context_BxGxQxK / sum_BxGxQ[..., None]).astype(dtype)
        return None, (context_BxGxQxK, largest_BxGxQ + jnp.log(sum_BxGxQ))

    blocks = (jnp.arange(len(q_NxBxGxQxK)), q_NxBxGxQxK, first_N)
    _, (context_NxBxGxQxK, logsumexp_NxBxGxQ) = jax.lax.scan(query_block, None, blocks)
    context_BxLxHxK = checkpoint_name(_join_heads(context_NxBxGxQxK, q_BxLxHxK), SAVED)
    logsumexp_NxBxGxQ = checkpoint_name(logsumexp_NxBxGxQ, SAVED)
    arguments = (q_BxLxHxK, k_BxLxGxK, v_BxLxGxK, slopes_H, positions_BxL, segments_BxL, reach)
    return context_BxLxHxK, (arguments, context_BxLxHxK, logsumexp_NxBxGxQ)


def _blocks_backward(residuals, cotangent_BxLxHxK):
    arguments, context_BxLxHxK, logsumexp_NxBxGxQ = residuals
    q_BxLxHxK, k_BxLxGxK, v_BxLxGxK, slopes_H, positions_BxL, segments_BxL, reach = arguments
    dtype = q_BxLxHxK.dtype
    scale = q_BxLxHxK.shape[-1] ** -0.5
    groups = k_BxLxGxK.shape[2]
    q_NxBxGxQxK, k_NxBxGxSxK, v_NxBxGxSxK = (_cut_heads(x, groups) for x in (q_BxLxHxK, k_BxLxGxK, v_BxLxGxK))
    cotangent_NxBxGxQxK = _cut_heads(cotangent_BxLxHxK, groups)
    # sum over keys of weight * d weight, which the softmax takes off: the same as context * d context.
    mean_NxBxGxQ = _cut_heads(context_BxLxHxK, groups).astype(jnp.float32) * cotangent_NxBxGxQxK.astype(jnp.float32)
    mean_NxBxGxQ = jnp.sum(mean_NxBxGxQ, axis=-1)
    score = _scorer(slopes_H, positions_BxL, segments_BxL, reach)
    _, last_N = _visible_blocks(segments_BxL, reach)

    def key_block(dq_NxBxGxQxK, block):
        j, k_BxGxSxK, v_BxGxSxK, last = block

        def query_block(i, carry):
            dq_NxBxGxQxK, dk_BxGxSxK, dv_BxGxSxK = carry
            q_BxGxQxK, cotangent_BxGxQxK = q_NxBxGxQxK[i], cotangent_NxBxGxQxK[i]
            weights_BxGxQxS = jnp.exp(score(i, j, q_BxGxQxK, k_BxGxSxK) - logsumexp_NxBxGxQ[i][..., None])
            dv_BxGxSxK += _dot("bgqs,bgqk->bgsk", weights_BxGxQxS.astype(dtype), cotangent_BxGxQxK)
            dweights_BxGxQxS = _dot("bgqk,bgsk->bgqs", cotangent_BxGxQxK, v_BxGxSxK)
            dscores_BxGxQxS = scale * weights_BxGxQxS * (dweights_BxGxQxS - mean_NxBxGxQ[i][..., None])
            dscores_BxGxQxS = dscores_BxGxQxS.astype(dtype)
            dk_BxGxSxK += _dot("bgqs,bgqk->bgsk", dscores_BxGxQxS, q_BxGxQxK)
            dq_NxBxGxQxK = dq_NxBxGxQxK.at[i].add(_dot("bgqs,bgsk->bgqk", dscores_BxGxQxS, k_BxGxSxK))
            return dq_NxBxGxQxK, dk_BxGxSxK, dv_BxGxSxK

        nothing_BxGxSxK = jnp.zeros(k_BxGxSxK.shape, jnp.float32)
        start = (dq_NxBxGxQxK, nothing_BxGxSxK, nothing_BxGxSxK)
        dq_NxBxGxQxK, dk_BxGxSxK, dv_BxGxSxK = jax.lax.fori_loop(j, last + 1, query_block, start)
        return dq_NxBxGxQxK, (dk_BxGxSxK.astype(dtype), dv_BxGxSxK.astype(dtype))

    blocks = (jnp.arange(len(k_NxBxGxSxK)), k_NxBxGxSxK, v_NxBxGxSxK, last_N)
    dq_NxBxGxQxK, (dk_NxBxGxSxK, dv_NxBxGxSxK) = jax.lax.scan(
        key_block, jnp.zeros(q_NxBxGxQxK.shape, jnp.float32), blocks
    )
    dq_BxLxHxK = _join_heads(dq_NxBxGxQxK, q_BxLxHxK).astype(dtype)
    dk_BxLxGxK, dv_BxLxGxK = _join_heads(dk_NxBxGxSxK, k_BxLxGxK), _join_heads(dv_NxBxGxSxK, v_BxLxGxK)
    return dq_BxLxHxK, dk_BxLxGxK, dv_BxLxGxK, None, None, None, None


_blocks.defvjp(_blocks_forward, _blocks_backward)


def _scorer(slopes_H, positions_BxL, segments_BxL, reach) -> Callable:
    """score(i, j, queries of block i, keys of block j): float32 [B, G, Q, S], `MASKED` where a query sees no key."""
    segments_NxBxC = _cut(segments_BxL)
    bias_NxBxHxC = slopes_H[:, None] * _cut(positions_BxL).astype(jnp.float32)[:, :, None]
    place_C = jnp.arange(segments_NxBxC.shape[-1])

    def score(i, j, q_BxGxQxK, k_BxGxSxK):
        scores_BxGxQxS = _dot("bgqk,bgsk->bgqs", q_BxGxQxK, k_BxGxSxK) * q_BxGxQxK.shape[-1] ** -0.5
        scores_BxHxCxS = scores_BxGxQxS.reshape(len(q_BxGxQxK), len(slopes_H), len(place_C), -1)
        scores_BxHxCxS += bias_NxBxHxC[j][:, :, None]
        distance_CxS = (i * len(place_C) + place_C)[:, None] - (j * len(place_C) + place_C)
        seen_CxS = (distance_CxS >= 0) & (distance_CxS < reach)
        same_BxCxS = segments_NxBxC[i][:, :, None] == segments_NxBxC[j][:, None]
        scores_BxHxCxS = jnp.where((same_BxCxS & seen_CxS)[:, None], scores_BxHxCxS, MASKED)
        return scores_BxHxCxS.reshape(scores_BxGxQxS.shape)

    return score


def _visible_blocks(segments_BxL: jax.Array, reach: jax.Array) -> tuple[jax.Array, jax.Array]:
    """int [N], twice: the first block of keys that a block of queries sees, the last of queries that see one of keys.

    Over all rows, from the least and the largest segment in each block: exact where texts are numbered in their order,
    and never too narrow. Padding goes by itself, or a block that ends in it would seem to hold all texts. A query sees
    `reach` tokens at most.
    """
    segments_NxBxC = _cut(segments_BxL)
    padding_NxBxC = segments_NxBxC == 0
    least_NxB = jnp.min(jnp.where(padding_NxBxC, jnp.iinfo(jnp.int32).max, segments_NxBxC), axis=-1)
    largest_NxB = jnp.max(segments_NxBxC, axis=-1)
    padded_NxB = jnp.any(padding_NxBxC, axis=-1)
    texts_NxNxB = (least_NxB[:, None] <= largest_NxB) & (least_NxB <= largest_NxB[:, None])
    common_NxNxB = texts_NxNxB | (padded_NxB[:, None] & padded_NxB)
    blocks_N, size = np.arange(len(segments_NxBxC)), segments_NxBxC.shape[-1]
    # Between the first query of a block and the last key of one before it.
    least_distance_NxN = (blocks_N[:, None] - blocks_N) * size - (size - 1)
    near_NxN = np.tri(len(blocks_N), dtype=bool) & (least_distance_NxN < reach)
    sees_NxN = jnp.any(common_NxNxB, axis=-1) & near_NxN
    return jnp.argmax(sees_NxN, axis=1), len(sees_NxN) - 1 - jnp.argmax(sees_NxN[::-1], axis=0)


def _cut(x_BxLx: jax.Array) -> jax.Array:
    """[N, B, C, …] of [B, L, …]."""
    B, L = x_BxLx.shape[:2]
    return jnp.swapaxes(x_BxLx.reshape(B, -1, min(L, BLOCK), *x_BxLx.shape[2:]), 0, 1)


def _cut_heads(x_BxLxHxK: jax.Array, groups: int) -> jax.Array:
    """[N, B, G, H / G · C, K], so that the products of a block read what lies together."""
    x_NxBxHxCxK = jnp.swapaxes(_cut(x_BxLxHxK), 2, 3)
    return x_NxBxHxCxK.reshape(*x_NxBxHxCxK.shape[:2], groups, -1, x_NxBxHxCxK.shape[-1])


def _join_heads(x_NxBxGxQxK: jax.Array, like_BxLxHxK: jax.Array) -> jax.Array:
    """[B, L, H, K] of the shape of `like`: undoes `_cut_heads`."""
    B, L, H, K = like_BxLxHxK.shape
    x_NxBxHxCxK = x_NxBxGxQxK.reshape(len(x_NxBxGxQxK), B, H, -1, K)
    return jnp.transpose(x_NxBxHxCxK, (1, 0, 3, 2, 4)).reshape(B, L, H, K)


def _dot(spec: str, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.einsum(spec, x, y, preferred_element_type=jnp.float32)
